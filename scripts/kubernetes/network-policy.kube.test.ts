// A NetworkPolicy that people apply with kubectl decides over packets between two sites: read by a hub that follows the cluster,
// signed, and enforced by the gateways, which tell of their pods themselves. Nothing else is told to the hub.

import { test } from 'uvu'
import { customResourceDefinitions } from '../../cloud/kubernetes/definitions.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { run } from '../laboratory/command.ts'
import { ask, serve } from '../laboratory/conversation.ts'
import { type Fleet, startFleet } from '../laboratory/fleet.ts'
import { gatewayNodes, homeSite, network, pingPolicy } from '../laboratory/shapes.ts'
import type { Topology } from '../laboratory/topology.ts'
import { holds, waitFor } from '../laboratory/wait.ts'
import { whyNoLab } from '../testing/privilege.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'
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
const SQL = 5_432

const topology: Topology = {
  internet: ['hub'],
  sites: [
    homeSite('alpha', ['alpha-1'], { backyard: { gateway: 'alpha-1', hosts: ['web', 'batch'] } }),
    homeSite('beta', ['beta-1'], { backyard: { gateway: 'beta-1', hosts: ['db'] } }),
  ],
}

const node = (name: string, device: string, block: string): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'holdfast.dev/node': device, 'holdfast.dev/pod-site': name } },
  spec: { podCIDR: `${block}.0/24`, podCIDRs: [`${block}.0/24`] },
})

const sql = (app: string): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'sql', namespace: 'shop' },
  spec: {
    podSelector: { matchLabels: { app: 'db' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app } } }], ports: [{ port: 'sql' }] }],
  },
})

const agent = (name: string) => ({ agent: ['--kubernetes', kubeconfigPath, '--kubernetes-node', name] })

const why = whyNoLab() ?? whyNoApiServer()
if (why === undefined) {
  let api: ApiServer
  let fleet: Fleet
  let crossing: ApiCrossing
  const apply = (object: object): Promise<string> =>
    run(['kubectl', '--kubeconfig', api.kubeconfig, 'apply', '-f', '-'], { input: JSON.stringify(object) })
  /** Whether `from` reaches the database; resolves once it is as expected. */
  const becomes = async (from: string, expected: 'open' | 'closed'): Promise<void> => {
    const probe = async () => {
      const seen = await ask(fleet.net.host(from), 'tcp', `${BETA}.11`, SQL)
      return holds((seen === undefined) === (expected === 'closed'), seen ?? 'silence')
    }
    await waitFor(`from ${from} it is ${expected}`, probe, { timeoutMs: 20_000, everyMs: 20 })
  }
  const timed = async (what: string, object: object, from: string, expected: 'open' | 'closed'): Promise<void> => {
    await apply(object)
    const at = systemClock.monotonic()
    await becomes(from, expected)
    process.stdout.write(`${what}: ${Math.round(systemClock.monotonic() - at)} ms after kubectl was done\n`)
  }

  test.before(async () => {
    api = await startApiServer()
    for (const one of customResourceDefinitions()) {
      await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', one)
    }
    await createNamespace(api, 'holdfast', {})
    await createNamespace(api, 'shop', {})
    crossing = new ApiCrossing(api.url)
    fleet = await startFleet({
      topology,
      intent: [network, pingPolicy, ...gatewayNodes(topology)],
      serve: ['--kubernetes'],
      hubEnv: { KUBECONFIG: kubeconfigPath },
      flags: { 'alpha-1': agent('site-a'), 'beta-1': agent('site-b') },
      async prepare(net) {
        for (const name of ['hub', 'alpha-1', 'beta-1']) {
          layKubeconfig(net.host(name), api, api.token)
          await crossing.toHost(net.host(name))
        }
        await layBridge(net.host('alpha-1'), ALPHA)
        await layBridge(net.host('beta-1'), BETA)
      },
    })
    await givePodAddress(fleet.net.host('web'), ALPHA, 11)
    await givePodAddress(fleet.net.host('batch'), ALPHA, 12)
    await givePodAddress(fleet.net.host('db'), BETA, 11)
    await serve(fleet.net.host('db'), ['tcp', SQL])
    const shop = { namespace: 'shop' }
    await createPod(api, { ...shop, name: 'web', node: 'site-a', labels: { app: 'web' }, ip: `${ALPHA}.11` })
    await createPod(api, { ...shop, name: 'batch', node: 'site-a', labels: { app: 'batch' }, ip: `${ALPHA}.12` })
    await createPod(api, { ...shop, name: 'db', node: 'site-b', labels: { app: 'db' }, ip: `${BETA}.11` })
  })
  test.after(async () => {
    crossing.close()
    await Promise.all([fleet.remove(), api.stop()])
  })

  test('nodes with blocks for pods lead to them, and a policy lets in whom it names', async () => {
    await apply(node('site-a', 'alpha-1', ALPHA))
    await apply(node('site-b', 'beta-1', BETA))
    await timed('a policy that opens', sql('web'), 'web', 'open')
    await becomes('batch', 'closed')
  })

  test('a policy that names others closes and opens running pods', async () => {
    await timed('a policy that closes', sql('batch'), 'web', 'closed')
    await becomes('batch', 'open')
  })

  test('a policy that is deleted allows nothing any more', async () => {
    await run(['kubectl', '--kubeconfig', api.kubeconfig, 'delete', 'networkpolicy', '-n', 'shop', 'sql'])
    await becomes('batch', 'closed')
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
