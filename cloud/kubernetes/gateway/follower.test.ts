// The hub beside a cluster with the Gateway API: what is applied is published, what is deleted is closed, and what a cluster lost
// is neither.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../../shared/effects.fake.ts'
import type { Resource } from '../../../shared/intent/resource.ts'
import { createWorld } from '../../hub-world.fake.ts'
import { FakeCluster } from '../cluster.fake.ts'
import { createController } from '../controller.ts'

const SETTLE_MS = 20_000
const NAME = 'kube--tcp--shop--db'
const edgeClass = { kind: 'GatewayClass', namespace: '', name: 'edge' } as const
const gateway = { kind: 'Gateway', namespace: 'shop', name: 'edge' } as const
const route = { kind: 'TCPRoute', namespace: 'shop', name: 'db' } as const
const backend = { kind: 'Service', namespace: 'data', name: 'db' } as const
const grant = { kind: 'ReferenceGrant', namespace: 'data', name: 'shop' } as const

function fill(cluster: FakeCluster): void {
  cluster.apply(edgeClass, { controllerName: 'holdfast.dev/gateway' })
  const annotations = { 'holdfast.dev/gateway-nodes': 'role=gateway', 'holdfast.dev/gateway-from': 'LAN' }
  const listeners = [{ name: 'sql', protocol: 'TCP', port: 5432 }]
  cluster.apply(gateway, { gatewayClassName: 'edge', listeners }, annotations)
  cluster.apply(backend, { selector: { app: 'db' }, ports: [{ port: 5432 }] })
  const from = [{ group: 'gateway.networking.k8s.io', kind: 'TCPRoute', namespace: 'shop' }]
  cluster.apply(grant, { from, to: [{ group: '', kind: 'Service' }] })
  const backendRefs = [{ name: 'db', namespace: 'data', port: 5432 }]
  cluster.apply(route, { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs }] })
}

async function open() {
  const cluster = new FakeCluster()
  const world = createWorld()
  const { clock, hub } = world
  await world.start()
  const derive = { clusterName: 'kube', network: 'default' }
  const make = () => createController({ hub, reports: hub, cluster, clock, derive, log: memoryLog() })
  let controller = make()
  fill(cluster)
  controller.start()
  const settle = () => clock.advanceAsync(SETTLE_MS)
  await settle()
  const find = () => hub.get('Service', NAME)?.resource as Resource<'Service'> | undefined
  return {
    cluster,
    settle,
    find,
    isLost: () => find()?.metadata.annotations?.['holdfast.dev/source-lost'] === 'true',
    mirror: () => cluster.object(`Service/${NAME}`),
    said: (kind: 'Gateway' | 'TCPRoute') => {
      const list = cluster.inputs()[kind]
      return JSON.stringify(Array.isArray(list) ? list[0]?.status : undefined)
    },
    async restart() {
      await controller.stop()
      controller = make()
      controller.start()
      await settle()
    },
    halt: () => controller.stop(),
  }
}

test('a route is published and told so, and nothing is written at rest', async () => {
  const one = await open()
  assert.equal(one.find()?.spec.publish?.[0]?.port, 5432)
  assert.ok(one.mirror() !== undefined)
  assert.match(one.said('TCPRoute'), /"Accepted","status":"True".*"ResolvedRefs","status":"True"/)
  assert.match(one.said('Gateway'), /gateways selects no member|NoResources/)
  const before = one.cluster.statusWrites
  await one.settle()
  assert.is(one.cluster.statusWrites, before)
  await one.halt()
})

test('a grant that is taken back closes it, and one that comes back opens it', async () => {
  const one = await open()
  one.cluster.delete(grant)
  await one.settle()
  assert.equal([one.find(), one.mirror()], [undefined, undefined])
  assert.match(one.said('TCPRoute'), /RefNotPermitted/)
  fill(one.cluster)
  await one.settle()
  assert.ok(one.find() !== undefined)
  await one.halt()
})

test('what was deleted is closed: a route, its Gateway, its Service', async () => {
  for (const ref of [route, gateway, edgeClass, backend]) {
    const one = await open()
    one.cluster.delete(ref)
    await one.settle()
    assert.equal([one.find(), one.mirror()], [undefined, undefined], ref.kind)
    await one.halt()
  }
})

test('a cluster that lost its definitions keeps what was published, in whatever order they are missed', async () => {
  const kinds = ['TCPRoute', 'Gateway', 'GatewayClass'] as const
  for (const order of [kinds, kinds.toReversed()]) {
    const one = await open()
    for (const kind of order) {
      one.cluster.unserved.add(kind)
      one.cluster.hear()
      await one.settle()
      assert.ok(one.find() !== undefined, kind)
    }
    assert.ok(one.isLost())
    one.cluster.unserved.clear()
    one.cluster.hear()
    await one.settle()
    assert.equal([one.find() !== undefined, one.isLost()], [true, false])
    await one.halt()
  }
})

test('while a kind is not heard yet nothing that follows from it goes', async () => {
  for (const kind of ['TCPRoute', 'Gateway', 'GatewayClass', 'ReferenceGrant', 'Service', 'Namespace'] as const) {
    const one = await open()
    one.cluster.unheard.add(kind)
    await one.restart()
    assert.equal([one.find() !== undefined, one.isLost()], [true, false], kind)
    one.cluster.unheard.clear()
    one.cluster.delete(route)
    await one.settle()
    assert.is(one.find(), undefined, kind)
    await one.halt()
  }
})

test.run()
