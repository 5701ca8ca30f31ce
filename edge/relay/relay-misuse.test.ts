// Every way to misuse a relay: forged, replayed, spoofed, expired, removed, too much.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { parseNetworkId } from '../../shared/ids.ts'
import { relaySessionsPerNodeMax } from '../../shared/limits.ts'
import { testDevice, testSigner } from '../link/hub.fake.ts'
import { encodeBound, encodeChallenge, encodeTouch, parseRelayFrame } from './frames.ts'
import {
  alice,
  aliceAt,
  bob,
  bobAt,
  bothBound,
  capabilityOf,
  createRelayRig,
  mallory,
  malloryAt,
  memberSet,
  type RelayRig,
  refusedFor,
  relayAt,
  sentBy,
  watchBind,
} from './relay-rig.fake.ts'

test('the relay answers nothing longer than it was asked, and tells strangers nothing', async () => {
  const { a, b, rig } = await bothBound()
  await rig.pass(200_000)
  const asked = [...a.sent, ...b.sent].reduce((sum, bytes) => sum + bytes.length, 0)
  assert.ok(rig.said.reduce((sum, { bytes }) => sum + bytes.length, 0) <= asked)
  const before = rig.said.length
  for (const bytes of a.sent) {
    const kind = parseRelayFrame(bytes)?.kind
    if (kind !== 'hello') rig.relay().receive(bytes, malloryAt)
  }
  for (const junk of [utf8('x'), new Uint8Array(1_400), new Uint8Array(0)]) rig.relay().receive(junk, malloryAt)
  await rig.pass(1_000)
  assert.is(rig.said.filter(({ to }) => to === malloryAt).length, 0)
  assert.is(rig.said.length, before)
})

test('without a cookie for its own source no bind costs a signature', async () => {
  const { a, rig } = await bothBound()
  const bind = sentBy(a, 'bind')
  const checks = rig.verified()
  for (let i = 0; i < 1_000; i++) {
    const forged = Uint8Array.from(bind)
    forged[16 + (i % 16)] = (forged[16 + (i % 16)] ?? 0) ^ (1 + (i % 255))
    rig.relay().receive(forged, malloryAt)
    rig.relay().receive(bind, malloryAt)
  }
  await rig.pass(10)
  assert.is(rig.verified(), checks)
  assert.is((await refusedFor(rig))['silence-cookie'], 2_000)
})

test('a bind that is repeated from its own source after it was undone is refused', async () => {
  const { a, rig, toBob } = await bothBound()
  const bind = sentBy(a, 'bind')
  toBob.release()
  await rig.pass(11_000)
  a.cut = true
  rig.relay().receive(bind, aliceAt)
  await rig.pass(10)
  assert.is((await refusedFor(rig))['replayed'], 1)
  assert.equal(
    [...rig.kernel.held.values()].map(({ ends }) => ends.filter(Boolean).length),
    [1],
  )
  await rig.pass(60_000)
  rig.relay().receive(bind, aliceAt)
  await rig.pass(10)
  assert.is((await refusedFor(rig))['silence-cookie'], 1, 'and later its cookie is void')
})

test('a bind whose answer was lost is answered again, for nothing', async () => {
  const rig = await createRelayRig()
  const a = rig.client(alice, aliceAt)
  const toBob = watchBind(a, bob)
  await rig.pass(10)
  const bind = sentBy(a, 'bind')
  const checks = rig.verified()
  rig.relay().receive(bind, aliceAt)
  await rig.pass(10)
  assert.is(rig.verified(), checks)
  const answers = rig.said.filter(({ bytes }) => parseRelayFrame(bytes)?.kind === 'bound')
  assert.is(answers.length, 2)
  assert.equal(answers[0]?.bytes, answers[1]?.bytes)
  assert.is(toBob.events.length, 1)
})

test('a replayed REFRESH and an UNBIND from a false source change nothing', async () => {
  const { a, rig } = await bothBound()
  await rig.pass(30_000)
  const refresh = sentBy(a, 'refresh')
  const before = rig.said.length
  const port = [...rig.kernel.held.keys()][0] ?? 0
  const unbind = encodeTouch('unbind', { port, counter: 99 }, () => new Uint8Array(16))
  for (const source of [aliceAt, bobAt, malloryAt]) {
    rig.relay().receiveAt(port, refresh, source)
    rig.relay().receiveAt(port, unbind, source)
    rig.relay().receive(refresh, source)
  }
  await rig.pass(10)
  assert.is(rig.said.length, before)
  const refused = await refusedFor(rig)
  assert.equal([refused['silence-replay'], refused['silence-mac'], refused['silence-junk']], [3, 3, 3])
  assert.is([...rig.kernel.held.values()][0]?.ends.filter(Boolean).length, 2)
})

test('an authentic REFRESH that never arrived, sent from an address that is not proven, moves nothing', async () => {
  const { a, rig } = await bothBound()
  const port = [...rig.kernel.held.keys()][0] ?? 0
  a.cut = true
  const sent = a.sent.length
  while (a.sent.length === sent) await rig.pass(100)
  const stolen = a.sent.at(-1) ?? new Uint8Array(0)
  assert.is(parseRelayFrame(stolen)?.kind, 'refresh')
  rig.relay().receiveAt(port, stolen, malloryAt)
  await rig.pass(10)
  assert.is((await refusedFor(rig))['moved'], 1)
  assert.equal([...rig.kernel.held.values()][0]?.ends.map((end) => end?.source).sort(), [aliceAt, bobAt].sort())
})

