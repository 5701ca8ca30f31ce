// What people apply with kubectl decides over packets: the examples between two devices, and NetworkPolicies of two clusters,
// each at a site of its own, between their pods. The hub follows one cluster itself, and the other by its agent; gateways tell
// of their pods themselves, and nothing else is told to the hub. And a route of the Gateway API lets in a stranger from
// the internet, to a pod.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import { customResourceDefinitions } from '../../cloud/kubernetes/definitions.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { apiVersion } from '../../shared/intent/resource.ts'
import { run } from '../laboratory/command.ts'
import { ask, serve } from '../laboratory/conversation.ts'
import { type Fleet, startFleet } from '../laboratory/fleet.ts'
import { gatewayNodes, homeSite, network, pingPolicy } from '../laboratory/shapes.ts'
import { internetAddress, type Topology } from '../laboratory/topology.ts'
import { holds, waitFor } from '../laboratory/wait.ts'
import { whyNoLab } from '../testing/privilege.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'
import { gatewayDefinitions, gatewayGroup } from './gateway-definitions.ts'
import { examples } from './hub-in-cluster.ts'
import {
  ApiCrossing,
  createNamespace,
  createPod,
  givePodAddress,
  kubeconfigPath,
  layBridge,
  layKubeconfig,
} from './pod-site.ts'

const [ALPHA, BETA] = ['10.42.1', '10.42.2']
const [SQL, PAGE, DOOR_PORT] = [5_432, 80, 8_000]
const KEY_PATH = '/var/lib/south.key'

const topology: Topology = {
  internet: ['hub', 'door', 'stranger'],
  bystanders: ['stranger'],
  sites: [
    homeSite('alpha', ['alpha-1'], { backyard: { gateway: 'alpha-1', hosts: ['web', 'batch'] } }),
    homeSite('beta', ['beta-1'], { backyard: { gateway: 'beta-1', hosts: ['db'] } }),
  ],
}

const node = (name: string, device: string, block: string): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'holdfast.dev/node': device } },
  spec: { podCIDR: `${block}.0/24`, podCIDRs: [`${block}.0/24`] },
})

/** Whom pods of one app let in at a port, alone. */
const letsIn = (app: string, from: string, port: number | string): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: app, namespace: 'shop' },
  spec: {
    podSelector: { matchLabels: { app } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: from } } }], ports: [{ port }] }],
  },
})

/** A route of the Gateway API from a port of the device `door` to pods, and what lets that device in there. */
const routed = (from: string): readonly object[] => {
  const api = `${gatewayGroup}/v1`
  const annotations = { 'holdfast.dev/gateway-nodes': 'role=door', 'holdfast.dev/gateway-from': `${from}/32` }
  const [at, named] = [{ namespace: 'shop' }, { name: 'door' }]
  const listeners = [{ name: 'page', protocol: 'TCP', port: DOOR_PORT }]
  const rules = [{ backendRefs: [{ name: 'batch', port: 8_080 }] }]
  return [
    { apiVersion: api, kind: 'GatewayClass', metadata: named, spec: { controllerName: 'holdfast.dev/gateway' } },
    {
      apiVersion: api,
      kind: 'Gateway',
      metadata: { ...at, ...named, annotations },
      spec: { gatewayClassName: 'door', listeners },
    },
    {
      apiVersion: `${gatewayGroup}/v1alpha2`,
      kind: 'TCPRoute',
      metadata: { ...at, name: 'page' },
      spec: { parentRefs: [named], rules },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...at, name: 'batch' },
      spec: { selector: { app: 'batch' }, ports: [{ port: 8_080, targetPort: PAGE }] },
    },
    {
      apiVersion,
      kind: 'Policy',
      metadata: named,
      spec: {
        subject: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'batch' } } },
        ingress: [{ from: [{ nodeSelector: { matchLabels: { role: 'door' } } }], ports: [{ port: PAGE }] }],
      },
    },
  ]
}

const agent = (name: string) => ({ agent: ['--kubernetes', kubeconfigPath, '--kubernetes-node', name] })

