// Two controllers over a network in virtual time: how soon they notice, that they don't flap, and that they end on the same
// and best path. The figures are exact, because the seed decides everything.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { connect, createWorld, type EndState, isOn, makeWay, usesOf, type Way } from './controller.fake.ts'
import type { Pace } from './path.ts'

const MINUTE = 60_000

function usesAfter(end: EndState, at: number) {
  return usesOf(end).filter((use) => use.at > at)
}

function reasonOf(end: EndState, way: Way, now: number): string {
  return end.paths.view(now).candidates.find(({ endpoint }) => endpoint === way.at[end.side])?.reason ?? 'unknown'
}

interface Line {
  readonly pace: Pace
  readonly rttMs: number
  readonly jitterMs?: number
  readonly loss?: number
}

/** Milliseconds from a cut at any moment to the `use` of the relay, sorted. */
function failovers({ pace, rttMs, jitterMs = 0, loss = 0 }: Line, runs: number): readonly number[] {
  const gaps = Array.from({ length: runs }, (_, run) => {
    const line = { jitterMs: jitterMs / 2, loss }
    const [direct, relay] = [
      makeWay('direct', 'public', rttMs / 2, line),
      makeWay('relay', 'relay', rttMs / 2 + 5, line),
    ]
    const world = connect([direct, relay], { seed: run + 1, pace })
    world.run(20_000 + ((run * 617) % 5_000))
    // Where both began by different ways, packets under way may lead WireGuard to and fro for a while.
    for (let more = 0; more < 100 && !isOn(world, direct); more += 1) world.run(97)
    assert.ok(isOn(world, direct), 'both ends are on the direct path')
    direct.up = false
    const cutAt = world.now()
    world.run(10_000)
    assert.ok(isOn(world, relay), 'both ends are on the relay')
    return (usesAfter(world.a, cutAt)[0]?.at ?? Number.POSITIVE_INFINITY) - cutAt
  })
  return gaps.sort((a, b) => a - b)
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.POSITIVE_INFINITY
}

for (const { line, median, p95, max } of [
  { line: { pace: 'fast', rttMs: 1 }, median: 350, p95: 500, max: 500 },
  { line: { pace: 'fast', rttMs: 20 }, median: 350, p95: 500, max: 500 },
  { line: { pace: 'fast', rttMs: 20, jitterMs: 10 }, median: 350, p95: 500, max: 500 },
  { line: { pace: 'fast', rttMs: 20, loss: 0.05 }, median: 400, p95: 550, max: 700 },
  { line: { pace: 'fast', rttMs: 300, jitterMs: 120 }, median: 700, p95: 900, max: 1_200 },
  { line: { pace: 'normal', rttMs: 20 }, median: 1_500, p95: 2_000, max: 2_000 },
  { line: { pace: 'normal', rttMs: 300, jitterMs: 120 }, median: 2_000, p95: 2_500, max: 2_500 },
  { line: { pace: 'frugal', rttMs: 40, jitterMs: 20 }, median: 5_000, p95: 7_200, max: 7_200 },
] as const) {
  test(`failover within ${median} ms in the middle: ${JSON.stringify(line)}`, () => {
    const gaps = failovers(line, 40)
    assert.ok(quantile(gaps, 0.5) <= median, `median ${quantile(gaps, 0.5)}`)
    assert.ok(quantile(gaps, 0.95) <= p95, `p95 ${quantile(gaps, 0.95)}`)
    assert.ok(quantile(gaps, 1) <= max, `max ${quantile(gaps, 1)}`)
  })
}

for (const line of [
  { pace: 'fast', rttMs: 20, loss: 0.05 },
  { pace: 'fast', rttMs: 20, jitterMs: 200, loss: 0.05 },
  { pace: 'fast', rttMs: 300, jitterMs: 200, loss: 0.05 },
  { pace: 'normal', rttMs: 20, jitterMs: 100, loss: 0.05 },
] as const) {
  test(`no flapping: ${JSON.stringify(line)}`, () => {
    const more = { jitterMs: ('jitterMs' in line ? line.jitterMs : 0) / 2, loss: line.loss }
    const ways = [makeWay('direct', 'public', line.rttMs / 2, more), makeWay('relay', 'relay', line.rttMs / 2, more)]
    const world = connect(ways, { seed: 7, pace: line.pace, payloadEveryMs: 1_000 })
    world.run(30 * MINUTE)
    const uses = usesAfter(world.a, 10_000)
    assert.ok(uses.every(({ at }) => uses.filter((one) => one.at >= at && one.at < at + MINUTE).length <= 1))
    assert.ok(uses.length <= 2, `${uses.length} in half an hour`)
  })
}

