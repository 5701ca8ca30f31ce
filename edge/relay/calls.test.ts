// Nodes that rest are found by the session they keep with the relay, and the first handshake waits for nobody else.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { portOf } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import { parseRelayFrame } from './frames.ts'
import {
  alice,
  aliceAt,
  bob,
  bobAt,
  createRelayRig,
  type RelayRig,
  refusedFor,
  relayAt,
  sentBy,
  type TestNode,
  watchBind,
} from './relay-rig.fake.ts'

interface Settled {
  readonly wanted: NodeId[]
}

function settleAt(node: TestNode, relay: NodeId): Settled {
  const wanted: NodeId[] = []
  node.client.settle(
    relay,
    relayAt,
    { onBound: () => undefined, onLost: () => undefined },
    (peer) => void wanted.push(peer),
  )
  return { wanted }
}

/** Both keep a session with the relay. */
async function bothSettled() {
  const rig = await createRelayRig()
  const [a, b] = [rig.client(alice, aliceAt), rig.client(bob, bobAt)]
  const [atA, atB] = [settleAt(a, rig.node), settleAt(b, rig.node)]
  await rig.pass(100)
  return { rig, a, b, atA, atB }
}

const pairOf = (rig: RelayRig) => [...rig.kernel.held.values()].find(({ nodes }) => !nodes.includes(rig.node))

test('a call binds both ends: one round trip and the first REFRESH of each', async () => {
  const { a, atB, b, rig } = await bothSettled()
  const [before, verified] = [rig.clock.monotonic(), rig.verified()]
  const toBob = watchBind(a, bob)
  // Of the rig's wire: CALL there, CALLED and WANTED back, REFRESH there, REFRESHED back.
  await rig.pass(2)
  assert.equal(atB.wanted, [alice.nodeId])
  const toAlice = watchBind(b, alice)
  await rig.pass(2)
  assert.ok(toBob.endpoint() !== undefined && toBob.endpoint() === toAlice.endpoint())
  assert.equal(
    pairOf(rig)
      ?.ends.map((end) => end?.source)
      .sort(),
    [aliceAt, bobAt].sort(),
  )
  assert.is(rig.verified(), verified, 'no signature is checked')
  assert.ok(rig.clock.monotonic() - before <= 4)
  await rig.pass(600_000)
  assert.equal([toBob.events.length, toAlice.events.length], [1, 1], 'kept as any other')
})

test('what is sent behind the first REFRESH waits for the peer', async () => {
  const { a, b, rig } = await bothSettled()
  const initiation = new Uint8Array(148)
  initiation[0] = 1
  let at: Endpoint | undefined
  a.client.bind(rig.node, relayAt, bob.nodeId, {
    onProving: (endpoint) => void (at = endpoint),
    onBound: () => undefined,
    onLost: () => undefined,
  })
  await rig.pass(2)
  assert.ok(at !== undefined)
  await rig.pass(1)
  rig.relay().receiveAt(portOf(at ?? relayAt), initiation, aliceAt)
  watchBind(b, alice)
  await rig.pass(10)
  assert.ok(rig.said.some(({ bytes, to }) => bytes.length === 148 && to === bobAt))
})

test('behind symmetric NATs the mapping towards the pair’s port is heard by the REFRESH', async () => {
  const rig = await createRelayRig()
  const [a, b] = [rig.client(alice, aliceAt), rig.client(bob, bobAt)]
  for (const node of [a, b]) node.symmetric = true
  const [, atB] = [settleAt(a, rig.node), settleAt(b, rig.node)]
  await rig.pass(100)
  const toBob = watchBind(a, bob)
  await rig.pass(2)
  assert.is(atB.wanted.length, 1)
  const toAlice = watchBind(b, alice)
  await rig.pass(10)
  assert.ok(toBob.endpoint() !== undefined && toBob.endpoint() === toAlice.endpoint())
  assert.is(new Set(pairOf(rig)?.ends.map((end) => end?.source)).has(aliceAt), false)
})

test('who does not rest there is waited for, and told when it comes', async () => {
  const rig = await createRelayRig()
  const [a, b] = [rig.client(alice, aliceAt), rig.client(bob, bobAt)]
  settleAt(a, rig.node)
  await rig.pass(100)
  const toBob = watchBind(a, bob)
  await rig.pass(100)
  assert.ok(toBob.endpoint() !== undefined, 'its own end is bound')
  const atB = settleAt(b, rig.node)
  await rig.pass(100)
  assert.equal(atB.wanted, [alice.nodeId])
})

test('after a restart of the relay a call is refused once, and made by a bind', async () => {
  const { a, b, rig } = await bothSettled()
  await rig.restart()
  const [toBob, toAlice] = [watchBind(a, bob), watchBind(b, alice)]
  await rig.pass(1_500)
  assert.ok(toBob.endpoint() !== undefined && toBob.endpoint() === toAlice.endpoint())
})

test('forged, replayed and foreign calls bring about nothing', async () => {
  const { a, atB, rig } = await bothSettled()
  watchBind(a, bob)
  await rig.pass(100)
  const call = sentBy(a, 'call')
  const frame = parseRelayFrame(call)
  const port = frame?.kind === 'call' ? frame.port : 0
  const [said, heard] = [rig.said.length, atB.wanted.length]
  rig.relay().receiveAt(port, call, aliceAt)
  const forged = call.slice()
  forged[13] = 99
  rig.relay().receiveAt(port, forged, aliceAt)
  await rig.pass(100)
  assert.equal([rig.said.length, atB.wanted.length], [said, heard])
  const refused = await refusedFor(rig)
  assert.equal([refused['silence-replay'], refused['silence-mac']], [1, 1])
})

test('a WANTED that is played again, or forged, wakes nobody', async () => {
  const { a, atB, b, rig } = await bothSettled()
  watchBind(a, bob)
  await rig.pass(100)
  const told = rig.said.find(({ bytes }) => parseRelayFrame(bytes)?.kind === 'wanted')
  assert.ok(told)
  const before = atB.wanted.length
  if (told !== undefined) {
    b.client.receive(told.bytes, told.from)
    const forged = told.bytes.slice()
    forged[13] = 200
    b.client.receive(forged, told.from)
  }
  assert.is(atB.wanted.length, before)
})

test.run()