async function startCluster(): Promise<ApiServer> {
  const api = await startApiServer()
  for (const one of [...customResourceDefinitions(), ...gatewayDefinitions]) {
    await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', one)
  }
  await createNamespace(api, 'holdfast', {})
  await createNamespace(api, 'shop', {})
  return api
}

const why = whyNoLab() ?? whyNoApiServer()
if (why === undefined) {
  /** That of the hub, and the other. */
  let [kube, south]: ApiServer[] = []
  let fleet: Fleet
  let crossings: readonly ApiCrossing[] = []
  const clusterOf = (api: ApiServer | undefined): ApiServer => {
    if (api === undefined) throw new TypeError('the cluster was not started')
    return api
  }
  const kubectl = (api: ApiServer | undefined, words: readonly string[], input = ''): Promise<string> =>
    run(['kubectl', '--kubeconfig', clusterOf(api).kubeconfig, ...words], { input })
  const apply = (api: ApiServer | undefined, object: object): Promise<string> =>
    kubectl(api, ['apply', '-f', '-'], JSON.stringify(object))
  /** Whether `from` reaches it; resolves once it is as expected. */
  const becomes = async (from: string, to: string, port: number, expected: 'open' | 'closed'): Promise<void> => {
    const probe = async () => {
      const seen = await ask(fleet.net.host(from), 'tcp', to, port)
      return holds((seen === undefined) === (expected === 'closed'), seen ?? 'silence')
    }
    await waitFor(`from ${from} ${to} is ${expected}`, probe, { timeoutMs: 30_000, everyMs: 20 })
  }
  const timed = async (what: string, doing: () => Promise<unknown>, seen: () => Promise<void>): Promise<void> => {
    await doing()
    const at = systemClock.monotonic()
    await seen()
    process.stdout.write(`${what}: ${Math.round(systemClock.monotonic() - at)} ms after kubectl was done\n`)
  }
  const labelled = async (device: string, labels: object): Promise<void> => {
    const isThere = async () => holds((await kubectl(kube, ['get', 'hfnode', '-o', 'name'])).includes(device), 'none')
    await waitFor(`${device} is an object`, isThere, { timeoutMs: 30_000 })
    await kubectl(kube, ['patch', 'hfnode', device, '--type=merge', '-p', JSON.stringify({ spec: { labels } })])
  }
  const sql = (from: string, expected: 'open' | 'closed') => becomes(from, `${BETA}.11`, SQL, expected)
  const page = (expected: 'open' | 'closed') => becomes('db', `${ALPHA}.11`, PAGE, expected)

  test.before(async () => {
    const apis = await Promise.all([startCluster(), startCluster()])
    ;[kube, south] = apis
    const [own, other] = apis
    const [toOwn, toOther] = [new ApiCrossing(own.url), new ApiCrossing(other.url)]
    crossings = [toOwn, toOther]
    fleet = await startFleet({
      topology,
      intent: [network, pingPolicy, ...gatewayNodes(topology)],
      serve: ['--kubernetes', '--cluster-node-labels'],
      hubEnv: { KUBECONFIG: kubeconfigPath },
      flags: { 'alpha-1': agent('site-a'), 'beta-1': agent('site-b') },
      async prepare(net) {
        for (const name of ['hub', 'alpha-1']) {
          layKubeconfig(net.host(name), own, own.token)
          await toOwn.toHost(net.host(name))
        }
        layKubeconfig(net.host('beta-1'), other, other.token)
        await toOther.toHost(net.host('beta-1'))
        await layBridge(net.host('alpha-1'), ALPHA)
        await layBridge(net.host('beta-1'), BETA)
      },
    })
    const host = (name: string) => fleet.net.host(name)
    await givePodAddress(host('web'), ALPHA, 11)
    await givePodAddress(host('batch'), ALPHA, 12)
    await givePodAddress(host('db'), BETA, 11)
    await Promise.all([
      serve(host('db'), ['tcp', SQL]),
      serve(host('web'), ['tcp', PAGE]),
      serve(host('batch'), ['tcp', PAGE]),
      serve(host('beta-1'), ['tcp', PAGE]),
    ])
    const shop = { namespace: 'shop' }
    await createPod(own, { ...shop, name: 'web', node: 'site-a', labels: { app: 'web' }, ip: `${ALPHA}.11` })
    await createPod(own, { ...shop, name: 'batch', node: 'site-a', labels: { app: 'batch' }, ip: `${ALPHA}.12` })
    await createPod(other, { ...shop, name: 'db', node: 'site-b', labels: { app: 'db' }, ip: `${BETA}.11` })
    const { key } = JSON.parse(
      await fleet.hub.cli(['cluster', 'add', 'south', '--pods', `${BETA}.0/24`, '--json']),
    ) as { key: string }
    writeFileSync(join(host('beta-1').lib, 'south.key'), key, { mode: 0o600 })
    const words = ['holdfast-hub', 'cluster', 'run', '--url', fleet.hub.url, '--key-file', KEY_PATH, '--node-labels']
    host('beta-1').spawn(['env', `KUBECONFIG=${kubeconfigPath}`, ...words], 'cluster-agent')
    // A device that is written in the cluster has the labels that stand there.
    await labelled('alpha-1', { site: 'alpha', role: 'gateway' })
    await labelled('door', { role: 'door' })
    await labelled('beta-1', { site: 'beta', role: 'worker', 'holdfast.dev/cluster': 'south' })
  })
  test.after(async () => {
    for (const one of crossings) one.close()
    await Promise.all([fleet.remove(), kube?.stop(), south?.stop()])
  })

  test('the examples are applied as they are, and decide', async () => {
    const to = await fleet.node('beta-1').address()
    await becomes('alpha-1', to, PAGE, 'closed')
    await timed(
      'kubectl apply -f examples/',
      () => kubectl(kube, ['apply', '-f', examples]),
      () => becomes('alpha-1', to, PAGE, 'open'),
    )
  })

  test('nodes with blocks for pods lead to them, and a policy of either cluster lets in whom it names', async () => {
    await apply(kube, node('site-a', 'alpha-1', ALPHA))
    await apply(south, node('site-b', 'beta-1', BETA))
    await timed(
      'a policy that opens, of the other cluster',
      () => apply(south, letsIn('db', 'web', 'sql')),
      () => sql('web', 'open'),
    )
    await sql('batch', 'closed')
    await page('closed')
    await timed(
      'a policy that opens',
      () => apply(kube, letsIn('web', 'db', PAGE)),
      () => page('open'),
    )
  })

  test('a route of the Gateway API lets a stranger of the internet in to a pod, and nobody when it is deleted', async () => {
    const [door, stranger] = [internetAddress(topology, 'door'), internetAddress(topology, 'stranger')]
    await timed(
      'a Gateway and a TCPRoute',
      () =>
        kubectl(
          kube,
          ['apply', '-f', '-'],
          JSON.stringify({ apiVersion: 'v1', kind: 'List', items: routed(stranger) }),
        ),
      () => becomes('stranger', door, DOOR_PORT, 'open'),
    )
    await timed(
      'a TCPRoute that is deleted',
      () => kubectl(kube, ['delete', 'tcproute', '-n', 'shop', 'page']),
      () => becomes('stranger', door, DOOR_PORT, 'closed'),
    )
  })

  test('Nodes of either cluster tell schedulers of the uplinks of their devices', async () => {
    for (const [api, name] of [
      [kube, 'site-a'],
      [south, 'site-b'],
    ] as const) {
      const probe = async () => {
        const labels = await kubectl(api, ['get', 'node', name, '-o', 'jsonpath={.metadata.labels}'])
        return holds(labels.includes('"holdfast.dev/uplink-metered":"false"'), labels)
      }
      await waitFor(`${name} is labelled`, probe, { timeoutMs: 60_000 })
    }
  })

  test('a policy that names others closes and opens running pods', async () => {
    await timed(
      'a policy that closes, of the other cluster',
      () => apply(south, letsIn('db', 'batch', 'sql')),
      () => sql('web', 'closed'),
    )
    await sql('batch', 'open')
    await timed(
      'a policy that closes',
      () => apply(kube, letsIn('web', 'nobody', PAGE)),
      () => page('closed'),
    )
  })

  test('a policy that is deleted allows nothing any more', async () => {
    await kubectl(south, ['delete', 'networkpolicy', '-n', 'shop', 'db'])
    await sql('batch', 'closed')
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
