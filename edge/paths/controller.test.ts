// Finding a peer, rule by rule: one controller, told what happens, at given times.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { LAN, MAPPED, makeRig, type Probe, PUBLIC, RELAY, RELAY2, STRANGE } from './controller-rig.fake.ts'

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

test('the tries of a silent candidate: 0, 100, 300 ms, 1, 2, 5 s, then five seconds later', () => {
  const rig = makeRig()
  rig.connect([RELAY, PUBLIC], { [RELAY.endpoint]: 20 })
  rig.run(60_000)
  const times = rig.since(0, 'probe').filter(({ endpoint }) => endpoint === PUBLIC.endpoint)
  assert.equal(
    times.slice(0, 7).map(({ at }) => at),
    [0, 100, 300, 1_000, 2_000, 5_000, 11_000],
  )
  assert.match(rig.of(PUBLIC.endpoint)?.reason ?? '', /^no answer to \d+ probes; tried again in \d+ s$/)
})

test('only a mapping gets a first try that dies on the way; the peer is called to whatever a firewall may stand before', () => {
  for (const { candidate, low, calls } of [
    { candidate: MAPPED, low: true, calls: 1 },
    { candidate: PUBLIC, low: false, calls: 1 },
    { candidate: { ...PUBLIC, source: 'portmap' }, low: false, calls: 0 },
    { candidate: LAN, low: false, calls: 0 },
    { candidate: RELAY, low: false, calls: 0 },
  ] as const) {
    const rig = makeRig()
    rig.connect([candidate], {})
    const [first, second] = rig.since(0, 'probe')
    assert.is(first?.ttl, low ? 3 : undefined)
    assert.is(second?.ttl, undefined)
    assert.is(rig.since(0, 'call').length, calls)
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

test('whoever is only called leaves the handshake to the caller, and begins one if there is none a second later', () => {
  for (const shaken of [true, false]) {
    const rig = makeRig()
    rig.tell({ type: 'candidates', list: [RELAY] })
    rig.run(100_000)
    const at = rig.now()
    rig.answers.set(RELAY.endpoint, 20)
    rig.tell({ type: 'roamed', endpoint: STRANGE })
    rig.tell({ type: 'called' })
    rig.run(500)
    const uses = rig.since(at, 'use')
    assert.equal(
      uses.map(({ quiet }) => quiet),
      [true],
    )
    if (shaken) rig.tell({ type: 'handshake', at: rig.now() })
    rig.run(5_000)
    assert.equal(
      rig.since(at, 'nudge').map((one) => one.at),
      shaken ? [] : [(uses[0]?.at ?? 0) + 1_000],
    )
  }
})

test('own payload waits for nobody, and in a young session a word costs nothing', () => {
  for (const event of [{ type: 'woken' }, { type: 'handshake', at: 100_000 }] as const) {
    const rig = makeRig()
    rig.tell({ type: 'candidates', list: [RELAY] })
    rig.run(100_000)
    rig.answers.set(RELAY.endpoint, 20)
    rig.tell({ type: 'roamed', endpoint: STRANGE })
    rig.tell(event)
    rig.tell({ type: 'called' })
    rig.run(500)
    assert.equal(
      rig.since(100_000, 'use').map(({ quiet }) => quiet),
      [undefined],
    )
  }
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

test('a handshake out of silence: the peer is back, and what was tried in vain is tried at once', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY], {})
  rig.run(15_000)
  const at = rig.now()
  assert.match(rig.of(PUBLIC.endpoint)?.reason ?? '', /tried again in|pointed at it/)
  rig.tell({ type: 'handshake', at })
  assert.is(rig.since(at, 'probe').length, 2)
  rig.tell({ type: 'handshake', at: at + 120_000 })
  assert.is(rig.since(at, 'probe').length, 2)
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
