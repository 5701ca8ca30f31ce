// What else the hub reads of a real API server. ServiceExports: a service that nodes can stand for becomes one of the hub, with
// a ServiceImport beside it, and each is told what is so. Nodes and the blocks of their pods: advertised by the devices that
// they are, routed for other sites, and gone with the node. And back to Nodes, where people want that: how good the uplinks of
// their devices are.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { admin, device, resource } from '../../cloud/hub-world.fake.ts'
import type { ClusterCondition } from '../../cloud/kubernetes/cluster.ts'
import { apiVersion, type Resource } from '../../shared/intent/resource.ts'
import { encodeStatus } from '../../shared/wire/report.ts'
import { type Body, examples, type HubInCluster, until } from './hub-in-cluster.ts'
import { mcsGroup as GROUP, mcsDefinitions, olderExports } from './mcs-definitions.ts'

const exported = (name: string): object => ({
  apiVersion: `${GROUP}/v1beta1`,
  kind: 'ServiceExport',
  metadata: { name, namespace: 'default' },
})

const node = (name: string, block: string, labels: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
  spec: { podCIDR: block, podCIDRs: [block] },
})

/** To be run before other tests of that hub: they look at all that it logged. @testonly */
export function defineInputs(test: Test, hub: HubInCluster): void {
  const { api } = hub
  const own = hub.world.hub
  const path = `/apis/${GROUP}/v1beta1/namespaces/default/serviceexports`
  const imports = `/apis/${GROUP}/v1beta1/namespaces/default/serviceimports`
  const nodeOf = (name: string) => own.get('Node', name)?.resource as Resource<'Node'> | undefined
  const advertised = (name: string, ...blocks: readonly string[]): Promise<true> =>
    until(`${name} advertises ${blocks.join()}`, () =>
      JSON.stringify(nodeOf(name)?.spec.advertise) === JSON.stringify(blocks) ? true : undefined,
    )

  const saidOf = async (name: string): Promise<readonly string[]> => {
    const { body } = await api.ask('GET', `${path}/${name}`)
    const { status } = body as { readonly status?: { readonly conditions?: readonly ClusterCondition[] } }
    return (status?.conditions ?? []).map((one) => `${one.type} ${one.status} ${one.reason}`)
  }
  const told = (name: string, wanted: string): Promise<true> =>
    until(`${name} is ${wanted}`, async () => ((await saidOf(name)).includes(wanted) ? true : undefined))
  const service = (name: string, spec: object): Promise<unknown> =>
    api.ask('POST', '/api/v1/namespaces/default/services', {
      metadata: { name },
      spec: { ports: [{ port: 80 }], ...spec },
    })

  const labelsOf = async (name: string): Promise<object> =>
    (JSON.parse(await hub.kubectl(['get', 'node', name, '-o', 'jsonpath={.metadata.labels}'])) ?? {}) as object
  /** The user of the tests stands for the service account. */
  const roleFor = (file: string): string =>
    readFileSync(join(examples, 'kubernetes', file), 'utf8').replace(
      /subjects:[^]*$/,
      'subjects: [{kind: User, name: holdfast-hub, apiGroup: rbac.authorization.k8s.io}]\n',
    )

  test('the kind of exports is served', async () => {
    const at = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
    for (const one of mcsDefinitions) await api.ask('POST', at, one)
    for (const one of [path, imports])
      await until('the kind is served', async () => ((await api.ask('GET', one)).status === 200 ? true : undefined))
    await hub.halt()
    hub.start()
  })
  test('an export without a service says so, until there is one', async () => {
    await hub.apply(exported('web'))
    await told('web', 'Valid False NoService')
    await service('web', { type: 'NodePort' })
    await told('web', 'Valid True Valid')
    const spec = own.get('Service', 'kube--svc--default--web')?.resource.spec as Resource<'Service'>['spec'] | undefined
    assert.is(spec?.ports[0]?.port, 80)
    assert.ok(Number(spec?.ports[0]?.targetPort) >= 30_000)
    await hub.accepted('services/kube--svc--default--web', 'True')
    await own.flushed()
    await told('web', 'Ready True Exported')
    assert.ok((await saidOf('web')).includes('Conflict False NoConflicts'))
  })

  test('a service that only pods are behind is served by those that it selects', async () => {
    const ports = [{ name: 'http', port: 80, targetPort: 'page' }]
    await service('page', { selector: { app: 'web' }, sessionAffinity: 'ClientIP', ports })
    await hub.apply(exported('page'))
    await hub.accepted('services/kube--svc--default--page', 'True')
    const spec = (await hub.get('services/kube--svc--default--page'))?.spec
    assert.equal(spec?.['pods'], { namespace: 'default', podSelector: { matchLabels: { app: 'web' } } })
    assert.equal(spec?.['ports'], [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 'page' }])
    assert.is(spec?.['clientAffinityS'], 10_800)
    await until('its import says that clients stay', async () => {
      const said = JSON.stringify((await api.ask('GET', `${imports}/page`)).body)
      return /"sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10800}}/.test(said) ? true : undefined
    })
  })

  test('it is imported with its addresses, a hand on it is set back, and what others import is theirs', async () => {
    const seen = async (name: string) =>
      (await api.ask('GET', `${imports}/${name}`)).body as { readonly spec?: object; readonly status?: object }
    const spec = {
      ips: own.get('Service', 'kube--svc--default--web')?.status['addresses'],
      ports: [{ port: 80, protocol: 'TCP' }],
      sessionAffinity: 'None',
      type: 'ClusterSetIP',
    }
    const becomes = (what: string): Promise<true> =>
      until(what, async () => {
        const { spec: now, status } = await seen('web')
        const [held, names] = [JSON.stringify(now), JSON.stringify(status)]
        return held === JSON.stringify(spec) && names === '{"clusters":[{"cluster":"kube"}]}' ? true : undefined
      })
    await becomes('the import')
    const theirs = { spec: { type: 'Headless', ports: [] } }
    await hub.apply({
      apiVersion: `${GROUP}/v1beta1`,
      kind: 'ServiceImport',
      metadata: { name: 'theirs', namespace: 'default' },
      ...theirs,
    })
    const patch = '{"spec":{"ips":["10.9.9.9"],"ports":[]}}'
    await hub.kubectl(['patch', 'serviceimport', 'web', '--type=merge', '-p', patch])
    await becomes('it is set back')
    assert.equal((await seen('theirs')).spec, theirs.spec)
  })

  test('one without an address is its pods, and is imported as such', async () => {
    const ports = [{ name: 'sql', port: 5432, targetPort: 'sql' }]
    await service('store', { clusterIP: 'None', selector: { app: 'db' }, publishNotReadyAddresses: true, ports })
    await hub.apply(exported('store'))
    await told('store', 'Valid True Valid')
    await hub.accepted('services/kube--svc--default--store', 'True')
    await own.flushed()
    const held = own.get('Service', 'kube--svc--default--store')
    const spec = held?.resource.spec as Resource<'Service'>['spec'] | undefined
    assert.equal([spec?.headless, spec?.pods?.publishNotReady, held?.status['addresses']], [true, true, undefined])
    assert.match(JSON.stringify(held?.resource.metadata.annotations), /wish":"20\d\d-[0-9T:.Z-]+ Headless None"/)
    await until('the import', async () => {
      const { body, status } = await api.ask('GET', `${imports}/store`)
      const said = JSON.stringify((body as { readonly spec?: { readonly type?: string } }).spec?.type)
      return status === 200 && said === '"Headless"' ? true : undefined
    })
  })

  test('what the hub can’t say yet, and what nobody can export, is told', async () => {
    await service('inner', {})
    await service('away', { type: 'ExternalName', externalName: 'a.example', ports: undefined })
    await hub.apply(exported('inner'), exported('away'))
    await told('inner', 'Ready False Failed')
    await told('away', 'Valid False InvalidServiceType')
    assert.is(own.get('Service', 'kube--svc--default--inner'), undefined)
  })

  test('it goes with its export', async () => {
    await hub.kubectl(['delete', 'serviceexport', 'web'])
    await until('it is gone', () => (own.get('Service', 'kube--svc--default--web') === undefined ? true : undefined))
    await until('so is its import', async () =>
      (await api.ask('GET', `${imports}/web`)).status === 404 ? true : undefined,
    )
    assert.is((await api.ask('GET', `${imports}/theirs`)).status, 200)
  })

  test('exports of a cluster that serves the older version alone are read, and told what its definition has room for', async () => {
    const kind = `crd/serviceexports.${GROUP}`
    const older = (hasStatus: boolean) => hub.kubectl(['apply', '-f', '-'], JSON.stringify(olderExports(hasStatus)))
    await hub.halt()
    await hub.kubectl(['delete', kind])
    await older(false)
    await hub.kubectl(['wait', '--for=condition=Established', kind, '--timeout=20s'])
    await hub.apply({ ...exported('inner'), apiVersion: `${GROUP}/v1alpha1` })
    hub.start()
    await until('its Service is missed', () =>
      hub.lines.find(({ message }) => message.includes('nothing is said there')),
    )
    await older(true)
    const at = path.replace('v1beta1', 'v1alpha1')
    await hub.halt()
    hub.start()
    const seen = await until('it is told', async () => {
      const { body } = await api.ask('GET', `${at}/inner`)
      return (body as { readonly status?: { readonly conditions?: readonly ClusterCondition[] } }).status?.conditions
    })
    assert.equal(
      seen.map(({ observedGeneration, reason, type }) => [type, reason, observedGeneration]),
      [
        ['Valid', 'Valid', undefined],
        ['Conflict', 'NoConflicts', undefined],
        ['Ready', 'Failed', undefined],
      ],
    )
    // What a definition that was lost brought stays, and is nobody's here; nothing is written again and again.
    assert.is(hub.lines.filter(({ message }) => message.includes('do not agree')).length, 0)
    const { metadata } = (await api.ask('GET', `${at}/inner`)).body as Body
    await hub.kubectl(['label', 'namespace', 'default', 'seen=yes'])
    await hub.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'after' } })
    assert.is(((await api.ask('GET', `${at}/inner`)).body as Body).metadata.resourceVersion, metadata.resourceVersion)
    await hub.halt()
    await hub.kubectl(['delete', kind])
    hub.start()
  })

  test('the pods of a node that is a device have a route, and no object of people is written to', async () => {
    own.put(resource('Node', 'alpha-1', { advertise: ['192.168.7.0/24'] }), admin)
    own.put(resource('Node', 'beta-1'), admin)
    await hub.apply(node('alpha-1', '10.42.0.0/24'), node('stranger', '10.42.9.0/24'))
    await advertised('alpha-1', '192.168.7.0/24', '10.42.0.0/24')
    await hub.accepted('routes/kube--pods--alpha-1', 'True')
    assert.equal((await hub.get('nodes/alpha-1'))?.spec['advertise'], ['192.168.7.0/24'])
    assert.is(own.get('Route', 'kube--pods--stranger'), undefined)
  })

  test('the same addresses at another site are told at the node', async () => {
    await hub.apply(node('beta', '10.42.0.0/24', { 'holdfast.dev/node': 'beta-1', 'holdfast.dev/pod-site': 'beta' }))
    await until('a condition says so', async () =>
      (await hub.get('nodes/beta-1'))?.status?.conditions.find(
        ({ message, reason }) => reason === 'PodsNotRouted' && message.includes('10.42.0.0/24'),
      ),
    )
    assert.equal(nodeOf('beta-1')?.spec.advertise, [])
  })

  test('a node that leaves takes its pods along, and then the other has the addresses', async () => {
    await hub.halt()
    await hub.kubectl(['delete', 'node', 'alpha-1'])
    hub.start()
    await advertised('alpha-1', '192.168.7.0/24')
    await advertised('beta-1', '10.42.0.0/24')
    assert.is(nodeOf('beta-1')?.spec.labels['holdfast.dev/pod-site'], 'beta')
    assert.is(nodeOf('alpha-1')?.spec.labels['holdfast.dev/pod-site'], undefined)
  })

  test('a device’s uplink is told in labels of its Node, and not at Nodes of the cluster without the right', async () => {
    const { nodeId } = device(1)
    await hub.halt()
    await hub.world.join(1, 'alpha-1')
    await hub.world.presence(nodeId, true)
    await hub.world.acknowledge(nodeId)
    const report = own.fleet().find(({ name }) => name === 'alpha-1')?.report
    assert.ok(report !== undefined)
    const uplink = { rttMs: 50, lossPercent: 1, bandwidthMbps: 20, bandwidthBy: 'observed', metered: false } as const
    await hub.world.say(nodeId, 'status', encodeStatus({ ...report, uplink }))
    await hub.apply(node('rack', '10.42.7.0/24', { 'holdfast.dev/node': 'alpha-1', team: 'a' }))
    hub.start({ nodeLabels: () => true })
    const found = (): Promise<string> =>
      hub.kubectl(['get', 'hfnode', '-l', 'holdfast.dev/uplink=online,holdfast.dev/uplink-metered=false', '-o', 'name'])
    await until('kubectl finds it by a label', async () => ((await found()).includes('alpha-1') ? true : undefined))
    const wide = await hub.kubectl(['get', 'hfnode', 'alpha-1', '-o', 'wide'])
    assert.match(wide, /UPLINK +RTT[^]*online +50 /)
    await until('the log says what right is missing', () =>
      hub.lines.find(({ message }) => message.includes('the right to patch them')),
    )
    assert.equal(await labelsOf('rack'), { 'holdfast.dev/node': 'alpha-1', team: 'a' })
    assert.is(hub.lines.filter(({ message }) => message.includes('do not agree')).length, 0)
  })

  test('with that right Nodes of the cluster are labelled under a name of its own, for schedulers', async () => {
    await hub.halt()
    await hub.kubectl(['apply', '-f', '-'], roleFor('hub-node-labels-role.yaml'))
    hub.start({ nodeLabels: () => true })
    await until('the label', async () => ('holdfast.dev/uplink-rtt-ms' in (await labelsOf('rack')) ? true : undefined))
    assert.equal(await labelsOf('rack'), {
      'holdfast.dev/node': 'alpha-1',
      'holdfast.dev/uplink': 'online',
      'holdfast.dev/uplink-loss-percent': '1',
      'holdfast.dev/uplink-mbps': '20',
      'holdfast.dev/uplink-metered': 'false',
      'holdfast.dev/uplink-rtt-ms': '50',
      team: 'a',
    })
    const managers = await hub.kubectl(['get', 'node', 'rack', '--show-managed-fields', '-o', 'json'])
    const { metadata } = JSON.parse(managers) as {
      readonly metadata: { readonly managedFields: readonly { readonly manager: string; readonly fieldsV1: object }[] }
    }
    const ours = metadata.managedFields.filter(({ manager }) => manager.startsWith('holdfast'))
    assert.equal(
      ours.map(({ manager }) => manager),
      ['holdfast-uplink'],
    )
    assert.equal(Object.keys(ours[0]?.fieldsV1 ?? {}), ['f:metadata'])
    // What people hang pods on is taken as an API server takes it.
    await hub.kubectl(['apply', '--dry-run=server', '-f', `${examples}/kubernetes/near-the-uplink.yaml`])
    assert.match(await hub.kubectl(['explain', 'nodes.status.uplink', '--api-version', apiVersion]), /way out/)
  })

  test('a Node that stops being a device’s loses them, and keeps what is people’s', async () => {
    await hub.kubectl(['label', 'node', 'rack', 'holdfast.dev/node-'])
    await until('they are gone', async () => (Object.keys(await labelsOf('rack')).length === 1 ? true : undefined))
    assert.equal(await labelsOf('rack'), { team: 'a' })
  })
}
