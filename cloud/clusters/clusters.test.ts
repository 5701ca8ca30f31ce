// Clusters with agents of their own: what their objects become at the hub, what is told back, and what none of them can do.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { podSiteLabel } from '../../shared/intent/pod-site.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { admin, resource } from '../hub-world.fake.ts'
import { FakeCluster } from '../kubernetes/cluster.fake.ts'
import { createController } from '../kubernetes/controller.ts'
import type { InputObject } from '../kubernetes/input.ts'
import { openClusters } from './clusters-world.fake.ts'

const web = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web' } as const
const guard = { kind: 'ClusterNetworkPolicy', namespace: '', name: 'guard' } as const
const WEB = 'north--np--shop--web'

test('a NetworkPolicy of a cluster is a policy of its own pods, and its cluster is told how far it is', async () => {
  const one = await openClusters()
  const north = await one.join('north')
  north.cluster.apply(web, { podSelector: { matchLabels: { app: 'web' } } })
  north.cluster.apply(guard, { tier: 'Admin', priority: 1, subject: { namespaces: {} }, ingress: [] })
  await one.settle()
  assert.equal(one.policies().sort(), ['north--cnp--guard', WEB])
  const own = [{ key: podSiteLabel, operator: 'In', values: ['north'] }]
  assert.equal(one.policy(WEB)?.spec.subject, {
    podSelector: { matchLabels: { app: 'web' }, matchExpressions: own },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
  })
  assert.equal(one.policy('north--cnp--guard')?.spec.subject.podSelector, { matchExpressions: own })
  const status = north.cluster.object(`Policy/${WEB}`)?.status as {
    readonly conditions: readonly { type: string; status: string }[]
  }
  assert.is(status.conditions.find(({ type }) => type === 'Accepted')?.status, 'True')
  assert.ok(one.world.records().includes(`policy/${WEB}`))
  const view = one.view('north')
  assert.equal([view?.state, view?.policies, view?.objects], ['connected', 2, 4])
  assert.ok(north.agent.state().settled)
  north.cluster.delete(web)
  await one.settle()
  assert.equal([one.policies(), north.cluster.object(`Policy/${WEB}`)], [['north--cnp--guard'], undefined])
})

test('while the agent or the hub is away nothing goes; what was deleted meanwhile goes when they meet again', async () => {
  const one = await openClusters()
  const north = await one.join('north')
  north.cluster.apply(web, {})
  await one.settle()
  one.broker.kill(north.node)
  await one.settle()
  assert.equal([one.policies(), one.view('north')?.state], [[WEB], 'away'])
  await north.agent.stop()
  north.cluster.delete(web)
  north.cluster.apply({ ...web, name: 'late' }, {})
  await one.settle()
  assert.equal(one.policies(), [WEB])
  await one.agentOf(north.key, north.cluster)
  assert.equal(one.policies(), ['north--np--shop--late'])
  await one.restart()
  assert.equal([one.policies(), one.view('north')?.state], [['north--np--shop--late'], 'connected'])
})

test('a cluster whose store is lost takes nothing away', async () => {
  const one = await openClusters()
  const north = await one.join('north')
  const before = north.cluster.backup()
  north.cluster.apply(web, {})
  await one.settle()
  north.cluster.restore(before)
  await one.settle()
  assert.equal(one.policies(), [WEB])
  assert.is(one.policy(WEB)?.metadata.annotations?.['holdfast.dev/source-lost'], 'true')
})

test('kinds of the hub that people write in such a cluster are refused there, and forged ones count for nothing', async () => {
  const one = await openClusters()
  one.hub.put(resource('Policy', 'mine', { subject: { nodeSelector: {} } }), admin)
  const north = await one.join('north')
  const south = await one.join('south')
  south.cluster.apply(web, {})
  await one.settle()
  const open = { tier: 'Admin', action: 'Accept', subject: { nodeSelector: {} }, ingress: [{}] }
  const forged = (cluster: string, name: string) =>
    resource('Policy', name, open, {
      annotations: {
        'holdfast.dev/cluster': cluster,
        'holdfast.dev/source': 'networking.k8s.io/v1 NetworkPolicy shop/gone',
        'holdfast.dev/source-lost': 'true',
      },
    })
  await north.cluster.create(resource('Policy', 'mine', open))
  await north.cluster.create(resource('Policy', 'fresh', open))
  await north.cluster.create(forged('north', 'north--np--shop--gone'))
  await north.cluster.create(forged('south', 'south--np--shop--web'))
  await north.cluster.create(resource('Network', 'default', { cidr: '10.0.0.0/8' }))
  await one.settle()
  assert.equal(one.policies().sort(), ['mine', 'south--np--shop--web'])
  assert.equal(one.policy('mine')?.spec.tier, 'Standard')
  assert.is(one.policy('south--np--shop--web')?.spec.tier, 'Standard')
  for (const key of ['Policy/mine', 'Policy/fresh', 'Network/default']) {
    const status = north.cluster.object(key)?.status as {
      conditions: readonly { type: string; status: string; message: string }[]
    }
    const said = status.conditions.find(({ type }) => type === 'Accepted')
    assert.is(said?.status, 'False', key)
    assert.match(said?.message ?? '', /cluster north may not write/)
  }
  // What was refused is let go of when it is deleted, and takes nothing along.
  await north.cluster.remove('Policy', 'mine')
  await one.settle()
  assert.is(north.cluster.object('Policy/mine'), undefined)
  assert.ok(one.policies().includes('mine'))
})

