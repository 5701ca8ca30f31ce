// Choosing, losing and keeping paths, rule by rule: one controller, told what happens, at given times.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { LAN, MAPPED, makeRig, PUBLIC, RELAY, RELAY2, STRANGE } from './controller-rig.fake.ts'
import type { PathCandidate } from './path.ts'

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

const SIX: PathCandidate = { ...PUBLIC, endpoint: '[2001:db8::2]:51820' as Endpoint }

test('of paths as good IPv6 is used, though it came later; not where it is slower, and nobody turns back and forth', () => {
  for (const { rttMs, six } of [
    { rttMs: 20, six: true },
    { rttMs: 25, six: true },
    { rttMs: 26, six: false },
    { rttMs: 60, six: false },
  ]) {
    const rig = makeRig()
    rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 20, [RELAY.endpoint]: 20 })
    const at = rig.now()
    rig.answers.set(SIX.endpoint, rttMs)
    rig.tell({ type: 'candidates', list: [PUBLIC, SIX, RELAY] })
    rig.run(300_000)
    assert.equal(
      rig.since(at, 'use').map(({ endpoint }) => endpoint),
      six ? [SIX.endpoint] : [],
      `${rttMs} ms`,
    )
  }
})

test('IPv6 that becomes clearly slower is left, and not come back to for its name', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, SIX, RELAY], { [PUBLIC.endpoint]: 20, [SIX.endpoint]: 20, [RELAY.endpoint]: 20 })
  rig.run(60_000)
  assert.is(rig.paths.view().inUse?.endpoint, SIX.endpoint)
  const at = rig.now()
  rig.answers.set(SIX.endpoint, 60)
  rig.run(300_000)
  assert.equal(
    rig.since(at, 'use').map(({ endpoint }) => endpoint),
    [PUBLIC.endpoint],
  )
})

test('however many addresses a peer has, its NAT’s mapping is tried among them', () => {
  const rig = makeRig()
  const many = Array.from({ length: 16 }, (_, at) => ({ ...PUBLIC, endpoint: `192.0.2.${at + 1}:51820` as Endpoint }))
  rig.connect([...many, MAPPED, RELAY], { [RELAY.endpoint]: 20, [MAPPED.endpoint]: 10 })
  rig.run(60_000)
  assert.is(rig.paths.view().inUse?.endpoint, MAPPED.endpoint)
})

test('a relay that is bound late is tried at once and goes before TLS', () => {
  for (const decides of [true, false]) {
    const rig = makeRig({ decides })
    const TLS: PathCandidate = { ...RELAY, kind: 'tls', endpoint: '127.0.0.1:4433' as Endpoint }
    rig.connect([MAPPED, RELAY, TLS], { [TLS.endpoint]: 40 })
    rig.run(300_000)
    assert.is(rig.paths.view().inUse?.endpoint, TLS.endpoint)
    rig.answers.set(RELAY.endpoint, 40)
    const boundAt = rig.now()
    rig.tell({ type: 'asked', endpoint: RELAY.endpoint })
    rig.run(2_000)
    const relayed = rig.of(RELAY.endpoint)
    assert.is(relayed?.state, 'valid', relayed?.reason)
    assert.is(rig.since(boundAt, 'use').at(0)?.endpoint, decides ? RELAY.endpoint : undefined)
  }
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

test('where a peer comes by a relay that nobody named yet is a relay, asked or roamed', () => {
  const via = parseNodeId('rrrrrrrrrrrrrrrr')
  for (const type of ['asked', 'roamed'] as const) {
    const rig = makeRig({ decides: false })
    rig.connect([LAN], {})
    rig.tell({ type, endpoint: STRANGE, via })
    rig.run(3_000)
    assert.equal([rig.of(STRANGE)?.kind, rig.of(STRANGE)?.via], ['relay', via], type)
  }
})

test('a place on the own link is LAN, asked or roamed, before anything names it', () => {
  for (const type of ['asked', 'roamed'] as const) {
    const rig = makeRig({ decides: false })
    rig.tell({ type, endpoint: STRANGE, onLink: true })
    rig.run(3_000)
    assert.equal([rig.of(STRANGE)?.kind, rig.of(STRANGE)?.source], ['lan', 'asked'], type)
  }
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
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 700, [RELAY.endpoint]: 20 })
  rig.run(20_000)
  const at = rig.now()
  // Both are asked, and the relay's answer lies first in the socket when the process wakes.
  rig.tell({ type: 'network-changed' })
  rig.jump(5_000)
  rig.tell({ type: 'time' })
  rig.run(2_000)
  assert.equal(rig.since(at, 'use'), [])
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'valid')
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
  assert.is(rig.paths.view().inUse?.endpoint, LAN.endpoint)
  rig.run(1)
  const at = rig.now()
  rig.tell({ type: 'roamed', endpoint: RELAY.endpoint })
  rig.run(300)
  rig.tell({ type: 'roamed', endpoint: LAN.endpoint })
  rig.run(5_000)
  assert.equal(rig.since(at, 'use'), [])
})

test('a new address of the peer voids hold-downs, a relay bound anew does not', () => {
  const rig = makeRig()
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 20, [RELAY.endpoint]: 20 })
  rig.answers.delete(PUBLIC.endpoint)
  rig.run(2_000)
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'held-down')
  rig.tell({ type: 'candidates', list: [PUBLIC, RELAY, RELAY2] })
  assert.is(rig.of(PUBLIC.endpoint)?.state, 'held-down')
  rig.tell({ type: 'candidates', list: [PUBLIC, MAPPED, RELAY, RELAY2] })
  assert.is.not(rig.of(PUBLIC.endpoint)?.state, 'held-down')
})

test('a path that served ten minutes starts again with the shortest hold-down', () => {
  const rig = makeRig()
  const heldMs = (): number => {
    rig.answers.delete(PUBLIC.endpoint)
    rig.run(2_000)
    const { heldUntil = 0 } = rig.of(PUBLIC.endpoint) ?? {}
    const at = rig.since(0, 'use').at(-1)?.at ?? 0
    rig.answers.set(PUBLIC.endpoint, 20)
    return heldUntil - at
  }
  rig.connect([PUBLIC, RELAY], { [PUBLIC.endpoint]: 20, [RELAY.endpoint]: 20 })
  assert.is(heldMs(), 30_000)
  rig.run(60_000)
  assert.is(heldMs(), 60_000)
  for (let minute = 0; minute < 13; minute += 1) {
    rig.tell({ type: 'traffic' })
    rig.run(60_000)
  }
  assert.is(heldMs(), 30_000)
})

test('of relays as good, the follower takes the one on which the other end was heard last', () => {
  const rig = makeRig({ decides: false })
  rig.connect([PUBLIC, RELAY, RELAY2], { [PUBLIC.endpoint]: 1, [RELAY.endpoint]: 10, [RELAY2.endpoint]: 20 })
  rig.run(10_000)
  const at = rig.now()
  rig.answers.delete(PUBLIC.endpoint)
  rig.tell({ type: 'asked', endpoint: RELAY.endpoint })
  rig.run(300)
  rig.tell({ type: 'asked', endpoint: RELAY2.endpoint })
  rig.run(2_000)
  assert.equal(
    rig.since(at, 'use').map(({ endpoint }) => endpoint),
    [RELAY2.endpoint],
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

test.run()
