// What clusters with agents of their own have in common, and what one of them asks for: services that are another thing in each,
// and labels at its Nodes.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { device } from '../hub-world.fake.ts'
import type { FakeCluster } from '../kubernetes/cluster.fake.ts'
import { createdAnnotation } from '../kubernetes/derived/export-terms.ts'
import { openClusters } from './clusters-world.fake.ts'

const shop = { kind: 'Namespace', namespace: '', name: 'shop' } as const
const db = { kind: 'Service', namespace: 'shop', name: 'db' } as const
const exported = { ...db, kind: 'ServiceExport' } as const
const spec = { clusterIP: '10.96.0.7', selector: { app: 'db' }, ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] }

function exportFrom(cluster: FakeCluster, at: string, more: object = {}): void {
  cluster.apply(shop, {})
  cluster.apply(db, { ...spec, ...more })
  cluster.apply(exported, {}, { [createdAnnotation]: at })
}

test('what one cluster has headless and another not is what the oldest says, in all, until that one goes', async () => {
  const one = await openClusters()
  const [north, south] = [await one.join('north'), await one.join('south')]
  exportFrom(north.cluster, '2026-02-01T00:00:00Z')
  await one.settle()
  const headless = (cluster: string): unknown => {
    const held = one.hub.get('Service', `${cluster}--svc--shop--db`)?.resource.spec
    return held !== undefined && 'headless' in held && held.headless === true
  }
  const typeIn = (cluster: FakeCluster): unknown => {
    const { ServiceImport: imports } = cluster.inputs()
    const [held] = Array.isArray(imports) ? imports : []
    return (held?.spec as { readonly type?: string } | undefined)?.type
  }
  const conflict = (cluster: FakeCluster): unknown => {
    const said = cluster.conditions.get('ServiceExport shop/db') as readonly { type: string; reason: string }[]
    return said.find(({ type }) => type === 'Conflict')?.reason
  }
  assert.equal([headless('north'), typeIn(north.cluster), typeIn(south.cluster)], [false, 'ClusterSetIP', undefined])
  exportFrom(south.cluster, '2026-01-01T00:00:00Z', { clusterIP: 'None' })
  await one.settle()
  assert.equal([headless('north'), headless('south')], [true, true])
  assert.equal([conflict(north.cluster), conflict(south.cluster)], ['TypeConflict', 'TypeConflict'])
  assert.equal([typeIn(north.cluster), typeIn(south.cluster)], ['Headless', 'Headless'])
  assert.equal([one.view('north')?.imports, one.view('south')?.imports], [1, 1])
  // The hub, and the one that counted, begin anew.
  await one.restart()
  assert.equal([headless('north'), headless('south')], [true, true])
  south.cluster.delete(exported)
  await one.settle()
  assert.equal([headless('north'), typeIn(north.cluster)], [false, 'ClusterSetIP'])
  assert.is(conflict(north.cluster), 'NoConflicts')
})

test('Nodes of a cluster whose agent asks for it tell of the uplinks of its own devices, and those of no other do', async () => {
  const one = await openClusters()
  await one.world.join(1, 'alpha')
  one.putNode('alpha', { 'holdfast.dev/cluster': 'north' })
  await one.world.presence(device(1).nodeId, true)
  await one.world.acknowledge(device(1).nodeId)
  const node = { kind: 'Node', namespace: '', name: 'rack' } as const
  const asks = await one.join('north', [], 'uid-north', true)
  const quiet = await one.join('south')
  for (const { cluster } of [asks, quiet]) {
    cluster.apply(node, {}, { 'holdfast.dev/node': 'alpha' })
    cluster.apply({ ...node, name: 'other' }, {}, { 'holdfast.dev/node': 'beta' })
  }
  await one.settle()
  const keys = (cluster: FakeCluster) => Object.keys(cluster.labelled.get('Node rack') ?? {})
  assert.ok(keys(asks.cluster).includes('holdfast.dev/uplink'), keys(asks.cluster).join())
  assert.equal([keys(quiet.cluster), asks.cluster.labelled.get('Node other')], [[], undefined])
  assert.is(quiet.cluster.labelWrites, 0)
  // A device of another cluster is nothing to this one, whatever its Nodes say.
  const third = await one.join('west', [], 'uid-west', true)
  third.cluster.apply(node, {}, { 'holdfast.dev/node': 'alpha' })
  await one.settle()
  assert.is(third.cluster.labelWrites, 0)
})

test.run()
