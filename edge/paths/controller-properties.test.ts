// Whatever happens, in whatever order: bounds are kept, time is asked for in the future, what is not proven never replaces what
// is, and once everything heals both ends meet on the best path.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { seededEntropy } from '../../shared/effects.fake.ts'
import { pathHistoryMax, pathProbesPerSecondMax, pathsAskedMax, pathTriesPerSecondMax } from '../../shared/limits.ts'
import { createWorld, makeWay, type Side } from './controller.fake.ts'
import { createPeerPaths } from './controller.ts'
import type { Pace, PathAction, PathCandidate, PathEvent, PathView } from './path.ts'

const CANDIDATES: readonly PathCandidate[] = [
  { kind: 'lan', source: 'lan', endpoint: '10.0.0.2:1' as Endpoint },
  { kind: 'direct', source: 'public', endpoint: '192.0.2.2:2' as Endpoint },
  { kind: 'direct', source: 'mapped', endpoint: '192.0.2.2:3' as Endpoint },
  { kind: 'direct', source: 'observed', endpoint: '192.0.2.2:4' as Endpoint },
  { kind: 'relay', source: 'relay', endpoint: '192.0.2.3:5' as Endpoint },
  { kind: 'relay', source: 'relay', endpoint: '192.0.2.4:6' as Endpoint },
]
const STRANGERS = Array.from({ length: 8 }, (_, i) => `198.51.100.7:${i + 1}` as Endpoint)

/** What befalls a controller; answers are drawn from the probes that it really sent. */
type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'tell'; readonly event: PathEvent }
  | { readonly do: 'answer'; readonly pick: number; readonly rttMs: number }

const endpoint = fc.constantFrom(...CANDIDATES.map((one) => one.endpoint), ...STRANGERS)
const happening: fc.Arbitrary<PathEvent> = fc.oneof(
  fc.subarray([...CANDIDATES]).map((list) => ({ type: 'candidates' as const, list })),
  endpoint.map((one) => ({ type: 'asked' as const, endpoint: one })),
  endpoint.map((one) => ({ type: 'roamed' as const, endpoint: one })),
  fc.constantFrom<PathEvent>(
    { type: 'roamed', endpoint: undefined },
    { type: 'called' },
    { type: 'traffic' },
    { type: 'traffic' },
    { type: 'woken' },
    { type: 'network-changed' },
    { type: 'outlook-changed', moved: false },
    { type: 'outlook-changed', moved: true },
    { type: 'pace', pace: 'normal', metered: true },
    { type: 'pace', pace: 'fast', metered: false },
  ),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 400 }).map((ms) => ({ do: 'wait' as const, ms })) },
  { weight: 1, arbitrary: fc.integer({ min: 400, max: 700_000 }).map((ms) => ({ do: 'wait' as const, ms })) },
  { weight: 3, arbitrary: happening.map((one) => ({ do: 'tell' as const, event: one })) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      pick: fc.nat(5),
      rttMs: fc.integer({ min: 0, max: 400 }),
    }),
  },
)
const script = fc.record({
  decides: fc.boolean(),
  metered: fc.boolean(),
  pace: fc.constantFrom<Pace>('fast', 'normal', 'frugal'),
  seed: fc.nat(1_000),
  steps: fc.array(step, { maxLength: 120 }),
})
type Script = typeof script extends fc.Arbitrary<infer T> ? T : never

interface Seen {
  readonly at: number
  readonly event: PathEvent
  readonly before: PathView
  readonly actions: readonly PathAction[]
  readonly after: PathView
  readonly dueAt: number
}

/** Plays a script; time events come when they are asked for. */
function play({ decides, metered, pace, seed, steps }: Script): readonly Seen[] {
  const entropy = seededEntropy(seed)
  const random = (): number => entropy.fraction()
  const paths = createPeerPaths({ decides, metered, pace, random, startedAt: 0 })
  const seen: Seen[] = []
  // Answers come by the ways that work, and most work for a while: each probe is answered with this chance.
  const works = new Map(CANDIDATES.map((one) => [one.endpoint, random() < 0.7]))
  const sent: { readonly endpoint: Endpoint; readonly probe: number }[] = []
  let now = 0
  const tell = (one: PathEvent): void => {
    const before = paths.view(now)
    const actions = paths.handle(one, now)
    for (const action of actions) if (action.type === 'probe') sent.unshift(action)
    seen.push({ at: now, event: one, before, actions, after: paths.view(now), dueAt: paths.dueAt() })
  }
  tell({ type: 'traffic' })
  tell({ type: 'candidates', list: CANDIDATES })
  for (const one of steps) {
    if (one.do === 'tell') tell(one.event)
    else if (one.do === 'answer') {
      const probe = sent.splice(one.pick, 1)[0]
      if (probe !== undefined) tell({ type: 'answered', ...probe, rttMs: one.rttMs })
    } else {
      const end = now + one.ms
      for (let rings = 0; paths.dueAt() <= end && rings < 200; rings += 1) {
        now = Math.max(now, paths.dueAt())
        tell({ type: 'time' })
        const next = sent.findIndex((probe) => works.get(probe.endpoint) === true)
        const [probe] = next < 0 ? [] : sent.splice(next, 1)
        if (probe !== undefined) tell({ type: 'answered', ...probe, rttMs: 1 })
      }
      for (const way of works.keys()) if (random() < 0.1) works.set(way, random() < 0.6)
      now = end
    }
    sent.splice(50)
  }
  return seen
}

const stateOf = (view: PathView, at: Endpoint) => view.candidates.find((one) => one.endpoint === at)

function inAnySecond(times: readonly number[], most: number): boolean {
  return times.every((at, i) => (times[i + most] ?? Number.POSITIVE_INFINITY) >= at + 1_000)
}

