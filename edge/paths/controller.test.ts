// Rule by rule: one controller, told what happens, at given times.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { createPeerPaths } from './controller.ts'
import type { CandidateView, PathAction, PathCandidate, PathEvent } from './path.ts'

const LAN: PathCandidate = { kind: 'lan', source: 'lan', endpoint: '10.0.0.2:51820' as Endpoint }
const PUBLIC: PathCandidate = { kind: 'direct', source: 'public', endpoint: '192.0.2.2:51820' as Endpoint }
const MAPPED: PathCandidate = { kind: 'direct', source: 'mapped', endpoint: '192.0.2.9:4711' as Endpoint }
const RELAY: PathCandidate = { kind: 'relay', source: 'relay', endpoint: '198.51.100.1:7001' as Endpoint }
const RELAY2: PathCandidate = { kind: 'relay', source: 'relay', endpoint: '198.51.100.2:7002' as Endpoint }
const STRANGE = '203.0.113.5:1234' as Endpoint

type Probe = PathAction & { type: 'probe' }

/** A controller with a peer that answers after `rtt` milliseconds where it is said to. */
function makeRig(options: { decides?: boolean; metered?: boolean } = {}) {
  const { decides = true, metered = false } = options
  const paths = createPeerPaths({ decides, metered, pace: 'fast', random: () => 0, startedAt: 0 })
  const answers = new Map<Endpoint, number>()
  const log: { readonly at: number; readonly action: PathAction }[] = []
  const due: { readonly at: number; readonly event: PathEvent }[] = []
  let now = 0

  const tell = (event: PathEvent): readonly PathAction[] => {
    const actions = paths.handle(event, now)
    for (const action of actions) {
      log.push({ at: now, action })
      if (action.type !== 'probe' || action.ttl !== undefined) continue
      const { endpoint, probe } = action
      const rttMs = answers.get(endpoint)
      if (rttMs !== undefined) due.push({ at: now + rttMs, event: { type: 'answered', endpoint, probe, rttMs } })
    }
    return actions
  }
  /** Lets time pass; what is silenced meanwhile stays unanswered, even if it was asked before. */
  const run = (forMs: number): void => {
    const end = now + forMs
    for (;;) {
      due.sort((a, b) => a.at - b.at)
      const next = Math.min(due[0]?.at ?? Number.POSITIVE_INFINITY, paths.dueAt())
      if (next > end) break
      now = Math.max(now, next)
      const event = (due[0]?.at ?? Number.POSITIVE_INFINITY) <= now ? due.shift()?.event : undefined
      if (event?.type === 'answered' && !answers.has(event.endpoint)) continue
      tell(event ?? { type: 'time' })
    }
    now = end
  }
  const of = (endpoint: Endpoint): CandidateView | undefined =>
    paths.view(now).candidates.find((one) => one.endpoint === endpoint)
  return {
    answers,
    log,
    paths,
    run,
    tell,
    of,
    now: () => now,
    jump: (ms: number) => {
      now += ms
    },
    since: <T extends PathAction['type']>(at: number, type: T) =>
      log.flatMap((one) =>
        one.at >= at && one.action.type === type ? [{ at: one.at, ...(one.action as PathAction & { type: T }) }] : [],
      ),
    connect(list: readonly PathCandidate[], working: Readonly<Record<string, number>>) {
      for (const [endpoint, rttMs] of Object.entries(working)) answers.set(endpoint as Endpoint, rttMs)
      tell({ type: 'traffic' })
      tell({ type: 'candidates', list })
      run(2_000)
    },
  }
}

test('the most hopeful candidate is pointed at, at once, and without waking anybody', () => {
  const rig = makeRig()
  const [first] = rig.tell({ type: 'candidates', list: [PUBLIC, RELAY] })
  assert.is(first?.type === 'use' && first.endpoint === PUBLIC.endpoint && first.quiet, true)
})

test('WireGuard that already knows an endpoint is not led astray by a guess', () => {
  const rig = makeRig()
  rig.tell({ type: 'roamed', endpoint: RELAY.endpoint })
  rig.tell({ type: 'handshake', at: 0 })
  rig.tell({ type: 'candidates', list: [PUBLIC, RELAY] })
  assert.equal(rig.since(0, 'use'), [])
  assert.is(rig.paths.view().inUse?.endpoint, RELAY.endpoint)
  assert.is(rig.paths.view().inUse?.kind, 'relay')
})