test('another network is not a cluster’s to speak of', async () => {
  const one = await openClusters()
  one.hub.put(resource('Network', 'second', { cidr: '10.91.0.0/16' }), admin)
  const north = await one.join('north')
  north.cluster.apply(web, {}, { 'holdfast.dev/network': 'second' })
  await one.settle()
  assert.is(one.policy(WEB)?.spec.network, 'default')
  assert.match(one.policy(WEB)?.metadata.annotations?.['holdfast.dev/refused'] ?? '', /belongs to the network default/)
  assert.match(north.cluster.events[0]?.note ?? '', /Take the annotation off/)
})

test('pods are routed by devices of the cluster, within blocks that it was given, and advertised', async () => {
  const one = await openClusters()
  one.putNode('gate', { 'holdfast.dev/cluster': 'north' })
  one.putNode('other', {})
  const north = await one.join('north')
  const node = (name: string, block: string) =>
    north.cluster.apply({ kind: 'Node', namespace: '', name }, { podCIDR: block, taints: ['x'] })
  node('gate', '10.43.0.0/24')
  node('other', '10.43.1.0/24')
  await one.settle()
  assert.equal(one.routes(), [])
  assert.match(
    north.cluster.events[0]?.note ?? '',
    /10\.43\.0\.0\/24 is not among the blocks .* holdfast-hub cluster set north/,
  )
  await one.clusters.set('north', { podBlocks: ['10.43.0.0/16'] as never }, admin)
  await one.settle()
  assert.equal(one.routes(), ['north--pods--gate'])
  assert.equal(one.node('gate')?.spec.advertise, ['10.43.0.0/24'])
  assert.is(one.node('gate')?.spec.labels[podSiteLabel], 'north')
  assert.equal(one.node('other')?.spec.advertise, [])
  north.cluster.delete({ kind: 'Node', namespace: '', name: 'gate' })
  await one.settle()
  assert.equal([one.routes(), one.node('gate')?.spec.advertise], [[], []])
  assert.is(one.node('gate')?.spec.labels[podSiteLabel], undefined)
})

test('a service that is exported stands at devices of its cluster, whatever its nodes are labelled', async () => {
  const one = await openClusters()
  one.putNode('gate', { 'holdfast.dev/cluster': 'north' })
  const north = await one.join('north')
  const at = { namespace: 'shop', name: 'web' }
  north.cluster.apply({ kind: 'Node', namespace: '', name: 'gate' }, {})
  await north.cluster.putLabels((north.cluster.inputs().Node as readonly InputObject[])[0] as InputObject, {
    [podSiteLabel]: 'south',
  })
  north.cluster.apply({ kind: 'Service', ...at }, { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] })
  north.cluster.apply({ kind: 'ServiceExport', ...at }, {})
  await one.settle()
  const service = one.hub.get('Service', 'north--svc--shop--web')?.resource as Resource<'Service'> | undefined
  assert.equal(service?.spec.backends, { matchLabels: { 'holdfast.dev/cluster': 'north' } })
  assert.match(JSON.stringify(north.cluster.conditions.get('ServiceExport shop/web')), /"type":"Valid","status":"True"/)
})