type Check = (one: Script, seen: readonly Seen[]) => void

const asksForTheFuture: Check = (_, seen) => {
  for (const { at, dueAt } of seen) assert.ok(dueAt > at, `due ${dueAt} at ${at}`)
}

const usesWhatIsProven: Check = (_, seen) => {
  for (const { actions, after } of seen) {
    for (const action of actions) {
      if (action.type !== 'use' || stateOf(after, action.endpoint)?.state === 'valid') continue
      const proven = after.candidates.filter(({ state }) => state === 'valid')
      assert.equal(proven, [], `${action.endpoint}: ${action.why}`)
    }
  }
}

const keepsBounds: Check = (_, seen) => {
  const probes: number[] = []
  const tries: number[] = []
  for (const { actions, after, at, before } of seen) {
    for (const action of actions) {
      if (action.type !== 'probe') continue
      probes.push(at)
      if (stateOf(before, action.endpoint)?.lastAnswerAt === undefined) tries.push(at)
    }
    assert.ok(after.history.length <= pathHistoryMax)
    assert.ok(after.candidates.length <= CANDIDATES.length + pathsAskedMax + 1)
    assert.ok(after.candidates.filter(({ inUse }) => inUse).length <= 1)
    assert.ok(after.candidates.every(({ reason }) => reason.length > 0))
  }
  assert.ok(inAnySecond(probes, pathProbesPerSecondMax))
  assert.ok(inAnySecond(tries, pathTriesPerSecondMax))
}

const holdsDown: Check = (one, seen) => {
  for (const { actions, before, after, event } of seen) {
    for (const action of actions) {
      if (action.type !== 'use' || event.type === 'roamed' || event.type === 'network-changed') continue
      const chosen = stateOf(before, action.endpoint)
      if (chosen?.state === 'held-down' && chosen.heldUntil !== undefined && event.type !== 'candidates') {
        const others = after.candidates.filter((other) => other.state === 'valid' && !other.inUse)
        assert.ok(others.length === 0 || chosen.inUse, action.why)
      }
      // Back from where it was parked, WireGuard is pointed at the path in use.
      if (one.decides || chosen?.inUse === true) continue
      const current = before.candidates.find(({ inUse }) => inUse)
      assert.ok(
        current?.state !== 'valid' ||
          after.candidates.some((c) => c.endpoint === current.endpoint && c.state !== 'valid'),
        action.why,
      )
    }
  }
}

/** Who rests sends nothing, and is parked at most once for each time it fell asleep. */
const restsInPeace: Check = (_, seen) => {
  for (const { actions, after } of seen) {
    if (after.mode !== 'idle') continue
    const loud = actions.filter(({ type }) => type === 'probe' || type === 'call')
    assert.equal(loud, [], 'asleep')
    assert.ok(actions.filter(({ type }) => type === 'park').length <= 1)
  }
}

const CHECKS = { asksForTheFuture, usesWhatIsProven, keepsBounds, holdsDown, restsInPeace } as const

test('whatever happens: time is asked for in the future, the proven is kept, bounds are, and who rests is silent', () => {
  fc.assert(
    fc.property(script, (one) => {
      // Played once for all: that is what takes the time.
      const seen = play(one)
      for (const check of Object.values(CHECKS)) check(one, seen)
    }),
    { numRuns: 300 },
  )
})

test('the same events give the same actions', () => {
  fc.assert(
    fc.property(script, (one) => assert.equal(play(one), play(one))),
    { numRuns: 60 },
  )
})

const trouble = fc.record({
  seed: fc.nat(10_000),
  pace: fc.constantFrom<Pace>('fast', 'normal'),
  head: fc.nat(2_000),
  acts: fc.array(
    fc.record({
      way: fc.nat(3),
      up: fc.boolean(),
      loss: fc.constantFrom(0, 0.05, 0.3),
      changed: fc.option(fc.constantFrom<Side>('a', 'b'), { nil: undefined }),
      forMs: fc.integer({ min: 50, max: 20_000 }),
    }),
    { maxLength: 8 },
  ),
})

test('after any trouble heals, both ends meet on the best path and stay', () => {
  fc.assert(
    fc.property(trouble, ({ seed, pace, head, acts }) => {
      const best = makeWay('lan', 'lan', 1)
      const ways = [
        best,
        makeWay('direct', 'mapped', 12, { natMs: 30_000 }),
        makeWay('relay', 'relay', 15),
        makeWay('relay', 'relay', 25),
      ]
      const world = createWorld({ seed, ways, pace, payloadEveryMs: 100 })
      world.announce('a', ways)
      world.run(head)
      world.announce('b', ways)
      for (const { way, up, loss, changed, forMs } of acts) {
        Object.assign(ways[way] ?? best, { up, loss })
        if (changed !== undefined) world.tell(changed, { type: 'network-changed' })
        world.run(forMs)
      }
      for (const way of ways) Object.assign(way, { up: true, loss: 0 })
      // Enough to keep them awake.
      for (const end of [world.a, world.b]) end.payloadEveryMs = 1_000
      const uses = (): number => world.a.log.filter(({ action }) => action.type === 'use').length
      // Longest: two relapses and the search in vain behind them. A minute on the best path, without a turn, is the end of it.
      let count = -1
      for (let minute = 0; minute < 16 && count !== uses(); minute++) {
        count = world.a.wireguardAt === best.at.a && world.b.wireguardAt === best.at.b ? uses() : -1
        world.run(60_000)
      }
      assert.is(world.a.wireguardAt, best.at.a)
      assert.is(world.b.wireguardAt, best.at.b)
      assert.is(world.b.paths.view().inUse?.endpoint, best.at.b)
      assert.is(uses(), count)
    }),
    { numRuns: 25 },
  )
})

test.run()
