// Who is let speak for a cluster, and what is made of what nobody should say.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topics } from '../../shared/wire/topics.ts'
import { admin } from '../hub-world.fake.ts'
import { FakeCluster } from '../kubernetes/cluster.fake.ts'
import { openClusters } from './clusters-world.fake.ts'
import { clusterProtocol, type Down, encodeMessage, parseDown } from './messages.ts'

const web = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web' } as const
const WEB = 'north--np--shop--web'

test('an agent says once why it is not let in, and goes on when it is', async () => {
  const one = await openClusters()
  const north = await one.join('north')
  one.broker.refuse(north.node, 'unauthenticated')
  await one.settle()
  one.broker.refuse(north.node, 'forbidden')
  await one.settle()
  const away = () => one.lines.filter(({ message }) => message.startsWith('the hub is away'))
  assert.equal(away().length, 1)
  one.broker.refuse(north.node, undefined)
  await one.settle()
  assert.is(one.view('north')?.state, 'connected')
})

test('a second cluster with the name of the first is refused, and so is an agent of another time', async () => {
  const one = await openClusters()
  const north = await one.join('north')
  north.cluster.apply(web, {})
  await one.settle()
  await north.agent.stop()
  const twin = await one.agentOf(north.key, new FakeCluster(), 'uid-twin')
  assert.match(twin.agent.state().refused ?? '', /another cluster is known as north/)
  assert.equal([one.policies(), one.view('north')?.state], [[WEB], 'refused'])
  assert.match(one.view('north')?.problem ?? '', /Two clusters need two names/)
  const says = (message: Parameters<typeof encodeMessage>[0]) => {
    one.broker.inject({ topic: topics.node(north.network, north.node, 'cluster'), payload: encodeMessage(message) })
    return one.clock.advanceAsync(1_000)
  }
  const session = 'sessionaaaaaaaaa'
  await says({ type: 'hello', session, protocol: clusterProtocol + 1, version: '9', cluster: 'uid-north' })
  assert.match(one.view('north')?.problem ?? '', /the hub is too old/)
  await says({ type: 'hello', session, protocol: 0, version: '0', cluster: 'uid-north' })
  assert.match(one.view('north')?.problem ?? '', /Update the agent of the cluster/)
  // Made anew, it is the one from then on; the key before is worth nothing.
  const { key } = await one.clusters.rekey('north', admin)
  assert.equal(one.world.revoked, [north.node])
  await one.agentOf(key, twin.cluster, 'uid-twin')
  assert.equal([one.view('north')?.state, one.policies()], ['connected', [WEB]])
})

test('an agent of before is not told what it would not understand, and hears of no ServiceImports', async () => {
  const one = await openClusters()
  const north = await one.join('north')
  await north.agent.stop()
  await one.settle()
  const session = 'sessionaaaaaaaaa'
  const welcome = async (more: object): Promise<Down | undefined> => {
    const from = one.broker.published.length
    const payload = encodeMessage({
      type: 'hello',
      session,
      protocol: clusterProtocol,
      version: '1',
      cluster: 'uid-north',
      ...more,
    })
    one.broker.inject({ topic: topics.node(north.network, north.node, 'cluster'), payload })
    await one.clock.advanceAsync(1_000)
    const said = one.broker.published.slice(from).filter(({ topic }) => topic === topics.delta(north.network))
    return said.map(({ payload: bytes }) => parseDown(bytes)).find(({ type }) => type === 'welcome')
  }
  assert.equal(await welcome({}), { type: 'welcome', session, cluster: 'north' })
  assert.equal(await welcome({ imports: true }), { type: 'welcome', session, cluster: 'north', imports: true })
})

test('what is not whole, or no message at all, changes nothing', async () => {
  const one = await openClusters()
  const north = await one.join('north')
  north.cluster.apply(web, {})
  await one.settle()
  await north.agent.stop()
  await one.settle()
  const topic = topics.node(north.network, north.node, 'cluster')
  const inject = async (payload: Uint8Array) => {
    one.broker.inject({ topic, payload })
    await one.clock.advanceAsync(1_000)
  }
  const session = 'sessionaaaaaaaaa'
  const empty = { heard: { objects: true, inputs: { NetworkPolicy: 'listed' as const } }, count: 0, digest: 'none' }
  await inject(encodeMessage({ type: 'hello', session, protocol: clusterProtocol, version: '1', cluster: 'uid-north' }))
  await inject(encodeMessage({ type: 'batch', session, seq: 1, put: [], del: [], whole: empty, answers: [] }))
  await inject(
    encodeMessage({ type: 'batch', session, seq: 2, put: ['{"object":{"kind":"Secret"}}'], del: [], answers: [] }),
  )
  await inject(new TextEncoder().encode('no message'))
  await one.settle()
  assert.equal([one.policies(), one.view('north')?.state], [[WEB], 'reading'])
  assert.ok(one.view('north')?.problem)
})

test.run()