test('one answer is enough for the first path, three make it valid', () => {
  const rig = makeRig()
  rig.tell({ type: 'traffic' })
  const probes = rig
    .tell({ type: 'candidates', list: [PUBLIC, RELAY] })
    .filter((one): one is Probe => one.type === 'probe')
  const probe = probes.find(({ endpoint }) => endpoint === RELAY.endpoint)?.probe ?? 0
  const actions = rig.tell({ type: 'answered', endpoint: RELAY.endpoint, probe, rttMs: 20 })
  assert.ok(actions.some((one) => one.type === 'use' && one.endpoint === RELAY.endpoint))
  assert.is(rig.of(RELAY.endpoint)?.state, 'probing')
  assert.is(rig.of(RELAY.endpoint)?.reason, 'answered 1 of the 3 times that prove it')
  rig.answers.set(RELAY.endpoint, 20)
  rig.run(100)
  assert.is(rig.of(RELAY.endpoint)?.state, 'valid')
})

test('an answer counts once, and only to a probe that was sent there', () => {
  const rig = makeRig()
  rig.tell({ type: 'traffic' })
  const sent = rig
    .tell({ type: 'candidates', list: [PUBLIC, RELAY] })
    .filter((one): one is Probe => one.type === 'probe')
  const probe = sent.find(({ endpoint }) => endpoint === PUBLIC.endpoint)?.probe ?? 0
  for (const endpoint of [RELAY.endpoint, PUBLIC.endpoint, PUBLIC.endpoint, PUBLIC.endpoint, PUBLIC.endpoint]) {
    rig.tell({ type: 'answered', endpoint, probe, rttMs: 1 })
  }
  assert.is(rig.of(RELAY.endpoint)?.lastAnswerAt, undefined)
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'probing')
})

test('the tries of a silent candidate: 0, 100, 300 ms, 1, 2, 5 s, then half a minute later', () => {
  const rig = makeRig()
  rig.connect([RELAY, PUBLIC], { [RELAY.endpoint]: 20 })
  rig.run(60_000)
  const times = rig.since(0, 'probe').filter(({ endpoint }) => endpoint === PUBLIC.endpoint)
  assert.equal(
    times.slice(0, 7).map(({ at }) => at),
    [0, 100, 300, 1_000, 2_000, 5_000, 36_000],
  )
  assert.match(rig.of(PUBLIC.endpoint)?.reason ?? '', /^no answer to \d+ probes; tried again in \d+ s$/)
})

test('only what has to be punched gets a first try that dies on the way, and the peer is called', () => {
  for (const { candidate, low } of [
    { candidate: MAPPED, low: true },
    { candidate: PUBLIC, low: false },
    { candidate: LAN, low: false },
    { candidate: RELAY, low: false },
  ]) {
    const rig = makeRig()
    rig.connect([candidate], {})
    const [first, second] = rig.since(0, 'probe')
    assert.is(first?.ttl, low ? 3 : undefined)
    assert.is(second?.ttl, undefined)
    assert.is(rig.since(0, 'call').length, low ? 1 : 0)
  }
})

test('a call is heeded at once, also when idle, but not more than once a second', () => {
  const rig = makeRig()
  rig.tell({ type: 'candidates', list: [MAPPED] })
  rig.run(100_000)
  assert.is(rig.paths.view().mode, 'idle')
  const at = rig.now()
  rig.tell({ type: 'called' })
  rig.run(50)
  rig.tell({ type: 'called' })
  assert.equal(
    rig.since(at, 'probe').map(({ ttl }) => ttl),
    [3],
  )
  assert.equal(rig.since(at, 'call'), [])
  rig.run(100_000)
  assert.is(rig.paths.view(rig.now()).mode, 'idle')
})

test('a better path is proven beside the working one, then one use; the old one stays ready', () => {
  const rig = makeRig()
  rig.connect([LAN, RELAY], { [RELAY.endpoint]: 20 })
  rig.run(5_000)
  const at = rig.now()
  rig.answers.set(LAN.endpoint, 1)
  rig.run(60_000)
  const uses = rig.since(at, 'use')
  assert.is(uses.length, 1)
  assert.is(uses[0]?.endpoint, LAN.endpoint)
  assert.is(uses[0]?.leaves, RELAY.endpoint)
  assert.is(rig.of(RELAY.endpoint)?.state, 'valid')
  const standby = rig.since(rig.now() - 30_000, 'probe').filter(({ endpoint }) => endpoint === RELAY.endpoint)
  assert.ok(standby.length >= 5 && standby.length <= 7, `${standby.length} probes in 30 s`)
})

