// NetworkPolicies and ClusterNetworkPolicies of a real API server, as policies of the hub: made, changed and deleted with
// their objects, and kept where their objects are merely gone. Before that, what else the hub reads there.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openApiCluster } from '../../cloud/kubernetes/api-cluster.ts'
import { defineClusterConformance, defineStatusConformance } from '../../cloud/kubernetes/cluster-conformance.fake.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { whyNoApiServer } from './api-server-program.ts'
import { defineInputs } from './define-inputs.ts'
import { startHubInCluster, until } from './hub-in-cluster.ts'

const CLUSTER_API = 'policy.networking.k8s.io'

/** As the API server knows it; what stands in its spec is ours to judge. */
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `clusternetworkpolicies.${CLUSTER_API}`,
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/network-policy-api/pull/300' },
  },
  spec: {
    group: CLUSTER_API,
    scope: 'Cluster',
    names: {
      kind: 'ClusterNetworkPolicy',
      listKind: 'ClusterNetworkPolicyList',
      plural: 'clusternetworkpolicies',
      singular: 'clusternetworkpolicy',
    },
    versions: [
      {
        name: 'v1alpha2',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        },
      },
    ],
  },
}

const everyPod = { namespaces: {} }
const clusterPolicy = (name: string, spec: object): object => ({
  apiVersion: `${CLUSTER_API}/v1alpha2`,
  kind: 'ClusterNetworkPolicy',
  metadata: { name },
  spec: { tier: 'Admin', priority: 10, subject: everyPod, ...spec },
})
const netPolicy = (name: string, spec: object, metadata: object = {}): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace: 'shop', ...metadata },
  spec: { podSelector: { matchLabels: { app: 'web' } }, ...spec },
})
const fromClients = (port: number): object => ({
  ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }], ports: [{ port }] }],
})

