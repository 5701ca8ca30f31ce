// What an exported service becomes, and what is said at its export, by the words of the multi-cluster services API.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../../shared/errors.ts'
import { apiVersion, parseResource, type Resource } from '../../../shared/intent/resource.ts'
import type { InputKind, InputObject } from '../input.ts'
import { deriveExport, exportSaid, withConflict } from './exports.ts'

const options = { clusterName: 'kube', network: 'default', podSites: ['kube'] }

function input(kind: InputKind, spec: unknown): InputObject {
  const about = { namespace: 'shop', name: 'web', uid: 'u', resourceVersion: '1', generation: 1 }
  return { kind, ...about, annotations: {}, labels: {}, spec }
}

const nodePorts = {
  type: 'NodePort',
  clusterIP: '10.96.0.7',
  ports: [
    { name: 'http', protocol: 'TCP', port: 80, targetPort: 8080, nodePort: 30_080 },
    { name: 'dns', protocol: 'UDP', port: 53, nodePort: 30_053 },
  ],
}

function derive(service: unknown, isTaken = false) {
  const held = service === undefined ? undefined : input('Service', service)
  return deriveExport(input('ServiceExport', {}), held, options, () => isTaken)
}

function shown(one: ReturnType<typeof derive>, fault?: HoldfastError): readonly string[] {
  return exportSaid(one, fault, undefined).map(({ reason, status, type }) => `${type} ${status} ${reason}`)
}

test('a port of the nodes is where the service stands behind', () => {
  const { resource } = derive(nodePorts)
  const { metadata, spec } = resource as Resource<'Service'>
  assert.is(metadata.name, 'kube--svc--shop--web')
  assert.is(metadata.annotations?.['holdfast.dev/source'], 'multicluster.x-k8s.io/v1beta1 ServiceExport shop/web')
  assert.equal(spec.ports, [
    { name: 'http', protocol: 'TCP', port: 80, targetPort: 30_080 },
    { name: 'dns', protocol: 'UDP', port: 53, targetPort: 30_053 },
  ])
  assert.match(derive(nodePorts, true).resource?.metadata.name ?? '', /^kube--svc-x--shop-web--/)
})

const clusterIp = {
  clusterIP: '10.96.0.8',
  selector: { app: 'web' },
  ports: [
    { name: 'http', protocol: 'TCP', port: 80, targetPort: 'page' },
    { name: 'dns', protocol: 'UDP', port: 53, targetPort: 5353 },
    { name: 'plain', protocol: 'TCP', port: 81 },
  ],
}

test('without such ports it is served by the pods that it selects, behind the devices of the cluster', () => {
  const { resource } = derive(clusterIp)
  const { spec } = resource as Resource<'Service'>
  assert.equal(spec.pods, { namespace: 'shop', podSelector: { matchLabels: { app: 'web' } } })
  assert.equal(spec.backends, { matchLabels: { 'holdfast.dev/pod-site': 'kube' } })
  assert.equal(spec.ports, [
    { name: 'http', protocol: 'TCP', port: 80, targetPort: 'page' },
    { name: 'dns', protocol: 'UDP', port: 53, targetPort: 5353 },
    { name: 'plain', protocol: 'TCP', port: 81 },
  ])
  assert.is((derive(nodePorts).resource as Resource<'Service'>).spec.pods, undefined)
  // A balancer may be told not to give nodes ports.
  const bare = { ...clusterIp, type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }
  assert.ok((derive(bare).resource as Resource<'Service'>).spec.pods)
})

test('pods that nobody is told to be apart can’t be selected', () => {
  const { fault } = derive({ ...clusterIp, selector: { app: 'web', 'pod-template-hash': 'x' } })
  assert.match(fault?.message ?? '', /by pod-template-hash, which sites do not tell/)
})

test('all devices of the cluster are behind it, at however many sites they stand', () => {
  const service = input('Service', nodePorts)
  const backends = (podSites: readonly string[]) => {
    const { resource } = deriveExport(input('ServiceExport', {}), service, { ...options, podSites }, () => false)
    return (resource as Resource<'Service'>).spec.backends
  }
  assert.equal(backends([]), { matchLabels: { 'holdfast.dev/pod-site': 'kube' } })
  assert.equal(backends(['north']), { matchLabels: { 'holdfast.dev/pod-site': 'north' } })
  const both = { key: 'holdfast.dev/pod-site', operator: 'In', values: ['kube', 'north'] }
  assert.equal(backends(['kube', 'north']), { matchExpressions: [both] })
})

for (const [name, service, conditions] of [
  ['no service', undefined, ['Valid False NoService']],
  ['a name elsewhere', { type: 'ExternalName', externalName: 'a.example' }, ['Valid False InvalidServiceType']],
  ['one that the hub can say', nodePorts, ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Pending']],
  [
    'one that only pods are behind',
    clusterIp,
    ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Pending'],
  ],
  [
    'one that selects nobody',
    { clusterIP: '10.96.0.7', ports: [{ port: 80 }] },
    ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Failed'],
  ],
  [
    'one that selects by what is no label',
    { ...clusterIp, selector: { app: ['web'] } },
    ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Failed'],
  ],
  [
    'one without an address',
    { ...clusterIp, clusterIP: 'None' },
    ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Failed'],
  ],
  [
    'a protocol that services have not',
    { ...nodePorts, ports: [{ protocol: 'SCTP', port: 80, nodePort: 30_080 }] },
    ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Failed'],
  ],
  ['no spec at all', 7, ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Failed']],
] as const) {
  test(`what is said of ${name}`, () => {
    assert.equal(shown(derive(service)), conditions)
  })
}

test('another cluster that exports it otherwise is a conflict, and one that exports it alike is none', () => {
  const one = derive(nodePorts)
  const theirs = (ports: readonly object[], network = 'default') => {
    const backends = { matchLabels: { 'holdfast.dev/pod-site': 'south' } }
    const spec = { network, ports, backends, export: { cluster: 'south', namespace: 'shop', service: 'web' } }
    const metadata = { name: 'south--svc--shop--web' }
    return parseResource({ apiVersion, kind: 'Service', metadata, spec }) as unknown as Resource<'Service'>
  }
  const same = theirs([
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'http', port: 80, targetPort: 31_000 },
  ])
  const other = theirs([{ name: 'http', port: 81 }])
  const conflict = (...services: readonly Resource<'Service'>[]) =>
    exportSaid(withConflict(one, services), undefined, undefined)[1]
  assert.is(conflict()?.status, 'False')
  assert.is(conflict(same, one.resource as Resource<'Service'>)?.status, 'False')
  assert.is(conflict(theirs([{ name: 'http', port: 81 }], 'elsewhere'))?.status, 'False')
  assert.is(conflict(same, other)?.reason, 'PortConflict')
  assert.match(conflict(other)?.message ?? '', /cluster south exports it with the ports http 81\/TCP, and here/)
})

test('it is exported when all who are concerned have it, and failed where the hub refuses it', () => {
  const one = derive(nodePorts)
  const ready = exportSaid(one, undefined, { status: 'True', message: '3 of 3' }).at(-1)
  assert.equal([ready?.status, ready?.reason], ['True', 'Exported'])
  assert.match(exportSaid(one, undefined, { status: 'False', message: '1 of 3' }).at(-1)?.message ?? '', /1 of 3/)
  const fault = new HoldfastError('exhausted', 'no address is left')
  assert.match(exportSaid(one, fault, undefined).at(-1)?.message ?? '', /no address is left/)
})

test.run()
