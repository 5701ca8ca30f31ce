// A relay and its clients: bound, kept, moved, restarted under them, and lost.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Endpoint, parseEndpoint, portOf } from '../../shared/address/endpoint.ts'
import { utf8 } from '../../shared/bytes.ts'
import { isRelayFrame } from './frames.ts'
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
  type RelayRig,
  refusedFor,
  relayAt,
  watchBind,
} from './relay-rig.fake.ts'

test('two nodes that name each other meet at one port, in whatever order they come', async () => {
  const { rig, toAlice, toBob } = await bothBound()
  assert.ok(toBob.endpoint() !== undefined && toBob.endpoint() === toAlice.endpoint())
  const [forward] = [...rig.kernel.held.values()]
  assert.equal(forward?.ends.map((end) => end?.source).sort(), [aliceAt, bobAt].sort())
  assert.equal(toBob.events, [`bound ${toBob.endpoint()} seen ${aliceAt}`])
  const { refused, sessions } = await rig.relay().metrics()
  assert.equal(refused, {})
  assert.equal(
    sessions.map(({ complete }) => complete),
    [true],
  )
})

test('sessions live by REFRESH: silence ends one end after 90 s and the session with the last', async () => {
  const { a, b, rig, toBob } = await bothBound()
  await rig.pass(600_000)
  assert.is(rig.kernel.held.size, 1, 'ten minutes of REFRESH')
  assert.is(toBob.events.length, 1)
  a.cut = true
  await rig.pass(100_000)
  assert.equal(
    [...rig.kernel.held.values()][0]?.ends.filter(Boolean).map((end) => end?.source),
    [bobAt],
  )
  assert.ok(toBob.events[1]?.startsWith('lost'))
  b.cut = true
  await rig.pass(100_000)
  assert.is(rig.kernel.held.size, 0)
  a.cut = false
  b.cut = false
  await rig.pass(120_000)
  assert.is([...rig.kernel.held.values()][0]?.ends.filter(Boolean).length, 2, 'and comes back by itself')
})

test('a restart takes the sessions over; nodes bind again at the same port and hear of nothing', async () => {
  const { rig, toAlice, toBob } = await bothBound()
  const before = [...rig.kernel.held.values()][0]
  await rig.restart()
  assert.equal([...rig.kernel.held.values()][0], before)
  await rig.pass(200_000)
  assert.equal(
    [...rig.kernel.held.values()].map(({ port, ends }) => [port, ends.filter(Boolean).length]),
    [[before?.port, 2]],
  )
  assert.equal([toBob.events.length, toAlice.events.length], [1, 1])
  assert.is((await rig.relay().metrics()).bound, 2)
})

const sources = (rig: RelayRig) => [...rig.kernel.held.values()].flatMap(({ ends }) => ends.map((end) => end?.source))

test('a node whose NAT gave it another port is heard there at its next REFRESH', async () => {
  const { a, rig, toBob } = await bothBound()
  a.at = parseEndpoint('198.51.100.1:40404')
  await rig.pass(30_000)
  assert.ok(sources(rig).includes(a.at))
  assert.is(toBob.events.length, 1)
  assert.equal(await refusedFor(rig), {})
})

test('a node that comes from another address is told so and binds from there, at the same port', async () => {
  const { a, rig, toBob } = await bothBound()
  const endpoint = toBob.endpoint()
  a.at = parseEndpoint('198.51.100.7:51820')
  await rig.pass(30_000)
  assert.equal(toBob.events.slice(1), [`bound ${endpoint} seen ${a.at}`])
  assert.is((await refusedFor(rig))['moved'], 1)
  assert.ok(sources(rig).includes(a.at))
  a.at = parseEndpoint('198.51.100.8:51820')
  a.client.networkChanged()
  await rig.pass(100)
  assert.ok(sources(rig).includes(a.at), 'at once where the node itself noticed')
})