test('what one cluster exports is imported in each that has the namespace, the hub’s own too, and goes with it', async () => {
  const one = await openClusters('kube')
  const own = new FakeCluster()
  const { clock, hub } = one
  const derive = { clusterName: 'kube', network: 'default' }
  const controller = createController({ hub, cluster: own, derive, clock, log: memoryLog() })
  controller.start()
  one.putNode('gate', { 'holdfast.dev/cluster': 'north' })
  const at = { namespace: 'shop', name: 'web' }
  const north = await one.join('north')
  const south = await one.join('south')
  const west = await one.join('west')
  for (const cluster of [own, north.cluster, south.cluster])
    cluster.apply({ kind: 'Namespace', namespace: '', name: 'shop' }, {})
  const imported = (cluster: FakeCluster) => [cluster.inputs().ServiceImport ?? []].flat() as readonly InputObject[]
  const clustersOf = (cluster: FakeCluster) => imported(cluster).map(({ status }) => JSON.stringify(status))
  for (const { cluster } of [north, south]) {
    cluster.apply({ kind: 'Service', ...at }, { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] })
    cluster.apply({ kind: 'ServiceExport', ...at }, {})
  }
  await one.settle()
  const both = '{"clusters":[{"cluster":"north"},{"cluster":"south"}]}'
  for (const cluster of [own, north.cluster, south.cluster]) assert.equal(clustersOf(cluster), [both])
  assert.equal(imported(south.cluster)[0]?.spec, imported(own)[0]?.spec)
  assert.equal(
    (imported(own)[0]?.spec as { ips: unknown } | undefined)?.ips,
    hub.get('Service', 'north--svc--shop--web')?.status['addresses'],
  )
  assert.equal(imported(west.cluster), [])
  north.cluster.delete({ kind: 'ServiceExport', ...at })
  await one.settle()
  for (const cluster of [own, north.cluster, south.cluster])
    assert.equal(clustersOf(cluster), ['{"clusters":[{"cluster":"south"}]}'])
  // Another hub’s, or nobody’s: not for this one to take along.
  south.cluster.apply({ kind: 'ServiceImport', namespace: 'shop', name: 'theirs' }, {})
  await one.settle()
  const going = one.clusters.remove('south', admin)
  await one.settle()
  assert.ok((await going).isReleased)
  assert.equal(
    imported(south.cluster).map(({ name }) => name),
    ['theirs'],
  )
  assert.equal([imported(own), imported(north.cluster)], [[], []])
  await controller.stop()
})

test('a cluster that is removed takes along what it brought, there and here', async () => {
  const one = await openClusters()
  one.putNode('gate', { 'holdfast.dev/cluster': 'north' })
  const north = await one.join('north', ['10.43.0.0/16'])
  const south = await one.join('south')
  north.cluster.apply(web, {})
  north.cluster.apply({ kind: 'Node', namespace: '', name: 'gate' }, { podCIDR: '10.43.0.0/24' })
  south.cluster.apply(web, {})
  await one.settle()
  const going = one.clusters.remove('north', admin)
  await one.settle()
  assert.equal(await going, { records: 2, isReleased: true })
  assert.equal([one.policies(), one.routes()], [['south--np--shop--web'], []])
  assert.equal(one.node('gate')?.spec.advertise, [])
  assert.is(north.cluster.object(`Policy/${WEB}`), undefined)
  assert.equal(one.world.revoked, [north.node])
  const found = await one.clusters.remove('north', admin).catch((error: unknown) => isHoldfastError(error, 'not-found'))
  assert.is(found, true)
  await south.agent.stop()
  const away = one.clusters.remove('south', admin)
  await one.settle()
  assert.equal([await away, one.policies()], [{ records: 1, isReleased: false }, []])
})

test('in the cluster that the hub is part of, what another cluster brought is shown, and no hand there takes it away', async () => {
  const one = await openClusters('kube')
  const own = new FakeCluster()
  const { clock, hub } = one
  const derive = { clusterName: 'kube', network: 'default' }
  const controller = createController({ hub, cluster: own, derive, clock, log: memoryLog() })
  controller.start()
  const north = await one.join('north')
  north.cluster.apply(web, {})
  await one.settle()
  const key = `Policy/${WEB}`
  assert.ok(own.object(key))
  one.world.events.length = 0
  await own.remove('Policy', WEB)
  await one.settle()
  assert.equal([own.object(key)?.isLeaving, one.policies()], [false, [WEB]])
  assert.equal(
    one.world.events.filter(({ type }) => type === 'delete'),
    [],
  )
  north.cluster.delete(web)
  await one.settle()
  assert.equal([own.object(key), one.policies()], [undefined, []])
  await controller.stop()
})

test('names are one’s own, and networks are there', async () => {
  const one = await openClusters('kube')
  const add = (name: string, network = 'default') => one.clusters.add({ name, network, podBlocks: [] }, admin)
  add('north')
  add('never')
  assert.equal(await one.clusters.remove('never', admin), { records: 0, isReleased: true })
  for (const [name, network, code] of [
    ['north', 'default', 'conflict'],
    ['kube', 'default', 'conflict'],
    ['west', 'nowhere', 'not-found'],
  ] as const) {
    try {
      add(name, network)
      assert.unreachable(name)
    } catch (error) {
      assert.ok(isHoldfastError(error, code), String(error))
    }
  }
})

test.run()
