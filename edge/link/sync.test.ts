// A broker shows a device whatever it likes; the hub behind it knows what is newest, and is asked.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { topics } from '../../shared/wire/topics.ts'
import { acceptSnapshot } from '../trust/accept.ts'
import { FakeHub, testNetwork } from './hub.fake.ts'
import { other, type Rig, rig } from './link-rig.fake.ts'

const topic = topics.head(testNetwork)
const presence = (session: string) => ({
  topic: topics.hub(testNetwork),
  payload: utf8(JSON.stringify({ online: true, session })),
})

function foreignHead(): Uint8Array {
  const hub = new FakeHub()
  hub.commit()
  return hub.latest.head
}

/** Retained in place of the newest head. */
const shown: Readonly<Record<string, (r: Rig, old: Uint8Array) => Uint8Array>> = {
  'an old head': (_r, old) => old,
  'a head with a flipped bit': ({ hub }) => hub.latest.head.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
  'a head of an unknown key': foreignHead,
  'garbage for a head': () => utf8('garbage'),
}

for (const [what, spoil] of Object.entries(shown)) {
  test(`${what} keeps nobody from the newest set, which is asked for at once, and once`, async () => {
    const r = rig()
    r.hub.attach(r.broker)
    await r.advance(100)
    const old = r.hub.latest.head
    r.hub.putNode(other).publish()
    r.held = acceptSnapshot(r.hub.anchors, undefined, r.hub.snapshot()).next
    r.hub.remove('node/other').publish()
    await r.advance(100)
    r.broker.inject({ topic, payload: spoil(r, old), retain: true })
    r.link.start()
    await r.advance(1_000)
    assert.is(r.revision(), 3)
    await r.advance(60_000)
    assert.is(r.hub.requests.length, 1)
  })
}

test('a broker that shows neither a head nor the hub: the hub is asked all the same', async () => {
  const r = rig(true)
  r.hub.attach(r.broker)
  await r.advance(100)
  r.hub.putNode(other).publish()
  await r.advance(100)
  r.broker.forgetRetained()
  r.link.start()
  await r.advance(4_000)
  assert.is(r.hub.requests.length, 0)
  await r.advance(6_000)
  assert.is(r.revision(), 2)
  assert.is(r.hub.requests.length, 1)
})

test('where no hub listens it is asked a few times, and then no more', async () => {
  const r = rig(true)
  r.link.start()
  await r.advance(24 * 3_600_000)
  const asked = r.broker.published.filter((message) => message.topic.endsWith('/req')).length
  assert.ok(asked > 3 && asked <= 12, `${asked} requests`)
})

test('a hub that says hello while it is asked is asked on', async () => {
  const r = rig(true)
  r.hub.attach(r.broker)
  await r.advance(100)
  r.hub.putNode(other).publish()
  await r.advance(100)
  r.broker.inject({ topic, payload: utf8('garbage'), retain: true })
  r.hub.mute = true
  r.link.start()
  await r.advance(2_000)
  assert.is(r.hub.requests.length, 1)
  r.broker.inject(presence('bbbbbbbbbbbbbbbb'))
  await r.advance(1_000)
  r.hub.mute = false
  await r.advance(60_000)
  assert.is(r.revision(), 2)
})

test.run()