const why = whyNoApiServer()
if (why === undefined) {
  const hub = await startHubInCluster()
  const { api, apply, kubectl } = hub

  const held = (name: string): Resource<'Policy'> | undefined =>
    hub.world.hub.get('Policy', name)?.resource as Resource<'Policy'> | undefined
  const present = (name: string): Promise<Resource<'Policy'>> => until(`${name} is held`, () => held(name))
  const absent = (name: string): Promise<true> =>
    until(`${name} is gone`, () => (held(name) === undefined ? true : undefined))
  const portOf = (name: string): unknown => held(name)?.spec.ingress?.[0]?.ports[0]?.port
  const events = async (namespace: string): Promise<readonly Record<string, unknown>[]> => {
    const { body } = await api.ask('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`)
    return (body as { readonly items: readonly Record<string, unknown>[] }).items
  }

  test.after(() => hub.stop())

  defineInputs(test, hub)

  test('a NetworkPolicy becomes a policy that says whose it is, and whose status people can read', async () => {
    await kubectl(['create', 'namespace', 'shop'])
    await apply(netPolicy('web', fromClients(80)))
    const { metadata, spec } = await present('kube--np--shop--web')
    assert.is(metadata.annotations?.['holdfast.dev/source'], 'networking.k8s.io/v1 NetworkPolicy shop/web')
    assert.equal(spec.subject.namespaceSelector, { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } })
    assert.equal(spec.policyTypes, ['Ingress'])
    await hub.accepted('policies/kube--np--shop--web', 'True')
    await hub.world.hub.flushed()
    assert.ok(hub.world.records().includes('policy/kube--np--shop--web'))
    // The definition is looked for in the background from here on.
    await apply(definition)
  })

  test('it changes with its object, and a hand on the mirror is set back', async () => {
    await apply(netPolicy('web', fromClients(81)))
    await until('the port is the new one', () => (portOf('kube--np--shop--web') === 81 ? true : undefined))
    const path = 'policies/kube--np--shop--web'
    await until('the mirror follows', async () =>
      JSON.stringify((await hub.get(path))?.spec).includes('"port":81') ? true : undefined,
    )
    await kubectl(['patch', 'hfpol', 'kube--np--shop--web', '--type=merge', '-p', '{"spec":{"ingress":[{}]}}'])
    await until('the mirror is set back', async () =>
      JSON.stringify((await hub.get(path))?.spec).includes('"port":81') ? true : undefined,
    )
    assert.is(portOf('kube--np--shop--web'), 81)
  })

  test('it goes with its object, and with its namespace', async () => {
    await apply(netPolicy('short', {}))
    await present('kube--np--shop--short')
    await hub.accepted('policies/kube--np--shop--short', 'True')
    await kubectl(['delete', 'networkpolicy', '-n', 'shop', 'short'])
    await absent('kube--np--shop--short')
    await until('its mirror too', async () =>
      (await hub.get('policies/kube--np--shop--short')) === undefined ? true : undefined,
    )
  })

  test('a mirror that somebody deletes comes back, and was in force meanwhile', async () => {
    const before = (await hub.get('policies/kube--np--shop--web'))?.metadata.resourceVersion
    await kubectl(['delete', 'hfpol', 'kube--np--shop--web', '--wait=false'])
    await until('it is there anew', async () => {
      const seen = await hub.get('policies/kube--np--shop--web')
      const isNew = seen !== undefined && seen.metadata.deletionTimestamp === undefined
      return isNew && seen.metadata.resourceVersion !== before ? true : undefined
    })
    assert.ok(!hub.world.events.some((one) => one.type === 'delete' && one.name === 'kube--np--shop--web'))
  })

  test('what people have under that name stays theirs, and both are in force', async () => {
    await apply({
      apiVersion: 'holdfast.dev/v1alpha1',
      kind: 'Policy',
      metadata: { name: 'kube--np--shop--mine' },
      spec: { subject: { nodeSelector: {} } },
    })
    await present('kube--np--shop--mine')
    await apply(netPolicy('mine', fromClients(82)))
    const other = await until('another name', () =>
      hub.world.hub.list('Policy').find(({ resource }) => resource.metadata.name.startsWith('kube--np-x--shop-mine--')),
    )
    assert.is(portOf(other.resource.metadata.name), 82)
    assert.ok(held('kube--np--shop--mine')?.spec.subject.nodeSelector !== undefined)
  })

  test('a policy for a network that is not there is told at the object, and taken when it is', async () => {
    const elsewhere = { annotations: { 'holdfast.dev/network': 'second' } }
    await apply(netPolicy('away', fromClients(83), elsewhere))
    const told = await until('an event', async () =>
      (await events('shop')).find(({ note }) => String(note).includes('second')),
    )
    assert.equal([told['type'], told['reason']], ['Warning', 'NotTranslated'])
    assert.match(
      String(hub.world.hub.audit(50).find(({ verb }) => verb === 'refuse')?.target),
      /networkpolicy\/shop\/away/,
    )
    await apply({
      apiVersion: 'holdfast.dev/v1alpha1',
      kind: 'Network',
      metadata: { name: 'second' },
      spec: { cidr: '10.91.0.0/16' },
    })
    assert.is((await present('kube--np--shop--away')).spec.network, 'second')
  })

  test('a deletion while the hub is away is carried out when it is back', async () => {
    await hub.halt()
    await kubectl(['delete', 'networkpolicy', '-n', 'shop', 'away'])
    hub.start()
    await absent('kube--np--shop--away')
  })

  test('a kind that the cluster did not know is followed once it does; what can’t be read is closed and told', async () => {
    await apply(
      clusterPolicy('guard', {
        egress: [
          { name: 'To the internet!', action: 'Accept', to: [{ domainNames: ['*.example.org'] }] },
          { action: 'Deny', to: [{ networks: ['10.0.0.7/8'] }] },
        ],
      }),
    )
    const { metadata, spec } = await present('kube--cnp--guard')
    assert.equal([spec.tier, spec.priority], ['Admin', 10])
    assert.equal(
      spec.egress?.map(({ action, to }) => [action, to]),
      [['Deny', [{ ipBlock: { cidr: '10.0.0.0/8', except: [] } }]]],
    )
    assert.match(metadata.annotations?.['holdfast.dev/refused'] ?? '', /spec\.egress\[0\]\.to\[0\]\.domainNames/)
    const refused = await hub.accepted('policies/kube--cnp--guard', 'False')
    assert.match(refused.status?.conditions[0]?.message ?? '', /domainNames.*allows nothing/s)
    await until('an event at it', async () =>
      (await events('default')).find(
        ({ note, regarding }) =>
          (regarding as { readonly name: string }).name === 'guard' && String(note).includes('domainNames'),
      ),
    )
  })

  test('a store that was lost opens nothing: what is merely gone stays until somebody deletes the mirror', async () => {
    const name = 'kube--np--shop--web'
    await hub.halt()
    // As after a restore of a backup from before: neither the object nor its mirror was ever there.
    await kubectl(['delete', 'networkpolicy', '-n', 'shop', 'web'])
    await kubectl(['patch', 'hfpol', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}'])
    await kubectl(['delete', 'hfpol', name])
    hub.start()
    const mirror = await until('the mirror is back', () => hub.get(`policies/${name}`))
    assert.is(mirror.metadata.annotations?.['holdfast.dev/source-lost'], 'true')
    const told = await hub.accepted(`policies/${name}`, 'True')
    assert.match(told.status?.conditions[0]?.message ?? '', /Delete it here where it is to go/)
    assert.is(portOf(name), 81)

    await apply(netPolicy('web', fromClients(85)))
    await until('its object counts again', () =>
      portOf(name) === 85 && held(name)?.metadata.annotations?.['holdfast.dev/source-lost'] === undefined
        ? true
        : undefined,
    )
    await until('the mirror says so', async () =>
      (await hub.get(`policies/${name}`))?.metadata.annotations?.['holdfast.dev/source-lost'] === undefined
        ? true
        : undefined,
    )
  })

  test('a definition that was lost opens nothing either', async () => {
    await hub.halt()
    await kubectl(['delete', 'crd', `clusternetworkpolicies.${CLUSTER_API}`])
    hub.start()
    const { metadata } = await until('it is marked', () => {
      const seen = held('kube--cnp--guard')
      return seen?.metadata.annotations?.['holdfast.dev/source-lost'] === undefined ? undefined : seen
    })
    assert.is(metadata.name, 'kube--cnp--guard')
    await kubectl(['delete', 'hfpol', 'kube--cnp--guard', '--wait=true', '--timeout=20s'])
    assert.is(held('kube--cnp--guard'), undefined)
  })

  const lines: Parameters<typeof memoryLog>[0] = []
  const cluster = openApiCluster({ clock: systemClock, entropy: systemEntropy, log: memoryLog(lines) })
  const there = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web' } as const
  test('another hand: the hub follows no more', async () => {
    await hub.halt()
    cluster.start(() => undefined)
    await until('everything is listed', () => cluster.objects())
  })
  const world = () => ({ cluster, there, away: { ...there, name: 'away' }, heard: until })
  defineClusterConformance(test, world)
  defineStatusConformance(test, world)
  test('and it ends', () => cluster.stop())

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
