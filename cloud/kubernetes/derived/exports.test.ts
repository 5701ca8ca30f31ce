// What an exported service becomes, and what is said at its export, by the words of the multi-cluster services API.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../../shared/errors.ts'
import { apiVersion, parseResource, type Resource } from '../../../shared/intent/resource.ts'
import type { InputKind, InputObject } from '../input.ts'
import { createdAnnotation } from './export-terms.ts'
import { deriveExport, exportSaid } from './exports.ts'

const options = { clusterName: 'kube', network: 'default', podSites: ['kube'], services: [] }

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
    ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Pending'],
  ],
  [
    'one without an address that selects nobody',
    { clusterIP: 'None', ports: [{ port: 80 }] },
    ['Valid True Valid', 'Conflict False NoConflicts', 'Ready False Failed'],
  ],
  [
    'one with neither address nor ports',
    { clusterIP: 'None', selector: { app: 'web' } },
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
  const conflict = (...services: readonly Resource<'Service'>[]) => {
    const around = { ...options, services }
    const held = deriveExport(input('ServiceExport', {}), input('Service', nodePorts), around, () => false)
    return exportSaid(held, undefined, undefined)[1]
  }
  assert.is(conflict()?.status, 'False')
  assert.is(conflict(same, one.resource as Resource<'Service'>)?.status, 'False')
  assert.is(conflict(theirs([{ name: 'http', port: 81 }], 'elsewhere'))?.status, 'False')
  assert.is(conflict(same, other)?.reason, 'PortConflict')
  assert.match(conflict(other)?.message ?? '', /cluster south exports it with the ports http 81\/TCP, and here/)
})

/** As the export of that cluster, made then, is with those of others. */
function exportOf(cluster: string, at: string, service: unknown, services: readonly Resource<'Service'>[] = []) {
  const made = { ...input('ServiceExport', {}), annotations: { [createdAnnotation]: at } }
  const one = deriveExport(made, input('Service', service), { ...options, clusterName: cluster, services }, () => false)
  const { message, reason } = exportSaid(one, undefined, undefined)[1] ?? {}
  return { held: one.resource as unknown as Resource<'Service'>, message, reason }
}

test('one without an address is its pods, by their own ports, ready or not where that is asked for', () => {
  const { held } = exportOf('kube', '2026-01-01T00:00:00Z', { ...clusterIp, clusterIP: 'None', type: 'NodePort' })
  assert.equal([held.spec.headless, held.spec.pods?.publishNotReady], [true, undefined])
  assert.equal(held.spec.pods?.podSelector, { matchLabels: { app: 'web' } })
  const early = { ...clusterIp, clusterIP: 'None', publishNotReadyAddresses: true, sessionAffinity: 'ClientIP' }
  const { spec } = exportOf('kube', '', early).held
  assert.equal([spec.pods?.publishNotReady, spec.clientAffinityS], [true, undefined])
})

test('a client stays with its backend for as long as Kubernetes says where nothing is said', () => {
  const affine = (config: object) => exportOf('kube', '', { ...clusterIp, sessionAffinity: 'ClientIP', ...config }).held
  assert.is(affine({}).spec.clientAffinityS, 10_800)
  assert.is(affine({ sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }).spec.clientAffinityS, 60)
  assert.is(exportOf('kube', '', clusterIp).held.spec.clientAffinityS, undefined)
})

test('of a service that is another thing in another cluster the oldest export counts for all, and all are told', () => {
  const headless = { ...clusterIp, clusterIP: 'None' }
  const old = exportOf('south', '2026-01-01T00:00:00Z', headless).held
  const young = exportOf('kube', '2026-02-01T00:00:00Z', clusterIp, [old])
  assert.equal([young.held.spec.headless, young.reason], [true, 'TypeConflict'])
  assert.match(
    young.message ?? '',
    /south exports it of type Headless, and here it is of type ClusterSetIP: that of.* south/,
  )
  // The other is told as well, though what it has is what it wanted.
  const told = exportOf('south', '2026-01-01T00:00:00Z', headless, [young.held])
  assert.equal([told.held.spec.headless, told.reason], [true, 'TypeConflict'])
  // Ports of nodes are nobody's behind a name that is answered with pods.
  const ofNodes = exportOf('kube', '2026-02-01T00:00:00Z', { ...nodePorts, selector: { app: 'web' } }, [old]).held
  assert.equal([ofNodes.spec.pods?.namespace, ofNodes.spec.ports[0]?.targetPort], ['shop', 8_080])
  // When the older one goes, its own counts again.
  assert.is(exportOf('kube', '2026-02-01T00:00:00Z', clusterIp, []).held.spec.headless, undefined)
  assert.equal(exportOf('kube', '2025-12-01T00:00:00Z', clusterIp, [old]).held.spec.headless, undefined)
  // One of which nobody knows when it was made is younger than all.
  assert.is(exportOf('kube', '', clusterIp, [old]).held.spec.headless, true)
  assert.is(exportOf('abc', 'yesterday, believe me', clusterIp, [old]).held.spec.headless, true)
})

test('so it is with affinity', () => {
  const affine = (timeoutSeconds: number) => ({
    ...clusterIp,
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds } },
  })
  const old = exportOf('south', '2026-01-01T00:00:00Z', affine(60)).held
  const other = exportOf('kube', '2026-02-01T00:00:00Z', clusterIp, [old])
  assert.equal([other.held.spec.clientAffinityS, other.reason], [60, 'SessionAffinityConflict'])
  const longer = exportOf('kube', '2026-02-01T00:00:00Z', affine(90), [old])
  assert.equal([longer.held.spec.clientAffinityS, longer.reason], [60, 'SessionAffinityConfigConflict'])
  assert.is(exportOf('kube', '2026-02-01T00:00:00Z', affine(60), [old]).reason, 'NoConflicts')
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
