// An agent whose router maps ports: the port is in its fact, among the other candidates, for as long as it is held.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../shared/address/cidr.ts'
import { FakeClock } from '../shared/effects.fake.ts'
import { type Fact, openFact } from '../shared/fact/fact.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { topics } from '../shared/wire/topics.ts'
import { me, online, type Rig } from './agent-rig.fake.ts'
import { testNetwork } from './link/hub.fake.ts'
import { createFakeRouter, type FakeRouter } from './portmap/router.fake.ts'

const test = suite('agent port mapping')

function told(rig: Rig): readonly string[] {
  const envelope = rig.broker.retained(topics.node(testNetwork, me.nodeId, 'fact')) ?? new Uint8Array()
  const fact: Fact = openFact(envelope, me.nodeId, me.deviceKey, verify, sha256)
  return fact.candidates.map(({ endpoint, kind }) => `${kind} ${endpoint}`)
}

async function scene(): Promise<{ readonly rig: Rig; readonly router: FakeRouter }> {
  const clock = new FakeClock()
  const router = createFakeRouter(clock)
  const routes = () => [{ interface: 'eth0', gateway: '192.168.1.1' as Address, metric: 0 }]
  const portMapping = { routes, router: async () => router.doors }
  const rig = await online({ clock, extra: { portMapping } })
  // What is loaded late comes by the real event loop.
  for (let tries = 0; tries < 100 && router.mappings.size === 0; tries++) await rig.advance(10)
  await rig.advance(2_000)
  return { rig, router }
}

test('the port is announced, follows the router, and goes with the network', async () => {
  const { rig, router } = await scene()
  assert.equal(told(rig), ['portmap 203.0.113.4:51820', 'lan 192.168.1.5:51820'])
  assert.is(rig.agent.paths().portMapping?.state, 'held')
  router.external = '203.0.113.5'
  router.restart()
  await rig.advance(20_000)
  assert.equal(told(rig), ['portmap 203.0.113.5:51820', 'lan 192.168.1.5:51820'])
  rig.kernel.local = []
  rig.agent.wake()
  await rig.advance(5_000)
  assert.equal(told(rig), [])
  await rig.stop()
  assert.is(router.open(), 0)
  assert.is(router.mappings.size, 1, 'an agent that stops takes no way from the packets')
})

test('a node that was given an endpoint asks no router', async () => {
  const { rig, router } = await scene()
  rig.hub.putNode(me, { publicEndpoint: '192.0.2.9:51820' })
  rig.hub.publish()
  await rig.advance(10_000)
  assert.equal(told(rig), ['lan 192.168.1.5:51820'])
  assert.is(rig.agent.paths().portMapping?.state, 'unneeded')
  await rig.stop()
  assert.is(router.open(), 0)
})

test.run()
