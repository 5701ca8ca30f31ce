// The keeper of the node's capability: when it asks, what it takes, what it keeps.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeBroker } from '../../shared/bus.fake.ts'
import { toBase64, utf8 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { capabilityLifeMs, openCapability } from '../../shared/wire/capability.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import type { Held } from '../trust/accept.ts'
import { createCapabilityKeeper } from './capability-keeper.ts'
import { FakeHub, testDevice, testInflate, testNetwork, testSigner } from './hub.fake.ts'
import { createHubLink, type HubLink } from './hub-link.ts'
import { createSync } from './sync.ts'

const me = testDevice('me', 1)
const DAY_MS = 86_400_000

function rig(store = new MemoryStore()) {
  const clock = new FakeClock()
  const broker = new FakeBroker({ clock, latencyMs: 5, retryMs: 1_000 })
  const hub = new FakeHub().putNode(me)
  hub.issuedAt = clock.now()
  hub.commit()
  const entropy = seededEntropy(3)
  const log = memoryLog()
  const self: { link?: HubLink; held?: Held } = {}
  const refused: string[] = []
  const send = async (payload: Uint8Array) => self.link?.request(payload)
  const { anchors } = hub
  const doors = { clock, entropy, log, sha256, verify, inflate: testInflate, send }
  const keeper = createCapabilityKeeper({
    ...doors,
    network: testNetwork,
    node: me.nodeId,
    deviceKey: () => me.deviceKey,
    deviceKeys: () => [me.deviceKey],
    keys: () => trustedKeys([hub.signer.publicKey], sha256),
    have: () => ({ epoch: 1, revision: 1 }),
    store,
  })
  const sync = createSync({
    ...doors,
    anchors,
    held: () => self.held,
    onAccepted: ({ next }) => void (self.held = next),
    onRefused: () => undefined,
    onSound: () => undefined,
  })
  const link = createHubLink({
    ...doors,
    bus: broker.factory('me'),
    network: testNetwork,
    node: me.nodeId,
    sync,
    capability: keeper,
    onFact: () => undefined,
    onRefused: (detail) => void refused.push(detail),
    onChange: () => undefined,
  })
  self.link = link
  const connect = async () => {
    hub.attach(broker)
    link.start()
    await clock.advanceAsync(15_000)
  }
  const issuedAt = () => {
    const envelope = keeper.current()
    if (envelope === undefined) return undefined
    return openCapability(envelope, trustedKeys([hub.signer.publicKey], sha256), verify).issuedAt
  }
  /** The hub's clock goes along. */
  const pass = async (ms: number) => {
    hub.issuedAt += ms
    await clock.advanceAsync(ms)
  }
  return { broker, clock, connect, hub, issuedAt, keeper, link, pass, refused, store }
}

test('it asks when it has none, keeps what it gets, and a new process asks nothing', async () => {
  const r = rig()
  await r.connect()
  assert.is(r.issuedAt(), r.hub.issuedAt)
  assert.is(r.hub.granted.length, 1)
  const next = rig(r.store)
  assert.is(next.issuedAt(), r.hub.issuedAt)
  await next.connect()
  assert.is(next.hub.granted.length, 0)
})

test('at half of its life it asks for the next, not before', async () => {
  const r = rig()
  await r.connect()
  await r.pass(capabilityLifeMs / 2 - 2 * 3_600_000)
  assert.is(r.hub.granted.length, 1)
  await r.pass(3 * 3_600_000)
  assert.is(r.hub.granted.length, 2)
  assert.ok((r.issuedAt() ?? 0) > r.clock.now() - DAY_MS)
})

test('a hub that does not answer is asked ever more seldom, and the old capability stays', async () => {
  const r = rig()
  await r.connect()
  const first = r.issuedAt()
  r.hub.mute = true
  await r.pass(2 * capabilityLifeMs)
  const asked = r.hub.granted.length
  assert.ok(asked > 10 && asked < 24 * 14, `${asked} times`)
  assert.is(r.issuedAt(), first, 'expired, and still there')
})

test('a key that signs no more takes its capabilities along', async () => {
  const r = rig()
  await r.connect()
  r.hub.signer = testSigner(9)
  await r.pass(2 * 3_600_000)
  assert.is(r.hub.granted.length, 2)
  assert.ok(r.issuedAt() !== undefined)
})

test('a capability for somebody else, or signed by nobody known, is not taken', async () => {
  for (const twist of [
    (r: ReturnType<typeof rig>) => {
      r.hub.grant = (capability) => ({ ...capability, node: testDevice('other', 2).nodeId })
    },
    (r: ReturnType<typeof rig>) => {
      r.hub.grant = (capability) => ({ ...capability, deviceKey: testDevice('other', 2).deviceKey })
    },
  ]) {
    const r = rig()
    twist(r)
    await r.connect()
    assert.is(r.keeper.current(), undefined)
    assert.is(r.store.get('capability'), undefined)
    assert.ok(r.refused.length >= 1)
  }
})

test('a stored value that is garbage is replaced', async () => {
  const store = new MemoryStore()
  store.set('capability', toBase64(utf8('garbage')))
  const r = rig(store)
  assert.is(r.keeper.current(), undefined)
  await r.connect()
  assert.ok(r.keeper.current())
})

test.run()
