// A whole fleet: a hub on the internet, agents at sites behind NATs, joined with tokens and given intent.

import type { AgentStatus } from '../../edge/agent.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { createLabHub, type LabHub } from './hub.ts'
import { createMosquitto, type LabBroker } from './mosquitto.ts'
import { createNet, type Net, reachFromHere } from './net.ts'
import { createLabNode, type LabNode, type NodeFlags } from './node.ts'
import { type MeshOptions, type Pinger, waitForMesh } from './ping.ts'
import { lastWords } from './story.ts'
import { internetAddress, type Topology } from './topology.ts'
import { type Seen, type Waited, waitFor } from './wait.ts'

export interface FleetShape {
  /** Its first host on the internet is the hub, the others are devices. */
  readonly topology: Topology
  /** YAML texts or objects, applied before devices join. */
  readonly intent: readonly (string | object)[]
  /** Embedded where absent; Mosquitto runs on the hub's host. */
  readonly broker?: 'mosquitto'
  /** Where the hub serves HTTPS, and MQTT over WebSocket; 8443 where absent. */
  readonly hubPort?: number
  /** The hub's host runs an agent, too, whose relay has port 443 and passes on to the hub what is the hub's. */
  readonly onePort?: boolean
  /** Further words for the hub, and its environment. */
  readonly serve?: readonly string[]
  readonly hubEnv?: Readonly<Record<string, string>>
  /** All agents have the rights of their unit alone, and not all of root. */
  readonly asUnit?: boolean
  /** Further words for the agents of some devices. */
  readonly flags?: Readonly<Record<string, NodeFlags>>
  /** Changes the network before anything runs on it. */
  readonly prepare?: (net: Net) => Promise<void>
  /** Gives this machine a cable to the hub, for browsers and people here. */
  readonly desk?: boolean
  /** Told what is being done. */
  readonly onProgress?: (doing: string) => void
}

export interface Fleet {
  readonly net: Net
  readonly hub: LabHub
  /** Undefined where the broker is the hub's own. */
  readonly broker: LabBroker | undefined
  readonly nodes: readonly LabNode[]
  /** Address of the hub as seen from this machine, where the shape asks for a desk. */
  readonly hubAtDesk: string | undefined
  node(name: string): LabNode
  /** Every pair, both address families. */
  mesh(options?: Partial<MeshOptions> & { readonly among?: readonly LabNode[] }): Promise<Waited<number>>
  /** Waits until every node, or every one of `among`, acknowledged the hub's newest revision. */
  acknowledged(among?: readonly LabNode[]): Promise<Waited<number>>
  /** Waits until a status of the node satisfies `check`. */
  sees(
    node: LabNode,
    expected: string,
    check: (status: AgentStatus) => boolean,
    timeoutMs?: number,
  ): Promise<Waited<AgentStatus>>
  remove(): Promise<void>
}

const HTTPS_PORT = 8_443
const HUB_BEHIND = '127.0.0.1:8443'
const MESH_TIMEOUT_MS = 60_000
const STATE_TIMEOUT_MS = 30_000

interface Member {
  readonly node: LabNode
  readonly labels: Readonly<Record<string, string>>
}

/** The first host of a site is its gateway, the others its workers; those on the internet are relays, but for the hub. */
function membersOf(net: Net, { asUnit = false, flags = {}, onePort = false }: FleetShape): readonly Member[] {
  const hub: Record<string, NodeFlags> = onePort
    ? { [hubName(net)]: { agent: ['--hub-behind', HUB_BEHIND, '--lan', 'false'] } }
    : {}
  const runsAgent = (host: string): boolean => net.topology.bystanders?.includes(host) !== true
  const member = (host: string, site: string, role: string): Member => {
    return { node: createLabNode(net.host(host), { asUnit, ...{ ...hub, ...flags }[host] }), labels: { site, role } }
  }
  return [
    ...net.topology.internet
      .slice(onePort ? 0 : 1)
      .filter(runsAgent)
      .map((host) => member(host, 'internet', 'relay')),
    ...net.topology.sites.flatMap(({ hosts, name }) =>
      hosts.filter(runsAgent).map((host, i) => member(host, name, i === 0 ? 'gateway' : 'worker')),
    ),
  ]
}

async function joinAll(hub: LabHub, members: readonly Member[]): Promise<void> {
  const { token } = await hub.token('--uses', String(members.length))
  await Promise.all(
    members.map(async ({ node, labels }) => {
      await node.join(hub.url, token, labels)
      await node.start()
    }),
  )
}

function summaryOf({ health, hub, mode, peers, revision }: AgentStatus): string {
  const paths = peers.map(({ name, path }) => `${name} ${path}`).join(', ')
  const conditions = health.map(({ code, detail }) => (detail === undefined ? code : `${code} (${detail})`)).join(', ')
  const held = `held ${revision.held.revision}, applied ${revision.applied.revision}`
  return `${mode}, hub ${hub.connected ? 'connected' : 'not connected'}, ${held}, peers: ${paths}; health: ${conditions || 'good'}`
}

