// A device and a hub over a broker in memory: catching up, falling back, and staying whole under hostile messages.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { parseNetworkId } from '../../shared/ids.ts'
import { parsePresence } from '../../shared/wire/report.ts'
import { encodeChunks } from '../../shared/wire/sync.ts'
import { topics } from '../../shared/wire/topics.ts'
import { FakeHub, testNetwork } from './hub.fake.ts'
import { connected, me, other, rig } from './link-rig.fake.ts'

test('a device without anything gets a snapshot at once', async () => {
  const r = await connected()
  assert.is(r.revision(), 1)
  assert.equal(
    r.hub.requests.map((q) => q.want),
    ['snapshot'],
  )
  assert.ok(r.link.state().hubOnline)
})

test('a device that holds the newest asks nothing', async () => {
  const r = await connected(true)
  await r.advance(60_000)
  assert.equal(r.hub.requests, [])
})

test('a change arrives as a delta, within one trip of the broker, and asks the hub nothing', async () => {
  const r = await connected(true)
  r.hub.putNode(other).publish()
  await r.advance(11)
  assert.is(r.revision(), 2)
  await r.advance(60_000)
  assert.equal(r.hub.requests, [])
})

test('a delta that was missed is asked for', async () => {
  const r = await connected(true)
  r.hub.putNode(other).publish(false)
  await r.advance(2_000)
  assert.is(r.revision(), 2)
  assert.equal(
    r.hub.requests.map((q) => q.want),
    ['delta'],
  )
})

test('a delta with a wrong base leads to catch-up', async () => {
  const r = await connected(true)
  r.hub.putNode(other).commit()
  r.hub.remove('node/other').publish()
  await r.advance(2_000)
  assert.is(r.revision(), 3)
})

test('a delta that does not verify is replaced by a snapshot', async () => {
  const r = await connected(true)
  r.hub.twist = (kind, frame) =>
    kind === 'delta' ? frame.map((byte, i) => (i === frame.length - 9 ? byte ^ 1 : byte)) : frame
  r.hub.putNode(other).publish(false)
  await r.advance(30_000)
  assert.is(r.revision(), 2)
  assert.equal(
    r.hub.requests.map((q) => q.want),
    ['delta', 'snapshot'],
  )
})

test('a hub that does not answer is asked again, ever more rarely, and not forever', async () => {
  const r = await connected(true)
  r.hub.mute = true
  r.hub.putNode(other).publish(false)
  await r.advance(24 * 3_600_000)
  assert.is(r.hub.requests.length, 12)
  r.hub.mute = false
  r.hub.publish(false)
  await r.advance(5_000)
  assert.is(r.revision(), 3)
})

for (const delayS of [20, 70]) {
  test(`a hub that takes ${delayS} s for each answer is slow, not silent`, async () => {
    const r = await connected(true)
    r.hub.mute = true
    r.hub.putNode(other).publish(false)
    let seen = 0
    let seconds = 0
    for (; seconds < 1_800 && r.revision() < 2; seconds++) {
      await r.advance(1_000)
      for (const request of r.hub.requests.slice(seen)) {
        r.clock.after(delayS * 1_000, () => r.hub.reply(me.nodeId, request))
      }
      seen = r.hub.requests.length
    }
    assert.is(r.revision(), 2, `after ${seconds} s and ${seen} requests`)
    assert.ok(seen <= 10, `${seen} requests`)
    await r.advance(600_000)
    assert.is(r.hub.requests.length, seen, 'and it is left in peace')
    assert.equal(r.refused, [])
  })
}

test('a broker that forgot the head is no obstacle', async () => {
  const r = rig()
  r.hub.attach(r.broker)
  await r.advance(100)
  r.broker.inject({ topic: topics.head(testNetwork), payload: new Uint8Array(0), retain: true })
  r.link.start()
  await r.advance(10_000)
  assert.is(r.revision(), 1)
})

test('a higher epoch is fetched as a snapshot', async () => {
  const r = await connected(true)
  r.hub.putNode(other).commit({ epoch: 2, revision: 1 })
  r.broker.inject({ topic: topics.head(testNetwork), payload: r.hub.latest.head, retain: true })
  await r.advance(5_000)
  assert.equal(r.held?.version, { epoch: 2, revision: 1 })
})

test('hostile messages change nothing, are told, and ask the hub little', async () => {
  const r = await connected(true)
  const first = r.hub.latest
  r.hub.putNode(other).publish()
  await r.advance(100)
  const before = r.held
  const foreign = new FakeHub(parseNetworkId('otherneaaaaa'))
  foreign.commit()
  const noise = [utf8('garbage'), new Uint8Array(2 << 20), first.head, foreign.latest.head, Uint8Array.of(0, 0)]
  const chunk = encodeChunks('snapshot', 'a'.repeat(16), utf8('x'), new Uint8Array(32))[0] ?? new Uint8Array(0)
  for (const payload of [...noise, chunk]) {
    for (const topic of [
      topics.head(testNetwork),
      topics.delta(testNetwork),
      topics.hub(testNetwork),
      topics.rsp(testNetwork, me.nodeId),
    ]) {
      r.broker.inject({ topic, payload })
    }
    await r.advance(50)
  }
  await r.advance(3_600_000)
  assert.is(r.held, before)
  assert.ok(r.refused.length >= 15, `${r.refused.length} refusals told`)
  assert.ok(r.hub.requests.length <= 6, `${r.hub.requests.length} requests`)
  assert.ok(r.refused.every((detail) => detail.length <= 500))
})