test('a healed path is used again after its hold-down, and nothing is lost on the way back', () => {
  const [lan, relay] = [makeWay('lan', 'lan', 1), makeWay('relay', 'relay', 15)]
  const world = connect([lan, relay], { payloadEveryMs: 10 })
  world.run(20_000)
  lan.up = false
  world.run(10_000)
  lan.up = true
  const before = world.a.sent + world.b.sent - world.a.received - world.b.received
  world.run(19_000)
  assert.ok(isOn(world, relay))
  assert.match(reasonOf(world.a, lan, world.now()), /failed while in use; not used again for \d+ s/)
  world.run(15_000)
  assert.ok(isOn(world, lan))
  const after = world.a.sent + world.b.sent - world.a.received - world.b.received
  assert.ok(Math.abs(after - before) <= 8, 'what is missing is on its way')
})

test('each relapse doubles the hold-down; a change of the own network forgives', () => {
  const [lan, relay] = [makeWay('lan', 'lan', 1), makeWay('relay', 'relay', 15)]
  const world = connect([lan, relay])
  const held: number[] = []
  for (let i = 0; i < 3; i += 1) {
    world.run(20_000)
    lan.up = false
    world.run(5_000)
    lan.up = true
    const cutAt = world.now() - 5_000
    const heldUntil = world.a.paths.view().candidates[0]?.heldUntil ?? 0
    held.push(Math.round((heldUntil - cutAt) / 10_000) * 10)
    world.run(heldUntil - world.now() + 3_000)
    assert.ok(isOn(world, lan))
    assert.is(usesAfter(world.a, cutAt).filter(({ at }) => at > cutAt + 1_000 && at < heldUntil).length, 0)
  }
  assert.equal(held, [30, 60, 120])
  lan.up = false
  world.run(5_000)
  lan.up = true
  world.tell('a', { type: 'network-changed' })
  world.run(1_000)
  assert.ok(isOn(world, lan))
})

test('every way that opens is found, whichever end comes first', () => {
  for (const head of [0, 50, 700, 20_000]) {
    const lan = makeWay('lan', 'lan', 1, { up: false })
    const punched = makeWay('direct', 'mapped', 10, { natMs: 30_000 })
    const relay = makeWay('relay', 'relay', 15)
    const ways = [lan, punched, relay]
    const world = createWorld({ seed: 3, ways, payloadEveryMs: 100 })
    world.announce('a', ways)
    world.run(head)
    world.announce('b', ways)
    world.run(3_000)
    assert.ok(isOn(world, punched), `b came ${head} ms later`)
  }
})

test('relay gone, other relay; all relays gone, direct again even though held down', () => {
  const direct = makeWay('direct', 'public', 5)
  const relays = [makeWay('relay', 'relay', 10), makeWay('relay', 'relay', 20)] as const
  const world = connect([direct, ...relays])
  world.run(20_000)
  direct.up = false
  world.run(10_000)
  assert.ok(isOn(world, relays[0]))
  relays[0].up = false
  world.run(2_000)
  assert.ok(isOn(world, relays[1]))
  direct.up = true
  relays[1].up = false
  world.run(3_000)
  assert.ok(isOn(world, direct))
})

