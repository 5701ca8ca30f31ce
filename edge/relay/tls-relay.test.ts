// A TLS relay and its clients: led to each other, beside UDP, kept, restarted, refused and bounded.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { relaySessionsPerNodeMax, relayTlsWaitingBytesMax } from '../../shared/limits.ts'
import { testDevice } from '../link/hub.fake.ts'
import { alice, bob, capabilityOf, mallory, memberSet } from './relay-rig.fake.ts'
import { encodeJoin, encodeTlsFrame, encodeWord, joinSignedBytes, parseTlsFrames, parseTlsWord } from './tls-frames.ts'
import { createTlsRig, type FakeWire, tlsPlace, tlsRelayNode } from './tls-rig.fake.ts'

async function bothThere() {
  const rig = createTlsRig()
  const [a, b] = [rig.node(alice), rig.node(bob)]
  a.client.want(bob.nodeId, [tlsPlace])
  b.client.want(alice.nodeId, [tlsPlace])
  await rig.pass(50)
  return { rig, a, b }
}

/** What the relay said last on a connection that only the test holds. */
function stranger(rig: ReturnType<typeof createTlsRig>) {
  const said: string[] = []
  let open = true
  const wire = rig.connect({
    onMessage: (message) => {
      for (const { payload } of parseTlsFrames(message) ?? []) {
        const word = parseTlsWord(payload)
        said.push(word?.kind === 'refused' ? `refused ${word.why}` : (word?.kind ?? 'datagram'))
      }
    },
    onAlive: () => undefined,
    onClosed: () => void (open = false),
  })
  return { said, wire, isOpen: () => open }
}

function joinOf(rig: ReturnType<typeof createTlsRig>, wire: FakeWire, device = alice, change = {}): Uint8Array {
  return encodeJoin(tlsRelayNode.nodeId, capabilityOf(device, rig.clock, change), (covered) =>
    device.signer.sign(joinSignedBytes(wire.exported, covered)),
  )
}

test('two ends by TLS: what WireGuard sends to one loopback socket comes out of the other’s', async () => {
  const { a, b, rig } = await bothThere()
  a.say(a.endpoint(bob), 'hello')
  b.say(b.endpoint(alice), 'good day')
  await rig.pass(5)
  assert.equal(b.heard, [[b.endpoint(alice), 'hello']])
  assert.equal(a.heard, [[a.endpoint(bob), 'good day']])
  assert.ok(a.changes > 0)
})

test('one end by TLS, the other over UDP: datagrams cross in both directions', async () => {
  const rig = createTlsRig()
  const a = rig.node(alice)
  a.client.want(bob.nodeId, [tlsPlace])
  await rig.pass(50)
  assert.equal(rig.channels, [`${alice.nodeId} ${bob.nodeId}`], 'the UDP side is told')
  a.say(a.endpoint(bob), 'to udp')
  await rig.pass(5)
  assert.equal(rig.toUdp, [`${alice.nodeId[0]}${bob.nodeId[0]} to udp`])
  assert.ok(rig.relay().deliver(bob.nodeId, alice.nodeId, utf8('from udp')))
  assert.not.ok(rig.relay().deliver(mallory.nodeId, alice.nodeId, utf8('uninvited')))
  await rig.pass(5)
  assert.equal(a.heard, [[a.endpoint(bob), 'from udp']])
})

test('who waits for a node that is connected calls it; who has a channel is not called', async () => {
  const rig = createTlsRig()
  const [a, b] = [rig.node(alice), rig.node(bob)]
  a.client.hold([tlsPlace])
  await rig.pass(50)
  assert.equal(a.client.joined(), [tlsPlace.relay])
  b.client.want(alice.nodeId, [tlsPlace])
  await rig.pass(50)
  assert.equal([a.wanted, b.wanted], [[bob.nodeId], []])
  rig.relay().call(alice.nodeId, mallory.nodeId)
  rig.relay().call(bob.nodeId, alice.nodeId)
  await rig.pass(5)
  assert.equal([a.wanted, b.wanted], [[bob.nodeId, mallory.nodeId], []])
})

test('the relay’s own host is a peer as any other', async () => {
  const rig = createTlsRig()
  const a = rig.node(alice)
  a.client.want(tlsRelayNode.nodeId, [tlsPlace])
  await rig.pass(50)
  const here = rig.relay().local().get(alice.nodeId)
  assert.ok(here !== undefined)
  a.say(a.endpoint(tlsRelayNode), 'to the relay itself')
  await rig.pass(5)
  assert.equal(rig.host.heard, [[here, 'to the relay itself']])
  rig.host.open.get(here)?.(utf8('back'))
  await rig.pass(5)
  assert.equal(a.heard, [[a.endpoint(tlsRelayNode), 'back']])
  a.client.want(tlsRelayNode.nodeId, [])
  await rig.pass(50)
  assert.equal([rig.relay().local().size, rig.host.open.size], [0, 0])
})

test('a restart: connected again within seconds, at the same loopback sockets', async () => {
  const { a, b, rig } = await bothThere()
  const before = [a.endpoint(bob), b.endpoint(alice)]
  await rig.restart()
  assert.equal([a.endpoint(bob), b.endpoint(alice)], [undefined, undefined])
  await rig.pass(5_000)
  assert.equal([a.endpoint(bob), b.endpoint(alice)], before)
  a.say(a.endpoint(bob), 'again')
  await rig.pass(5)
  assert.is(b.heard.length, 1)
})