test('the follower proves a better path, and leaves the choice to the other', () => {
  const rig = makeRig({ decides: false })
  rig.connect([LAN, RELAY], { [RELAY.endpoint]: 20 })
  const at = rig.now()
  rig.answers.set(LAN.endpoint, 1)
  rig.run(60_000)
  assert.is(rig.of(LAN.endpoint)?.state, 'valid')
  assert.equal(rig.since(at, 'use'), [])
  rig.tell({ type: 'roamed', endpoint: LAN.endpoint })
  assert.is(rig.paths.view().inUse?.endpoint, LAN.endpoint)
  assert.equal(rig.since(at, 'use'), [])
})

test('at most two are kept ready, and one of them is a relay', () => {
  const rig = makeRig()
  const more = { ...PUBLIC, endpoint: '192.0.2.3:51820' as Endpoint }
  const list = [LAN, PUBLIC, more, RELAY, RELAY2]
  rig.connect(list, Object.fromEntries(list.map(({ endpoint }, i) => [endpoint, i + 1])))
  assert.equal(
    rig.paths.view(rig.now()).candidates.flatMap(({ endpoint, state }) => (state === 'valid' ? [endpoint] : [])),
    [LAN.endpoint, PUBLIC.endpoint, RELAY.endpoint],
  )
  assert.is(rig.of(RELAY2.endpoint)?.reason, 'works, but better ones are kept ready')
})

test('a standby that went silent with the path in use is not used', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 20, [RELAY.endpoint]: 20 })
  rig.answers.clear()
  const at = rig.now()
  rig.run(4_000)
  assert.equal(rig.since(at, 'use'), [])
  assert.match(rig.of(PUBLIC.endpoint)?.reason ?? '', /^silent for 4 s; stays in use because nothing else answers$/)
})

test('while a proven standby is being asked, a candidate with one answer has to wait', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 1, [RELAY.endpoint]: 300 })
  rig.run(20_000)
  rig.answers.delete(PUBLIC.endpoint)
  rig.answers.set(STRANGE, 280)
  const at = rig.now()
  rig.tell({ type: 'asked', endpoint: STRANGE })
  rig.run(2_000)
  assert.equal(
    rig
      .since(at, 'use')
      .map(({ endpoint }) => endpoint)
      .slice(0, 1),
    [RELAY.endpoint],
  )
})

test('after sleep of the process, answers that wait in the socket are read before paths are buried', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 20, [RELAY.endpoint]: 20 })
  const at = rig.now()
  const last = rig.tell({ type: 'network-changed' }).filter((one): one is Probe => one.type === 'probe')
  rig.jump(5_000)
  rig.tell({ type: 'time' })
  for (const { endpoint, probe } of last) rig.tell({ type: 'answered', endpoint, probe, rttMs: 20 })
  rig.run(2_000)
  assert.equal(rig.since(at, 'use'), [])
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'valid')
})

test('wherever the peer asks from is tried at once, within bounds, and forgotten when it stays silent', () => {
  const rig = makeRig()
  rig.connect([RELAY], { [RELAY.endpoint]: 20 })
  rig.answers.set(STRANGE, 5)
  const at = rig.now()
  rig.tell({ type: 'asked', endpoint: STRANGE })
  assert.is(rig.since(at, 'probe').at(-1)?.ttl, undefined)
  rig.run(100)
  assert.is(rig.paths.view().inUse?.endpoint, STRANGE)
  for (let port = 1; port < 50; port += 1) {
    rig.tell({ type: 'asked', endpoint: `203.0.113.6:${port}` as Endpoint })
    rig.run(20)
  }
  assert.ok(rig.paths.view().candidates.length <= 6)
  const inASecond = rig.since(at, 'probe').filter(({ endpoint }) => endpoint.startsWith('203.0.113.6'))
  assert.ok(inASecond.length <= 2 * 16, `${inASecond.length} tries`)
  rig.run(600_000)
  rig.tell({ type: 'traffic' })
  rig.run(600_000)
  rig.tell({ type: 'candidates', list: [RELAY] })
  assert.equal(
    rig.paths.view().candidates.map(({ endpoint }) => endpoint),
    [RELAY.endpoint, STRANGE],
  )
})

test('the deciding end turns back twice a minute; then it believes the peer, for a while', () => {
  const rig = makeRig()
  rig.connect([LAN, RELAY], { [LAN.endpoint]: 1, [RELAY.endpoint]: 20 })
  const at = rig.now()
  for (let i = 0; i < 3; i += 1) {
    rig.tell({ type: 'roamed', endpoint: RELAY.endpoint })
    rig.run(1_500)
  }
  assert.is(rig.since(at, 'use').length, 2)
  assert.is(rig.paths.view().inUse?.endpoint, RELAY.endpoint)
  assert.is(rig.of(LAN.endpoint)?.state, 'held-down')
  rig.run(40_000)
  assert.is(rig.paths.view().inUse?.endpoint, LAN.endpoint)
})