test('a peer that answers no probes is reached by turns, and left alone once WireGuard shook hands', () => {
  const [lan, open] = [makeWay('lan', 'lan', 1, { up: false }), makeWay('direct', 'public', 10)]
  const world = connect([lan, open], { without: 'b' })
  world.run(5 * MINUTE)
  assert.equal(
    usesOf(world.a).map(({ at, endpoint }) => [at, endpoint]),
    [
      [0, lan.at.a],
      [6_000, open.at.a],
    ],
  )
  assert.match(reasonOf(world.a, open, world.now()), /works by WireGuard's own handshake .* not measured/)
  const probes = world.a.log.filter(({ action }) => action.type === 'probe').length
  assert.ok(probes < 80, `${probes} probes in five minutes`)
})

test("the peer's engine starts anew: its paths fall silent together, and WireGuard stays where it is", () => {
  const [direct, relay] = [makeWay('direct', 'public', 10), makeWay('relay', 'relay', 5)]
  const world = connect([direct, relay])
  world.run(30_000)
  const at = world.now()
  world.b.engine = false
  world.run(5_000)
  assert.is(reasonOf(world.a, direct, world.now()), 'silent for 5 s; stays in use because nothing else answers')
  world.b.engine = true
  world.tell('b', { type: 'time' })
  world.run(MINUTE)
  assert.equal(usesAfter(world.a, at), [])
  assert.ok(isOn(world, direct))
})

test('idle: not one packet for hours; the first payload finds a path that died meanwhile', () => {
  const [direct, relay] = [makeWay('direct', 'public', 10), makeWay('relay', 'relay', 15)]
  const world = connect([direct, relay])
  world.run(30_000)
  world.a.payloadEveryMs = 0
  world.b.payloadEveryMs = 0
  world.run(12 * MINUTE)
  assert.is(world.a.paths.view(world.now()).mode, 'idle')
  assert.is(world.a.paths.dueAt(), Number.POSITIVE_INFINITY)
  const count = world.a.log.length + world.b.log.length
  world.run(240 * MINUTE)
  assert.is(world.a.log.length + world.b.log.length, count)
  assert.match(reasonOf(world.a, direct, world.now()), /not checked while no payload flows/)
  direct.up = false
  const at = world.now()
  world.tell('a', { type: 'traffic' })
  world.run(2_000)
  assert.is(world.a.wireguardAt, relay.at.a)
  assert.ok((usesAfter(world.a, at)[0]?.at ?? 0) - at < 500)
})

test('a faster path of the same kind wins, one that is merely a bit faster does not', () => {
  for (const { otherMs, wins } of [
    { otherMs: 10, wins: true },
    { otherMs: 27, wins: false },
  ]) {
    const [slow, other] = [makeWay('direct', 'public', 30), makeWay('direct', 'mapped', otherMs)]
    other.up = false
    const world = connect([slow, other])
    world.run(2_000)
    other.up = true
    world.tell('a', { type: 'network-changed' })
    world.run(5 * MINUTE)
    assert.ok(isOn(world, wins ? other : slow))
    assert.ok(usesAfter(world.a, 2_000).length <= 1)
  }
})

test('the follower acts alone when the deciding end does not', () => {
  const [direct, relay] = [makeWay('direct', 'public', 10), makeWay('relay', 'relay', 15)]
  const world = connect([direct, relay])
  world.run(20_000)
  direct.up = false
  const at = world.now()
  // The deciding end answers, as its socket does, but its controller gets no time.
  world.a.paths = { ...world.a.paths, handle: () => [], dueAt: () => Number.POSITIVE_INFINITY }
  world.run(3_000)
  assert.is(world.b.wireguardAt, relay.at.b)
  const gap = (usesAfter(world.b, at)[0]?.at ?? 0) - at
  assert.ok(gap >= 350 && gap <= 700, `${gap} ms`)
})

test('the same seed gives the same history', () => {
  const run = (): string => {
    const ways = [makeWay('lan', 'lan', 1, { loss: 0.1 }), makeWay('relay', 'relay', 15, { jitterMs: 20, loss: 0.1 })]
    const world = connect(ways, { seed: 11 })
    world.run(2 * MINUTE)
    const kinds = new Map(ways.map(({ at, kind }) => [at.a, kind]))
    return JSON.stringify(
      world.a.log.map(({ at, action }) => [at, action.type, 'endpoint' in action ? kinds.get(action.endpoint) : '']),
    )
  }
  assert.is(run(), run())
})

test.run()
