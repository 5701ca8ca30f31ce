// What a node remembers of how it reached its peers: a point a minute, bounded, and nothing that was not measured.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { historyPeersMax, historyPointsMax, historyStepMs } from '../../shared/command-limits.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type HistoryPoint, historyPoints } from '../../shared/wire/history.ts'
import type { PathView } from '../paths/path.ts'
import { createPeerHistories, type PeerHistories } from './peer-history.ts'
import type { PeerEntry } from './peers.ts'

interface World {
  readonly histories: PeerHistories
  readonly entries: PeerEntry[]
  readonly views: Map<NodeId, PathView>
  readonly engine: { on: boolean; readonly awake: Set<NodeId> }
  add(name: string): PeerEntry
  pass(minutes: number, each?: () => void): void
  now(): number
}

function world(): World {
  let now = 1_000_000
  const entries: PeerEntry[] = []
  const views = new Map<NodeId, PathView>()
  const engine = { on: true, awake: new Set<NodeId>() }
  const of = (node: NodeId): PeerEntry | undefined => entries.find(({ member }) => member.nodeId === node)
  const histories = createPeerHistories({
    clock: { now: () => 0, monotonic: () => now, after: () => ({ cancel: () => undefined }) },
    peers: { entries, of },
    paths: {
      engine: () => (engine.on ? 'on' : 'off'),
      isAwake: (node) => !engine.on || engine.awake.has(node),
      view: (node) => views.get(node),
    },
  })
  return {
    histories,
    entries,
    views,
    engine,
    now: () => now,
    add(name) {
      const member = { name, nodeId: name } as unknown as PeerEntry['member']
      const entry = { member, path: 'direct', rxBytes: 0, txBytes: 0, activeUntil: 0 } as PeerEntry
      entries.push(entry)
      return entry
    },
    pass(minutes, each) {
      for (let minute = 0; minute < minutes; minute++) {
        now += historyStepMs
        each?.()
        histories.look()
      }
    },
  }
}

const node = (name: string): NodeId => name as NodeId

function pointsOf({ histories }: World, name: string): readonly HistoryPoint[] {
  return historyPoints(histories.of(node(name)))
}

/** The path in use, probed just now. */
function measured(one: World, rttMs: number, loss: number): PathView {
  const at = { lastAnswerAt: one.now(), lastProbeAt: one.now() }
  return { candidates: [{ inUse: true, rttMs, loss, ...at }] } as unknown as PathView
}

test('a pair that is talked with has a point a minute, and one of now', () => {
  const one = world()
  const beta = one.add('beta')
  one.engine.awake.add(node('beta'))
  one.pass(3, () => {
    beta.rxBytes += 1_000
    beta.txBytes += 10
    one.views.set(node('beta'), measured(one, 12.5, 0.25))
  })
  beta.path = 'relay'
  beta.rxBytes += 7
  const points = pointsOf(one, 'beta')
  assert.equal(
    points.map(({ ageS, path, rxBytes, txBytes }) => [ageS, path, rxBytes, txBytes]),
    [
      [120, 'direct', undefined, undefined],
      [60, 'direct', 1_000, 10],
      [0, 'direct', 1_000, 10],
      [0, 'relay', 7, 0],
    ],
  )
  assert.equal([points[1]?.rttUs, points[1]?.lossPerMille], [12_500, 250])
  assert.is(one.histories.rttUs(node('beta')), 12_500)
  assert.is(one.histories.rttUs(node('gamma')), undefined)
})

test('what was measured before somebody last cared is not told as if it were of now', () => {
  const one = world()
  one.add('beta').activeUntil = Number.POSITIVE_INFINITY
  one.views.set(node('beta'), measured(one, 12.5, 0))
  one.pass(2)
  const last = pointsOf(one, 'beta').at(-1)
  assert.equal([last?.rttUs, last?.lossPerMille], [undefined, undefined])
})

test('where this host has no path engine, nothing but bytes is measured', () => {
  const one = world()
  const beta = one.add('beta')
  one.engine.on = false
  one.pass(2)
  assert.is(pointsOf(one, 'beta').length, 1)
  beta.activeUntil = Number.POSITIVE_INFINITY
  one.pass(2)
  assert.equal(
    pointsOf(one, 'beta').map(({ rttUs, rxBytes }) => [rttUs, rxBytes]),
    [
      [undefined, undefined],
      [undefined, 0],
      [undefined, 0],
    ],
  )
})

test('an interface that was made anew counts from nothing, and a fast link has no bound below 2⁵³', () => {
  const one = world()
  const beta = one.add('beta')
  beta.activeUntil = Number.POSITIVE_INFINITY
  beta.rxBytes = 5_000
  one.pass(1)
  beta.rxBytes = 300
  one.pass(1)
  beta.rxBytes = 300 + 2 ** 36
  one.pass(1)
  const [, anew, fast] = pointsOf(one, 'beta')
  assert.equal([anew?.rxBytes, fast?.rxBytes], [300, 2 ** 36])
})

test('the oldest points go, and the peers that were talked with longest ago', () => {
  const one = world()
  const alpha = one.add('alpha')
  alpha.activeUntil = Number.POSITIVE_INFINITY
  one.pass(historyPointsMax + 5)
  assert.is(pointsOf(one, 'alpha').length, historyPointsMax + 1)
  assert.is(pointsOf(one, 'alpha')[0]?.ageS, ((historyPointsMax - 1) * historyStepMs) / 1_000)
  const others = Array.from({ length: historyPeersMax }, (_, at) => one.add(`beta-${at}`))
  for (const other of others) other.activeUntil = Number.POSITIVE_INFINITY
  one.pass(3)
  // All are talked with: nobody is thrown out for who came last.
  assert.is(pointsOf(one, `beta-${historyPeersMax - 1}`).length, 1)
  alpha.activeUntil = 0
  one.pass(3)
  assert.is(pointsOf(one, 'alpha').length, 1)
  assert.ok(pointsOf(one, `beta-${historyPeersMax - 1}`).length > 1)
})

test('who is no member any more is forgotten, and who never was is not known', () => {
  const one = world()
  one.add('beta').activeUntil = Number.POSITIVE_INFINITY
  one.pass(2)
  one.entries.length = 0
  assert.is(one.histories.of(node('beta')), undefined)
  one.pass(1)
  one.add('beta')
  assert.is(pointsOf(one, 'beta').length, 1)
})

test.run()