test('a packet on its way by the old path is no roaming', () => {
  const rig = makeRig()
  rig.connect([LAN, RELAY], { [RELAY.endpoint]: 20 })
  rig.answers.set(LAN.endpoint, 1)
  rig.tell({ type: 'network-changed' })
  rig.run(50)
  const at = rig.now()
  rig.tell({ type: 'roamed', endpoint: RELAY.endpoint })
  rig.run(300)
  rig.tell({ type: 'roamed', endpoint: LAN.endpoint })
  rig.run(5_000)
  assert.equal(
    rig.since(at, 'use').filter(({ at: time }) => time > at + 60),
    [],
  )
})

test('an endpoint that WireGuard lost is set again', () => {
  const rig = makeRig()
  rig.connect([PUBLIC], { [PUBLIC.endpoint]: 20 })
  const actions = rig.tell({ type: 'roamed', endpoint: undefined })
  assert.ok(actions.some((one) => one.type === 'use' && one.endpoint === PUBLIC.endpoint))
})

test('relays are bound while payload flows and a minute longer', () => {
  const rig = makeRig({ metered: true })
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 20, [RELAY.endpoint]: 20 })
  rig.run(400_000)
  assert.equal(
    rig.since(0, 'relays').map(({ at, wanted }) => [at, wanted]),
    [
      [0, true],
      [240_000, false],
    ],
  )
})

test('metered links fall idle after three minutes, others after ten', () => {
  for (const metered of [true, false]) {
    const rig = makeRig({ metered })
    rig.connect([PUBLIC], { [PUBLIC.endpoint]: 20 })
    rig.run(3_600_000)
    const last = rig.log.findLast(({ action }) => action.type === 'probe')?.at ?? 0
    const idleMs = metered ? 180_000 : 600_000
    assert.ok(last < idleMs && last > idleMs - 1_000, `last probe at ${last}`)
  }
})

test('the pace can be changed on the way', () => {
  const rig = makeRig()
  rig.connect([PUBLIC], { [PUBLIC.endpoint]: 20 })
  rig.tell({ type: 'pace', pace: 'frugal', metered: true })
  const at = rig.now()
  rig.run(60_000)
  assert.ok(rig.since(at, 'probe').length <= 13)
})

test('a longer list than is watched keeps its relays', () => {
  const rig = makeRig()
  const many = Array.from({ length: 20 }, (_, i) => ({ ...PUBLIC, endpoint: `192.0.2.7:${i + 1}` as Endpoint }))
  rig.connect([...many, RELAY, RELAY2], {})
  const kept = rig.paths.view().candidates
  assert.is(kept.length, 12)
  assert.equal(
    kept.slice(-2).map(({ endpoint }) => endpoint),
    [RELAY.endpoint, RELAY2.endpoint],
  )
})

test('the same list again changes nothing', () => {
  const rig = makeRig()
  rig.connect([LAN, PUBLIC, RELAY], { [RELAY.endpoint]: 20 })
  rig.run(10_000)
  const before = rig.paths.view(rig.now())
  const actions = rig.tell({ type: 'candidates', list: [LAN, PUBLIC, RELAY] })
  assert.equal(
    actions.filter(({ type }) => type !== 'probe'),
    [],
  )
  assert.equal(
    rig.paths.view(rig.now()).candidates.map(({ state }) => state),
    before.candidates.map(({ state }) => state),
  )
})

test('what is gone from the list is forgotten, unless it is in use', () => {
  const rig = makeRig()
  rig.connect([LAN, PUBLIC, RELAY], { [PUBLIC.endpoint]: 20 })
  rig.tell({ type: 'candidates', list: [RELAY] })
  assert.equal(
    rig.paths.view().candidates.map(({ endpoint }) => endpoint),
    [RELAY.endpoint, PUBLIC.endpoint],
  )
  rig.answers.set(RELAY.endpoint, 20)
  rig.answers.delete(PUBLIC.endpoint)
  rig.run(10_000)
  assert.is(rig.paths.view().inUse?.endpoint, RELAY.endpoint)
  assert.equal(
    rig.paths.view().candidates.map(({ endpoint }) => endpoint),
    [RELAY.endpoint],
  )
})

test.run()