test('presence is born with the link, and ends by goodbye or by will', async () => {
  const r = await connected(true)
  const topic = topics.node(testNetwork, me.nodeId, 'presence')
  const now = () => parsePresence(r.broker.retained(topic) ?? new Uint8Array())
  const { session } = now()
  assert.equal(now(), { online: true, session })
  r.broker.drop('me')
  assert.equal(now(), { online: false, session })
  await r.advance(2_000)
  assert.equal(now(), { online: true, session })
  const stopped = r.link.stop()
  await r.advance(2_000)
  await stopped
  assert.equal(now(), { online: false, session })
})

test('a hub that leaves while the broker stays is noticed', async () => {
  const r = await connected(true)
  r.broker.kill('hub')
  await r.advance(1_000)
  const gone = r.hub.leave()
  await r.advance(10)
  await gone
  r.broker.inject({
    topic: topics.hub(testNetwork),
    payload: utf8('{"online":false,"session":"hubhubhubhubhubh"}'),
    retain: true,
  })
  await r.advance(10)
  assert.equal([r.link.state().up, r.link.state().hubOnline], [true, false])
})

test('the will of a connection that the hub has replaced says nothing', async () => {
  const r = await connected(true)
  r.broker.inject({
    topic: topics.hub(testNetwork),
    payload: utf8('{"online":false,"session":"aaaaaaaaaaaaaaaa"}'),
  })
  await r.advance(10)
  assert.is(r.link.state().hubOnline, true)
})

test('a hub that publishes is there, whatever was said of it', async () => {
  const r = await connected(true)
  r.broker.inject({ topic: topics.hub(testNetwork), payload: utf8('{"online":false,"session":"hubhubhubhubhubh"}') })
  await r.advance(10)
  assert.is(r.link.state().hubOnline, false)
  r.hub.putNode(other).publish()
  await r.advance(20)
  assert.is(r.link.state().hubOnline, true)
})

test('the record of flows is told when the hub comes and goes, also where the broker stays; its answers are its own', async () => {
  const r = await connected(true)
  const say = async (text: string, topic = topics.hub(testNetwork)) => {
    r.broker.inject({ topic, payload: utf8(text) })
    await r.advance(10)
  }
  assert.equal(r.flows, ['there'])
  await say('{"online":false,"session":"hubhubhubhubhubh"}')
  assert.equal(r.flows, ['there', 'gone'])
  await say('{"online":true,"session":"bbbbbbbbbbbbbbbb"}')
  const [answer] = encodeChunks('ledger', 'a'.repeat(16), utf8('x'), new Uint8Array(32))
  r.broker.inject({ topic: topics.rsp(testNetwork, me.nodeId), payload: answer ?? new Uint8Array(0) })
  await r.advance(10)
  assert.equal(r.flows, ['there', 'gone', 'there', 'reply'])
  await say('{"online":false,"session":"bbbbbbbbbbbbbbbb"}')
  r.hub.putNode(other).publish()
  await r.advance(20)
  assert.equal(r.flows.slice(4), ['gone', 'there'], 'who publishes is there')
  r.broker.drop('me')
  assert.is(r.flows.at(-1), 'gone')
  assert.equal(r.refused, [])
})

test('a hub that comes back after all tries were used up is asked again', async () => {
  const r = await connected(true)
  r.hub.mute = true
  r.hub.putNode(other).publish(false)
  await r.advance(24 * 3_600_000)
  assert.is(r.revision(), 1)
  r.hub.mute = false
  r.broker.inject({ topic: topics.hub(testNetwork), payload: utf8('{"online":true,"session":"bbbbbbbbbbbbbbbb"}') })
  await r.advance(6_000)
  assert.is(r.revision(), 2)
})

test('a fact that the broker still retains is not sent again after a reconnect', async () => {
  const r = await connected(true)
  const topic = topics.node(testNetwork, me.nodeId, 'fact')
  const sent = () => r.broker.published.filter((message) => message.topic === topic).length
  r.link.announce(utf8('fact'), false)
  await r.advance(3_000)
  r.broker.drop('me')
  await r.advance(60_000)
  assert.is(sent(), 1)
  r.broker.forgetRetained()
  r.broker.drop('me')
  await r.advance(60_000)
  assert.is(sent(), 2)
})

test.run()
