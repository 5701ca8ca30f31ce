// The Gateway API at a real API server: routes become Services that are published, every object is told what is so in the words
// of that API, and what is taken back is closed. Each kind is read in the version that the cluster serves.

import { join } from 'node:path'
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { admin, device, resource } from '../../cloud/hub-world.fake.ts'
import type { ClusterCondition } from '../../cloud/kubernetes/cluster.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { encodeStatus } from '../../shared/wire/report.ts'
import { gatewayGroup as GROUP, gatewayDefinitions } from './gateway-definitions.ts'
import { examples, type HubInCluster, until } from './hub-in-cluster.ts'

interface Said {
  readonly conditions?: readonly ClusterCondition[]
}
interface Told extends Said {
  readonly addresses?: readonly { readonly value: string }[]
  readonly listeners?: readonly (Said & { readonly name: string; readonly attachedRoutes: number })[]
  readonly parents?: readonly Said[]
}

/** Of this API one kind stands for all. */
const UNSERVED = ['ClusterNetworkPolicy', 'ServiceExport', 'ServiceImport', 'GatewayClass']

/** Of a hub whose cluster does not know that API yet. @testonly */
export function defineGateways(test: Test, hub: HubInCluster): void {
  const { api, apply, kubectl } = hub
  const own = hub.world.hub
  const specOf = (name: string) => own.get('Service', name)?.resource.spec as Resource<'Service'>['spec'] | undefined
  const statusOf = async (path: string): Promise<Told> => {
    const { body } = await api.ask('GET', `/apis/${GROUP}/${path}`)
    return (body as { readonly status?: Told }).status ?? {}
  }
  const shop = (version: string, path: string): string => `${version}/namespaces/shop/${path}`
  const [edge, second] = [shop('v1', 'gateways/edge'), shop('v1', 'gateways/second')]
  const [sql, syslog] = [shop('v1alpha2', 'tcproutes/sql'), shop('v1alpha2', 'udproutes/syslog')]
  const [web, pages] = [shop('v1alpha3', 'tlsroutes/web'), shop('v1', 'httproutes/pages')]
  const words = ({ conditions = [] }: Said): readonly string[] =>
    conditions.map((one) => `${one.type} ${one.status} ${one.reason}`)
  const told = (path: string, wanted: string, where = (status: Told): readonly Said[] => [status]): Promise<true> =>
    until(`${path} is told ${wanted}`, async () =>
      where(await statusOf(path))
        .flatMap(words)
        .includes(wanted)
        ? true
        : undefined,
    )
  const parents = ({ parents: all = [] }: Told): readonly Said[] => all
  const listeners = ({ listeners: all = [] }: Told): readonly Said[] => all
  const tcp = (name: string, spec: object): object => ({
    apiVersion: `${GROUP}/v1alpha2`,
    kind: 'TCPRoute',
    metadata: { name, namespace: 'shop' },
    spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'web', port: 443 }] }], ...spec },
  })

  /** What was said before is of an API server that others ended. */
  let began = 0

  test('definitions of the Gateway API that come later are noticed, and one line says that there were none', async () => {
    await hub.halt()
    began = hub.lines.length
    const missed = () => hub.lines.slice(began).filter(({ message }) => message.includes('does not know a kind'))
    hub.start()
    await until('each is missed', () => (missed().length >= UNSERVED.length ? true : undefined))
    await hub.halt()
    assert.is(missed().length, UNSERVED.length)
    for (const one of gatewayDefinitions)
      await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', one)
    await kubectl(['wait', '--for=condition=Established', '--timeout=20s', 'crd', `grpcroutes.${GROUP}`])
    await kubectl(['apply', '-f', join(examples, 'kubernetes/gateway.yaml')])
    own.put(resource('Node', 'door', { labels: { role: 'gateway' } }), admin)
    hub.start()
  })

  test('what the example says is published, in whichever version each kind is served', async () => {
    await hub.accepted('services/kube--tls--shop--web', 'True')
    assert.equal(specOf('kube--tls--shop--web')?.publish?.[0]?.hostnames, ['shop.example.com'])
    assert.equal(specOf('kube--udp--shop--syslog')?.ports[0]?.protocol, 'UDP')
    const spec = specOf('kube--tcp--shop--sql')
    assert.equal([spec?.pods?.namespace, spec?.publish?.[0]?.from], ['data', ['LAN', '203.0.113.0/24']])
    await told('v1/gatewayclasses/holdfast', 'Accepted True Accepted')
    const [cart, rest] = [1, 2].map((rule) => specOf(`kube--http--shop--pages--${rule}`))
    assert.equal(cart?.publish?.[0]?.paths, [{ type: 'Prefix', value: '/cart' }])
    assert.equal([rest?.publish?.[0]?.hostnames, rest?.ports[0]?.targetPort], [['www.example.com'], 8_080])
    for (const path of [sql, syslog, web, pages]) {
      await told(path, 'Accepted True Accepted', parents)
      await told(path, 'ResolvedRefs True ResolvedRefs', parents)
    }
    await told(edge, 'Accepted True Accepted')
    await told(edge, 'Programmed False Pending')
    const { listeners: all = [] } = await statusOf(edge)
    assert.equal(
      all.map(({ attachedRoutes, name }) => [name, attachedRoutes]),
      [
        ['sql', 1],
        ['syslog', 1],
        ['web', 1],
        ['pages', 1],
      ],
    )
  })

  test('it is programmed when the nodes say so, with the addresses that they have', async () => {
    const { nodeId } = device(2)
    await hub.world.join(2, 'door')
    await hub.world.presence(nodeId, true)
    await hub.world.acknowledge(nodeId)
    const report = own.fleet().find(({ name }) => name === 'door')?.report
    assert.ok(report !== undefined)
    const at = (service: string, protocol: 'TCP' | 'UDP' | 'TLS' | 'HTTP', port: number) =>
      ({
        service: own.get('Service', service)?.resource.metadata.name ?? ('' as never),
        at: `192.168.1.5:${port}`,
        protocol,
      }) as never
    const published = [
      at('kube--tcp--shop--sql', 'TCP', 5432),
      at('kube--udp--shop--syslog', 'UDP', 514),
      at('kube--tls--shop--web', 'TLS', 443),
      at('kube--http--shop--pages--1', 'HTTP', 80),
      at('kube--http--shop--pages--2', 'HTTP', 80),
    ]
    await hub.world.say(nodeId, 'status', encodeStatus({ ...report, published }))
    await told(edge, 'Programmed True Programmed')
    await told(edge, 'Programmed True Programmed', listeners)
    assert.equal((await statusOf(edge)).addresses, [{ type: 'IPAddress', value: '192.168.1.5' }])
  })

  test('a grant that is taken back closes what it let', async () => {
    await api.ask('DELETE', `/apis/${GROUP}/v1beta1/namespaces/data/referencegrants/shop`)
    await told(sql, 'ResolvedRefs False RefNotPermitted', parents)
    await until('it is closed', () => (specOf('kube--tcp--shop--sql') === undefined ? true : undefined))
    await until('and its mirror is gone', async () =>
      (await hub.get('services/kube--tcp--shop--sql')) === undefined ? true : undefined,
    )
  })

  test('what can’t be carried out is told, and nothing of it is opened', async () => {
    const listener = { name: 'sql', protocol: 'TCP', port: 5432 }
    const other = {
      apiVersion: `${GROUP}/v1`,
      kind: 'Gateway',
      metadata: { name: 'second', namespace: 'shop', annotations: { 'holdfast.dev/gateway-nodes': 'role=gateway' } },
      spec: { gatewayClassName: 'holdfast', listeners: [listener, { name: 'odd', protocol: 'SCTP', port: 1 }] },
    }
    const rules = [{ backendRefs: [{ name: 'nowhere', port: 1 }] }]
    const filters = [{ type: 'RequestRedirect' }]
    const http = { ...tcp('page', { rules: [{ filters }] }), apiVersion: `${GROUP}/v1`, kind: 'HTTPRoute' }
    await apply(other, tcp('missing', { rules }), tcp('late', { parentRefs: [{ name: 'second' }] }), http)
    await told(second, 'Accepted False PortUnavailable', listeners)
    await told(second, 'Accepted False UnsupportedProtocol', listeners)
    await told(shop('v1alpha2', 'tcproutes/missing'), 'Accepted False PortUnavailable', parents)
    await told(shop('v1alpha2', 'tcproutes/missing'), 'ResolvedRefs False BackendNotFound', parents)
    await told(shop('v1alpha2', 'tcproutes/late'), 'Accepted False NoMatchingParent', parents)
    await told(shop('v1', 'httproutes/page'), 'Accepted False UnsupportedValue', parents)
    // What leads to nobody is answered, so that it goes nowhere else.
    const match = { path: { value: '/cart' }, method: 'GET', headers: [{ name: 'X-Env', value: 'dev' }] }
    const [cart, blue] = [
      { name: 'cart', port: 80 },
      { name: 'X-Tenant', value: 'blue' },
    ]
    const modifier = { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [blue], remove: ['Cookie'] } }
    const shares = [
      { ...cart, weight: 9 },
      { name: 'pages', port: 80 },
    ]
    const shared = { spec: { rules: [{ filters: [modifier], backendRefs: shares }] } }
    await api.ask('PATCH', `/apis/${GROUP}/${pages}`, shared, 'application/merge-patch+json')
    const part = (number: number) => specOf(`kube--http--shop--pages--1--${number}`)?.publish?.[0]
    await until('it is shared', () => (part(1)?.weight === 9 && part(2)?.weight === 1 ? true : undefined))
    const changes = { remove: ['cookie'], set: [{ name: 'x-tenant', value: 'blue' }] }
    assert.equal([part(1)?.requestHeaders, part(2)?.requestHeaders], [changes, changes])
    const away = { spec: { rules: [{ matches: [match], backendRefs: [] }, { backendRefs: [] }] } }
    await api.ask('PATCH', `/apis/${GROUP}/${pages}`, away, 'application/merge-patch+json')
    await until('it is answered', () =>
      specOf('kube--http--shop--pages--1')?.publish?.[0]?.answer === 500 ? true : undefined,
    )
    assert.equal(specOf('kube--http--shop--pages--1')?.publish?.[0]?.paths, [
      { type: 'Prefix', value: '/cart', method: 'GET', headers: [{ name: 'x-env', value: 'dev' }] },
    ])
    const patch = { spec: { hostnames: ['a.example.org'] } }
    await api.ask('PATCH', `/apis/${GROUP}/${web}`, patch, 'application/merge-patch+json')
    await told(web, 'Accepted False NoMatchingListenerHostname', parents)
    await until('it is closed', () => (specOf('kube--tls--shop--web') === undefined ? true : undefined))
    assert.is(specOf('kube--tcp--shop--missing') ?? specOf('kube--tcp--shop--late'), undefined)
  })

  test('what goes takes its ports along, also while the hub is away', async () => {
    await hub.halt()
    for (const path of [edge, second]) await api.ask('DELETE', `/apis/${GROUP}/${path}`)
    hub.start()
    await until('it is closed', () => (specOf('kube--udp--shop--syslog') === undefined ? true : undefined))
    await until('no parent is told of', async () =>
      ((await statusOf(syslog)).parents ?? []).length === 0 ? true : undefined,
    )
    assert.equal(
      hub.lines.slice(began).filter(({ message }) => message.includes('do not agree')),
      [],
    )
  })
}