for (const [what, capability, why] of [
  [
    'signed by nobody who may',
    (rig: RelayRig) => capabilityOf(alice, rig.clock).map((byte, i) => (i === 3 ? byte ^ 1 : byte)),
    'untrusted',
  ],
  ['of another node', (rig: RelayRig) => capabilityOf(mallory, rig.clock), 'untrusted'],
  [
    'of another network',
    (rig: RelayRig) => capabilityOf(alice, rig.clock, { network: parseNetworkId('othernetaaaa') }),
    'untrusted',
  ],
  ['for another key', (rig: RelayRig) => capabilityOf(alice, rig.clock, { deviceKey: mallory.deviceKey }), 'untrusted'],
  ['that is expired', (rig: RelayRig) => capabilityOf(alice, rig.clock, { expiresAt: rig.clock.now() }), 'expired'],
] as const) {
  test(`a capability ${what} is refused, and asked with ever more seldom`, async () => {
    const rig = await createRelayRig()
    const shown = capability(rig)
    const a = rig.client(alice, aliceAt, () => shown)
    const toBob = watchBind(a, bob)
    await rig.pass(3_600_000)
    assert.equal(toBob.events, [])
    const refused = (await refusedFor(rig))[why] ?? 0
    assert.ok(refused > 10 && refused < 240, `${refused} in an hour`)
    assert.is(rig.kernel.held.size, 0)
  })
}

test('with a set: members pass whatever the clock says, the removed do not, newcomers wait for no new set', async () => {
  const rig = await createRelayRig()
  rig.members = memberSet({ epoch: 1, revision: 7 }, [alice])
  const old = rig.clock.now()
  const at = (issuedAt: number, revision: number) => ({ revision, issuedAt, expiresAt: issuedAt + 1 })
  const expired = capabilityOf(alice, rig.clock, at(old - 10, 3))
  const removed = capabilityOf(bob, rig.clock, { revision: 6 })
  const newcomer = capabilityOf(mallory, rig.clock, { revision: 8 })
  const member = watchBind(
    rig.client(alice, aliceAt, () => expired),
    bob,
  )
  const gone = watchBind(
    rig.client(bob, bobAt, () => removed),
    mallory,
  )
  const fresh = watchBind(
    rig.client(mallory, malloryAt, () => newcomer),
    alice,
  )
  await rig.pass(100)
  assert.ok(member.endpoint())
  assert.is(gone.endpoint(), undefined)
  assert.is((await refusedFor(rig))['removed'], 1)
  assert.ok(fresh.endpoint())
})

test('a node proves the device key of its record, whichever its capability names, and the former one opens nothing', async () => {
  const rig = await createRelayRig()
  const later = testDevice('later', 31)
  const shown = capabilityOf(alice, rig.clock)
  const bindAs = async (device: typeof alice, at: typeof aliceAt, peer: typeof bob): Promise<boolean> => {
    const watched = watchBind(
      rig.client({ ...alice, signer: device.signer }, at, () => shown),
      peer,
    )
    await rig.pass(1_000)
    return watched.endpoint() !== undefined
  }
  rig.members = memberSet({ epoch: 1, revision: 4 }, [alice, bob])
  assert.is(await bindAs(alice, aliceAt, bob), true, 'a set older than the capability says nothing of its key')
  rig.members = memberSet({ epoch: 1, revision: 7 }, [{ ...alice, deviceKey: later.deviceKey }, bob])
  assert.is(await bindAs(alice, malloryAt, mallory), false)
  assert.is(await bindAs(later, aliceAt, mallory), true)
  await rig.pass(60_000)
  assert.is([...rig.kernel.held.values()].length >= 1, true, 'what was bound before goes on')
})

test('a node that is removed while bound loses its session with the next sweep', async () => {
  const { rig, toBob } = await bothBound()
  rig.members = memberSet({ epoch: 1, revision: 9 }, [bob])
  await rig.pass(6_000)
  assert.equal([...rig.kernel.held.values()].flatMap(({ ends }) => ends.map((end) => end?.source)).filter(Boolean), [
    bobAt,
  ])
  await rig.pass(60_000)
  assert.ok(toBob.events.some((event) => event.startsWith('lost')))
  assert.ok(((await refusedFor(rig))['removed'] ?? 0) > 0)
})

test('one node has only so many sessions', async () => {
  const rig = await createRelayRig({ first: 61_000, count: 2 * relaySessionsPerNodeMax })
  const a = rig.client(alice, aliceAt)
  for (let i = 0; i < relaySessionsPerNodeMax + 8; i++) {
    watchBind(a, testDevice(`peer${i}`, 1_000 + i))
    await rig.pass(100)
  }
  assert.is(rig.kernel.held.size, relaySessionsPerNodeMax)
  assert.ok(((await refusedFor(rig))['too-many'] ?? 0) >= 8)
})

test('a false relay is not believed: its BOUND has no key', async () => {
  const rig = await createRelayRig()
  const a = rig.client(alice, aliceAt)
  a.cut = true
  const toBob = watchBind(a, bob)
  const hello = parseRelayFrame(a.sent[0] ?? new Uint8Array(0))
  assert.ok(hello?.kind === 'hello')
  a.client.receive(encodeChallenge(hello.nonce, new Uint8Array(16), testSigner(1).publicKey), relayAt)
  const bind = parseRelayFrame(a.sent.at(-1) ?? new Uint8Array(0))
  assert.ok(bind?.kind === 'bind')
  const forged = encodeBound(
    { nonce: bind.nonce, port: 1, lifetimeS: 90, observed: malloryAt },
    () => new Uint8Array(16),
  )
  a.client.receive(forged, relayAt)
  a.client.receive(forged, malloryAt)
  assert.is(toBob.endpoint(), undefined)
})

test.run()