test('behind a NAT that maps anew for every destination, the mapping towards the session port counts', async () => {
  const rig = await createRelayRig()
  const [a, b] = [rig.client(alice, aliceAt), rig.client(bob, bobAt)]
  a.symmetric = true
  b.symmetric = true
  const toBob = watchBind(a, bob)
  watchBind(b, alice)
  await rig.pass(100)
  const offset = portOf(toBob.endpoint() ?? relayAt) % 1_000
  assert.equal(new Set(sources(rig)), new Set([`198.51.100.1:${51_821 + offset}`, `203.0.113.2:${40_002 + offset}`]))
})

test('the other IP version is refused while the peer is bound, and welcome once it is not', async () => {
  const { a, b, rig, toBob } = await bothBound()
  a.at = parseEndpoint('[2001:db8::1]:51820')
  a.client.networkChanged()
  await rig.pass(100)
  assert.is((await refusedFor(rig))['other-family'], 1)
  assert.is(toBob.events.at(-1), 'lost the peer is bound over the other IP version')
  b.at = parseEndpoint('[2001:db8::2]:51820')
  await rig.pass(240_000)
  assert.is([...rig.kernel.held.values()][0]?.family, 6)
  assert.is([...rig.kernel.held.values()][0]?.ends.filter(Boolean).length, 2)
})

/** A first handshake message as WireGuard sends it, with a mark at its end. */
function initiation(mark: number): Uint8Array {
  const bytes = new Uint8Array(148)
  bytes[0] = 1
  bytes[147] = mark
  return bytes
}

test('the handshake of the end that is early is kept, one, and goes when the other end is there', async () => {
  const rig = await createRelayRig()
  const toBob = watchBind(rig.client(alice, aliceAt), bob)
  await rig.pass(10)
  const port = Number(toBob.endpoint()?.split(':').at(-1))
  rig.relay().receiveAt(port, utf8('a probe'), aliceAt)
  rig.relay().receiveAt(port, initiation(3), malloryAt)
  rig.relay().receiveAt(port, initiation(1), aliceAt)
  rig.relay().receiveAt(port, initiation(2), aliceAt)
  rig.relay().receiveAt(port, new Uint8Array(9_000), aliceAt)
  const before = rig.said.length
  watchBind(rig.client(bob, bobAt), alice)
  await rig.pass(10)
  const handed = rig.said.slice(before).filter(({ bytes }) => !isRelayFrame(bytes))
  assert.equal(
    handed.map(({ bytes, to }) => [bytes.at(-1), to]),
    [[1, bobAt]],
  )
})

test('what comes before the kernel has learnt of both ends is carried by the process', async () => {
  const rig = await createRelayRig()
  const kernel = Promise.withResolvers<void>()
  rig.kernel.busy = kernel.promise
  const [a, b] = [rig.client(alice, aliceAt), rig.client(bob, bobAt)]
  const proving: Endpoint[] = []
  for (const [node, peer] of [
    [a, bob],
    [b, alice],
  ] as const) {
    const nothing = (): void => undefined
    node.client.bind(rig.node, relayAt, peer.nodeId, {
      onProving: (endpoint) => void proving.push(endpoint),
      onBound: nothing,
      onLost: nothing,
    })
  }
  await rig.pass(10)
  const [port = 0, other] = proving.map(portOf)
  assert.is(port, other)
  const before = rig.said.length
  rig.relay().receiveAt(port, initiation(1), aliceAt)
  rig.relay().receiveAt(port, utf8('its answer'), bobAt)
  rig.relay().receiveAt(port, utf8('uninvited'), malloryAt)
  assert.equal(
    rig.said.slice(before).map(({ to }) => to),
    [bobAt, aliceAt],
  )
  assert.is(rig.kernel.held.size, 0)
  kernel.resolve()
  await rig.pass(10)
  assert.is(rig.kernel.held.size, 1)
})

