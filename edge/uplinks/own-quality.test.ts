// What paths say of the way out: those that leave the LAN, measured just now, the best of them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import type { AgentOptions } from '../agent.ts'
import type { CandidateView, PathKind } from '../paths/path.ts'
import { createOwnQuality } from './own-quality.ts'

const id = (name: string): NodeId => parseNodeId(name.padEnd(16, 'a'))

interface Peer {
  readonly name: string
  readonly path: PathKind | 'none'
  readonly rttMs: number
  readonly loss?: number
  /** Milliseconds since it answered last. */
  readonly age?: number
  /** Other ways to it. */
  readonly beside?: readonly PathKind[]
  txBytes?: number
}

function world(peers: readonly Peer[], more: Partial<AgentOptions> = {}) {
  const clock = new FakeClock()
  clock.advance(3_600_000)
  const sights: { relay: NodeId; by: 'udp'; rttMs: number }[] = []
  const entries = peers.map((peer) => ({
    member: { nodeId: id(peer.name) },
    path: peer.path,
    rttMs: peer.rttMs,
    txBytes: 0,
  }))
  const view = (node: NodeId) => {
    const peer = peers.find(({ name }) => id(name) === node)
    if (peer === undefined) return undefined
    const one = (kind: PathKind, rttMs: number): Partial<CandidateView> => {
      return { kind, rttMs, loss: peer.loss ?? 0, lastAnswerAt: clock.monotonic() - (peer.age ?? 0) }
    }
    const others = (peer.beside ?? []).map((kind) => one(kind, 1))
    return { candidates: [...(peer.path === 'none' ? [] : [one(peer.path, peer.rttMs)]), ...others] }
  }
  const sources = {
    clock,
    peers: { entries, of: (node: NodeId) => entries.find(({ member }) => member.nodeId === node) },
    paths: { view, relaySights: () => sights },
    uplinks: { report: () => [] },
  } as unknown as Parameters<typeof createOwnQuality>[1]
  const quality = createOwnQuality({ ...more } as AgentOptions, sources)
  /** Turns of the agent, with so many bytes to the first peer between two of them. */
  const pass = (seconds: number, bytesPerTurn = 0): void => {
    for (let s = 0; s < seconds; s += 4) {
      const [first] = entries
      if (first !== undefined) first.txBytes += bytesPerTurn
      quality.look()
      clock.advance(4_000)
    }
  }
  return { clock, quality, pass, sights, entries }
}

test('it is the best of the ways that leave the LAN', () => {
  const { pass, quality } = world([
    { name: 'far', path: 'relay', rttMs: 180, loss: 0.04 },
    { name: 'near', path: 'direct', rttMs: 30, loss: 0.02, beside: ['lan'] },
    { name: 'here', path: 'lan', rttMs: 0.4 },
  ])
  pass(120)
  assert.equal(quality.view(), { rttMs: 50, lossPercent: 2, metered: false })
})

test('on a LAN alone, and of ways that nobody looks at, nothing is known', () => {
  const { pass, quality } = world([
    { name: 'here', path: 'lan', rttMs: 0.4 },
    { name: 'idle', path: 'direct', rttMs: 30, age: 120_000 },
    { name: 'gone', path: 'none', rttMs: 30 },
  ])
  pass(600)
  assert.equal(quality.view(), { metered: false })
})

test('relays that answer now and then count where no peer was measured for half an hour, but not one on the LAN', () => {
  const { pass, quality, sights } = world([{ name: 'here', path: 'lan', rttMs: 0.4 }])
  sights.push({ relay: id('here'), by: 'udp', rttMs: 1 }, { relay: id('relay'), by: 'udp', rttMs: 44 })
  pass(1_700)
  assert.is(quality.view().rttMs, undefined)
  pass(300)
  assert.equal(quality.view(), { rttMs: 50, metered: false })
})

test('what is sent beyond the LAN is what the uplink carries at least', () => {
  const mbitPerTurn = (mbit: number): number => (mbit * 4 * 1_000_000) / 8
  const out = world([{ name: 'far', path: 'direct', rttMs: 30 }])
  out.pass(120, mbitPerTurn(12))
  assert.equal([out.quality.view().bandwidthMbps, out.quality.view().bandwidthBy], [10, 'observed'])
  const inside = world([
    { name: 'here', path: 'lan', rttMs: 0.4 },
    { name: 'far', path: 'direct', rttMs: 30 },
  ])
  inside.pass(120, mbitPerTurn(900))
  assert.is(inside.quality.view().bandwidthMbps, undefined)
})

test('bytes from before the way left the LAN are not counted, nor is an interface that begins anew', () => {
  const { entries, pass, quality } = world([
    { name: 'moves', path: 'lan', rttMs: 1 },
    { name: 'far', path: 'direct', rttMs: 30 },
  ])
  pass(60, 100_000_000)
  const [first] = entries
  assert.ok(first !== undefined)
  first.path = 'direct'
  pass(60)
  assert.is(quality.view().bandwidthMbps, undefined)
  first.txBytes = 5
  pass(60)
  assert.is(quality.view().bandwidthMbps, undefined)
})

test('what people set is told at once, and metered is as they set it', () => {
  const { quality } = world([], { uplinkMbps: 7, paths: { metered: true } as NonNullable<AgentOptions['paths']> })
  assert.equal(quality.view(), { bandwidthMbps: 5, bandwidthBy: 'declared', metered: true })
})

test.run()