test('a connection that dies in silence is found out by its keepalive, and by the relay', async () => {
  const { a, rig } = await bothThere()
  for (const pair of rig.wires) for (const wire of pair) wire.dead = true
  await rig.pass(60_000)
  assert.ok(a.endpoint(bob) !== undefined, 'made anew')
  assert.is(rig.relay().metrics().connections, 2)
})

test('hours of nothing keep it; a capability that was renewed is shown on the same connection', async () => {
  const rig = createTlsRig()
  let capability = capabilityOf(alice, rig.clock, { expiresAt: rig.clock.now() + 600_000 })
  const a = rig.node(alice, () => capability)
  a.client.want(bob.nodeId, [tlsPlace])
  await rig.pass(300_000)
  capability = capabilityOf(alice, rig.clock)
  await rig.pass(3_600_000)
  rig.relay().sweep()
  await rig.pass(5)
  assert.is(rig.wires.length, 1)
  assert.ok(a.endpoint(bob) !== undefined)
})

test('nothing is queued: what a full connection can’t take is dropped and counted, at both ends', async () => {
  const { a, b, rig } = await bothThere()
  for (const pair of rig.wires) for (const wire of pair) wire.full = relayTlsWaitingBytesMax + 1
  const sent = rig.wires.map(([near]) => near.sent.length)
  a.say(a.endpoint(bob), 'lost')
  assert.equal(
    rig.wires.map(([near]) => near.sent.length),
    sent,
  )
  rig.relay().deliver(alice.nodeId, bob.nodeId, utf8('lost, too'))
  await rig.pass(5)
  assert.equal([b.heard.length, rig.relay().metrics().dropped], [0, 1])
})

test('a proof is of its own connection, by its own key, for this relay, in this network', async () => {
  const rig = createTlsRig()
  const [one, two] = [stranger(rig), stranger(rig)]
  const join = joinOf(rig, one.wire)
  two.wire.send(join)
  await rig.pass(10)
  assert.equal([two.said, two.isOpen()], [['refused untrusted'], false], 'taken from another connection')
  one.wire.send(join)
  await rig.pass(10)
  assert.equal([one.said, one.isOpen()], [['joined'], true])
  const forged = stranger(rig)
  const stolen = capabilityOf(alice, rig.clock)
  forged.wire.send(
    encodeJoin(tlsRelayNode.nodeId, stolen, (covered) =>
      mallory.signer.sign(joinSignedBytes(forged.wire.exported, covered)),
    ),
  )
  const elsewhere = stranger(rig)
  elsewhere.wire.send(
    encodeJoin(bob.nodeId, stolen, (covered) => alice.signer.sign(joinSignedBytes(elsewhere.wire.exported, covered))),
  )
  const late = stranger(rig)
  late.wire.send(joinOf(rig, late.wire, alice, { expiresAt: rig.clock.now() }))
  await rig.pass(10)
  assert.equal(
    [forged.said, elsewhere.said, late.said],
    [['refused untrusted'], ['refused untrusted'], ['refused expired']],
  )
})

test('who has not joined gets nothing and is cut off: words, datagrams, noise', async () => {
  const rig = createTlsRig()
  const says = [
    encodeWord({ kind: 'open', channel: 1, peer: bob.nodeId }),
    encodeTlsFrame(1, utf8('datagram')),
    utf8('GET / HTTP/1.1'),
    encodeWord({ kind: 'joined' }),
  ]
  for (const bytes of says) {
    const one = stranger(rig)
    one.wire.send(bytes)
    await rig.pass(10)
    assert.equal([one.said, one.isOpen()], [[], false])
  }
  assert.equal([rig.toUdp, rig.relay().metrics().connections], [[], 0])
})

test('a node that was removed is cut off, and does not come in again', async () => {
  const { a, rig } = await bothThere()
  rig.setMembers(memberSet({ epoch: 1, revision: 9 }, [bob]))
  rig.relay().sweep()
  await rig.pass(10)
  assert.is(a.endpoint(bob), undefined)
  await rig.pass(120_000)
  assert.is(a.endpoint(bob), undefined)
  assert.is(rig.relay().metrics().connections, 1)
  assert.ok((rig.relay().metrics().refused['removed'] ?? 0) > 1)
})

test('one node has so many channels and no more, and one connection: the newer one', async () => {
  const rig = createTlsRig()
  const one = stranger(rig)
  one.wire.send(joinOf(rig, one.wire))
  for (let i = 1; i <= relaySessionsPerNodeMax + 1; i++) {
    one.wire.send(encodeWord({ kind: 'open', channel: i, peer: testDevice(`peer-${i}`, i + 20).nodeId }))
  }
  await rig.pass(10)
  assert.equal(one.said.slice(-2), ['opened', 'refused too-many'])
  assert.is(rig.relay().metrics().channels, relaySessionsPerNodeMax)
  const two = stranger(rig)
  two.wire.send(joinOf(rig, two.wire))
  await rig.pass(10)
  assert.equal([one.isOpen(), two.isOpen()], [false, true])
})

test('more bytes than a connection may bring are dropped', async () => {
  const rig = createTlsRig()
  const one = stranger(rig)
  one.wire.send(joinOf(rig, one.wire))
  one.wire.send(encodeWord({ kind: 'open', channel: 1, peer: bob.nodeId }))
  await rig.pass(10)
  for (let i = 0; i < 200; i++) one.wire.send(encodeTlsFrame(1, new Uint8Array(1_000)))
  await rig.pass(10)
  const { dropped, packets } = rig.relay().metrics()
  assert.ok(packets >= 90 && packets <= 120 && packets + dropped === 200, `${packets} of 200`)
})

test.run()