test('what waits is handed over before the kernel is ready, but not while strangers crowd the way of its answer', async () => {
  for (const strangers of [50, 500]) {
    const rig = await createRelayRig()
    const toBob = watchBind(rig.client(alice, aliceAt), bob)
    await rig.pass(10)
    const port = portOf(toBob.endpoint() ?? relayAt)
    rig.relay().receiveAt(port, initiation(1), aliceAt)
    for (let i = 0; i < strangers; i++) rig.relay().receiveAt(port, utf8('noise'), malloryAt)
    const kernel = Promise.withResolvers<void>()
    rig.kernel.busy = kernel.promise
    const before = rig.said.length
    const handed = (): number => rig.said.slice(before).filter(({ bytes }) => !isRelayFrame(bytes)).length
    watchBind(rig.client(bob, bobAt), alice)
    await rig.pass(10)
    assert.is(handed(), strangers === 50 ? 1 : 0)
    kernel.resolve()
    await rig.pass(10)
    assert.is(handed(), 1)
  }
})

test('an end that is here by TLS: its packets leave by the session port, those for it are handed over', async () => {
  const rig = await createRelayRig()
  const handed: string[] = []
  rig.elsewhere = (from, to, bytes) => handed.push(`${from[0]}${to[0]} ${bytes.length}`) > 0
  const toAlice = watchBind(rig.client(bob, bobAt), alice)
  await rig.pass(10)
  assert.equal(rig.binds, [[bob.nodeId, alice.nodeId]])
  const port = portOf(toAlice.endpoint() ?? relayAt)
  const before = rig.said.length
  rig.relay().carry(alice.nodeId, bob.nodeId, utf8('hello'))
  rig.relay().carry(mallory.nodeId, bob.nodeId, utf8('uninvited'))
  assert.equal(
    rig.said.slice(before).map(({ from, to }) => [from, to]),
    [[`192.0.2.9:${port}`, bobAt]],
  )
  rig.relay().receiveAt(port, new Uint8Array(1_400), bobAt)
  rig.relay().receiveAt(port, new Uint8Array(1_400), malloryAt)
  assert.equal(handed, [`${bob.nodeId[0]}${alice.nodeId[0]} 1400`])
})

test('a bound end that comes by TLS gives its place up; the handshake that waited for it is handed over', async () => {
  const { rig, toAlice } = await bothBound()
  rig.relay().turnToTls(alice.nodeId, bob.nodeId)
  assert.equal(sources(rig).filter(Boolean), [bobAt])
  assert.ok(toAlice.endpoint() !== undefined)
  const early = await createRelayRig()
  const waits = watchBind(early.client(bob, bobAt), alice)
  await early.pass(10)
  early.relay().receiveAt(portOf(waits.endpoint() ?? relayAt), initiation(7), bobAt)
  const handed: (number | undefined)[] = []
  early.elsewhere = (_from, _to, bytes) => handed.push(bytes.at(-1)) > 0
  early.relay().turnToTls(alice.nodeId, bob.nodeId)
  early.relay().turnToTls(alice.nodeId, mallory.nodeId)
  assert.equal(handed, [7])
})

test('ports that others sit on are passed over; with none left the bind is refused', async () => {
  const rig = await createRelayRig({ first: 61_000, count: 4 })
  for (const port of [61_000, 61_001, 61_003]) rig.taken.add(port)
  const toBob = watchBind(rig.client(alice, aliceAt), bob)
  await rig.pass(10)
  assert.is(toBob.endpoint(), '192.0.2.9:61002')
  watchBind(rig.client(mallory, malloryAt), bob)
  await rig.pass(10)
  assert.is((await refusedFor(rig))['full'], 1)
})

test('a kernel that refuses is told to the node, and tried again', async () => {
  const rig = await createRelayRig()
  rig.kernel.broken = true
  const toBob = watchBind(rig.client(alice, aliceAt), bob)
  await rig.pass(10)
  assert.equal([toBob.endpoint(), (await refusedFor(rig))['failed']], [undefined, 1])
  rig.kernel.broken = false
  await rig.pass(10_000)
  assert.ok(toBob.endpoint())
})

test('without a capability nothing is asked, and with the first one at once', async () => {
  const rig = await createRelayRig()
  let capability: Uint8Array | undefined
  const a = rig.client(alice, aliceAt, () => capability)
  const toBob = watchBind(a, bob)
  await rig.pass(20_000)
  assert.is(a.sent.length, 0)
  capability = capabilityOf(alice, rig.clock)
  await rig.pass(6_000)
  assert.ok(toBob.endpoint())
})

test.run()
