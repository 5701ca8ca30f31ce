// The routers in use over time: left when they fall silent, and not taken again at their first word.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Cidr } from '../../shared/address/cidr.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import type { NodeId } from '../../shared/ids.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { Running } from '../trust/compose.ts'
import { createOwnRouters } from './own-routers.ts'

const BLOCK = '192.168.50.0/24' as Cidr
const records = fakeRecords({
  nodes: [
    { name: 'self' },
    { name: 'gw-a', labels: { role: 'first' }, advertise: [BLOCK] },
    { name: 'gw-b', labels: { role: 'second' }, advertise: [BLOCK] },
  ],
  routes: {
    best: { destination: BLOCK, via: { matchLabels: { role: 'first' } }, metric: 10 },
    rest: { destination: BLOCK, via: { matchLabels: { role: 'second' } } },
  },
})

/** Nobody says anything of himself, and nobody is asked. */
const nobody = {
  facts: { facts: new Map() },
  health: { raise: () => undefined, clear: () => undefined },
  metered: false,
  proofs: { follow: () => undefined, of: () => undefined, close: () => undefined },
} as const

function rig() {
  const clock = new FakeClock()
  const [self, a, b] = records.nodes.map(({ nodeId }) => nodeId)
  const silent = new Set<NodeId | undefined>()
  const awake = new Set<NodeId | undefined>()
  const entries = new Map([a, b].map((node) => [node, { path: 'direct', heardAt: 0 } as PeerEntry]))
  const routers = createOwnRouters({
    ...nobody,
    self: self as NodeId,
    clock,
    peers: { of: (node) => entries.get(node) },
    paths: {
      engine: () => 'on',
      isSilent: (node) => silent.has(node),
      isAwake: (node) => awake.has(node),
      view: () => undefined,
    },
  })
  const held = { parsed: { records } } as unknown as Running
  const hears = (node: NodeId | undefined): void => {
    const entry = entries.get(node)
    if (entry !== undefined) entry.heardAt = clock.monotonic()
  }
  const states = (): string =>
    routers
      .status()
      .flatMap((one) => one.routers.map(({ name, state }) => `${name} ${state}`))
      .join(', ')
  return { a, b, awake, clock, entries, follow: () => routers.follow(held), hears, silent, states }
}

test('of two routes to one subnet the lower metric is used; silent, the other one; and back when it has been there for a while', () => {
  const { a, b, clock, follow, hears, silent, states } = rig()
  clock.advance(1_000)
  assert.not(follow(), 'it is what is preferred')
  assert.is(states(), 'gw-a used, gw-b ready')
  silent.add(a)
  assert.ok(follow())
  assert.is(states(), 'gw-a gone, gw-b used')
  // Nobody waits for it any more.
  silent.delete(a)
  clock.advance(600_000)
  assert.not(follow())
  assert.is(states(), 'gw-a gone, gw-b used')
  hears(a)
  assert.ok(follow())
  assert.is(states(), 'gw-a used, gw-b ready')
  silent.add(a)
  assert.ok(follow())
  silent.delete(a)
  clock.advance(1_000)
  hears(a)
  clock.advance(28_000)
  assert.not(follow(), 'held for half a minute')
  assert.is(states(), 'gw-a ready, gw-b used')
  silent.add(b)
  assert.ok(follow(), 'better than nothing')
  assert.is(states(), 'gw-a used, gw-b gone')
})

test('one that fails again is held for twice as long, up to ten minutes, and forgiven when it has held', () => {
  const { a, clock, follow, hears, silent, states } = rig()
  follow()
  let failures = 0
  const heldS = (): number => {
    silent.add(a)
    follow()
    silent.delete(a)
    failures++
    for (let s = 1; s <= 700; s++) {
      clock.advance(1_000)
      hears(a)
      if (follow()) return s
    }
    throw new Error(states())
  }
  assert.equal([heldS(), heldS(), heldS(), heldS(), heldS(), heldS(), heldS()], [30, 60, 120, 240, 480, 600, 600])
  clock.advance(1_200_000)
  follow()
  assert.is(heldS(), 30)
  assert.is(failures, 8)
})

test('one of which nothing was ever heard is left when a way takes no longer to be found', () => {
  const { a, awake, clock, entries, follow, states } = rig()
  entries.set(a, { path: 'none', heardAt: 0 } as PeerEntry)
  follow()
  awake.add(a)
  follow()
  clock.advance(4_900)
  assert.not(follow())
  clock.advance(200)
  assert.ok(follow())
  assert.is(states(), 'gw-a gone, gw-b used')
})

test('one that answers nothing that it is sent is left, whatever its last handshake says; one that is sent nothing is not', () => {
  const { a, clock, entries, follow, states } = rig()
  const entry = entries.get(a)
  if (entry === undefined) throw new Error('no entry')
  entry.txBytes = 1_000
  follow()
  clock.advance(60_000)
  assert.not(follow())
  entry.txBytes += 5_000
  follow()
  clock.advance(10_000)
  entry.heardAt = clock.monotonic()
  entry.txBytes += 5_000
  follow()
  entry.txBytes += 5_000
  follow()
  clock.advance(14_000)
  assert.not(follow())
  clock.advance(2_000)
  assert.ok(follow())
  assert.is(states(), 'gw-a gone, gw-b used')
})

test('what is not a router any more is forgotten', () => {
  const { follow, states } = rig()
  follow()
  assert.is(states(), 'gw-a used, gw-b ready')
  const clock = new FakeClock()
  const routers = createOwnRouters({
    ...nobody,
    self: records.nodes[1]?.nodeId as NodeId,
    clock,
    peers: { of: () => undefined },
    paths: { engine: () => 'on', isSilent: () => false, isAwake: () => false, view: () => undefined },
  })
  routers.follow({ parsed: { records } } as unknown as Running)
  assert.equal(routers.status(), [], 'a router itself uses no other')
})

test.run()