function hubName({ topology }: Net): string {
  const [name] = topology.internet
  if (name !== undefined) return name
  throw new HoldfastError('invalid', 'the topology has no host for the hub')
}

/** The relay in front of the hub joins at the hub itself; the others have to find its port open. */
async function openOnePort(hub: LabHub, { labels, node }: Member): Promise<void> {
  const { token } = await hub.token()
  await node.join(`https://${HUB_BEHIND}`, token, labels)
  await node.start()
  const { hostname } = new URL(hub.url)
  const look = `require('net').connect(443, '${hostname}').on('connect', () => process.exit(0)).on('error', () => process.exit(1))`
  const probe = async (): Promise<Seen<true>> => {
    const { code } = await hub.host.attempt([process.execPath, '-e', look])
    return code === 0 ? { done: true } : { notYet: 'nobody listens' }
  }
  await waitFor('the one port is open', probe, { timeoutMs: STATE_TIMEOUT_MS, everyMs: 50 })
}

async function createCentre(net: Net, shape: FleetShape): Promise<Pick<Fleet, 'hub' | 'broker'>> {
  const name = hubName(net)
  const host = net.host(name)
  const address = internetAddress(net.topology, name)
  const broker = shape.broker === undefined ? undefined : await createMosquitto(host, address)
  await broker?.start()
  if (shape.onePort === true) {
    const own = ['--listen', HUB_BEHIND, '--mqtt', HUB_BEHIND, '--name', address]
    return { hub: createLabHub({ host, url: `https://${address}:443`, serve: own }), broker }
  }
  const port = shape.hubPort ?? HTTPS_PORT
  const serve = ['--listen', `0.0.0.0:${port}`, ...(broker?.serve ?? []), ...(shape.serve ?? [])]
  const hub = createLabHub({ host, url: `https://${address}:${port}`, serve, env: shape.hubEnv ?? {} })
  return { hub, broker }
}

export async function startFleet(shape: FleetShape): Promise<Fleet> {
  const told = shape.onProgress ?? ((): void => undefined)
  told('lays the cables and boots the hosts')
  const net = await createNet(shape.topology)
  try {
    await shape.prepare?.(net)
    const { broker, hub } = await createCentre(net, shape)
    // Before the hub starts, so that its certificate names this address too.
    const hubAtDesk = shape.desk === true ? await reachFromHere(hub.host) : undefined
    const members = membersOf(net, shape)
    told('starts the hub and applies intent')
    await hub.start()
    await hub.apply(...shape.intent)
    told(`joins ${members.length} devices and starts their agents`)
    const [first, ...others] = members
    if (shape.onePort === true && first !== undefined) {
      await openOnePort(hub, first)
      await joinAll(hub, others)
    } else await joinAll(hub, members)
    const nodes = members.map(({ node }) => node)
    return assemble({ net, hub, broker, nodes, hubAtDesk })
  } catch (error) {
    process.stdout.write(`\n${lastWords(net.hosts())}`)
    await net.remove()
    throw error
  }
}

type Parts = Pick<Fleet, 'net' | 'hub' | 'broker' | 'nodes' | 'hubAtDesk'>

function assemble({ broker, hub, hubAtDesk, net, nodes }: Parts): Fleet {
  const pinger = async (node: LabNode): Promise<Pinger> => ({ host: node.host, addresses: await node.addresses() })
  return {
    net,
    hub,
    broker,
    nodes,
    hubAtDesk,
    node(name) {
      const found = nodes.find((node) => node.name === name)
      if (found === undefined) throw new HoldfastError('not-found', `no device is called "${name}"`)
      return found
    },
    async mesh({ among = nodes, ...options } = {}) {
      return waitForMesh(await Promise.all(among.map(pinger)), { timeoutMs: MESH_TIMEOUT_MS, ...options })
    },
    acknowledged: (among = nodes) =>
      waitFor(
        `${among.length} devices acknowledge the newest revision`,
        async (): Promise<Seen<number>> => {
          const { acknowledged, offline, pending, version } = await hub.rollOut()
          const late = among.filter(({ name }) => [...offline, ...pending].some((other) => other === name))
          if (late.length === 0 && acknowledged >= among.length) return { done: version.revision }
          return {
            notYet: `revision ${version.revision}: ${acknowledged} have, ${late.map(({ name }) => name).join(', ')} not`,
          }
        },
        { timeoutMs: STATE_TIMEOUT_MS, everyMs: 200 },
      ),
    sees: (node, expected, check, timeoutMs = STATE_TIMEOUT_MS) =>
      waitFor(
        `${node.name}: ${expected}`,
        async (): Promise<Seen<AgentStatus>> => {
          const status = await node.status()
          return check(status) ? { done: status } : { notYet: summaryOf(status) }
        },
        { timeoutMs },
      ),
    remove: () => net.remove(),
  }
}
