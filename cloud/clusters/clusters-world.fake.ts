// A hub in memory, and clusters in memory whose agents talk with it over a broker in memory.

import { memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { verify } from '../../shared/host/crypto.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { admin, createWorld, resource } from '../hub-world.fake.ts'
import { FakeCluster } from '../kubernetes/cluster.fake.ts'
import { createClusterAgent } from './cluster-agent.ts'
import { parseClusterKey } from './cluster-key.ts'
import type { Clusters } from './clusters.ts'
import { createClusters } from './create-clusters.ts'

const SETTLE_MS = 90_000

/** @testonly */
export async function openClusters(ownName?: string) {
  const world = createWorld()
  const { broker, clock, hub, revoked, store } = world
  await world.start()
  const lines: Parameters<typeof memoryLog>[0] = []
  let lives = 0
  const make = (): Clusters => {
    const life = ++lives
    return createClusters({
      hub,
      store,
      bus: (options) => broker.factory(`clusters-${life}-${options.will.topic}`)(options),
      brokerAccess: {
        allow: async () => undefined,
        revoke: async (node) => void revoked.push(node),
        suspend: async () => undefined,
        resume: async () => undefined,
        credential: () => undefined,
      },
      broker: { url: '', webSocketPath: '/mqtt' },
      pins: [new Uint8Array(32)],
      ownName,
      guard: (cluster) => cluster,
      verify,
      clock,
      entropy: seededEntropy(11 + life),
      log: memoryLog(lines),
    })
  }
  let clusters = make()
  clusters.start()
  const settle = () => clock.advanceAsync(SETTLE_MS)
  let agents = 0

  /** An agent with the key `word` in a cluster. */
  const agentOf = async (
    word: string,
    cluster = new FakeCluster(),
    uid = 'uid-north',
    version = '1.0.0',
    nodeLabels = false,
  ) => {
    const { channel: network, node } = parseClusterKey(word)
    const agent = createClusterAgent({
      cluster,
      clusterUid: uid,
      bus: broker.factory(node),
      network,
      node,
      version,
      nodeLabels,
      clock,
      entropy: seededEntropy(100 + ++agents),
      log: memoryLog(lines),
    })
    agent.start()
    await settle()
    return { agent, cluster, node, network }
  }

  return {
    world,
    hub,
    broker,
    clock,
    lines,
    settle,
    get clusters() {
      return clusters
    },
    agentOf,
    async join(name: string, podBlocks: readonly string[] = [], uid = `uid-${name}`, nodeLabels = false) {
      const { key } = clusters.add({ name, network: 'default', podBlocks: podBlocks as never }, admin)
      return { key, ...(await agentOf(key, new FakeCluster(), uid, '1.0.0', nodeLabels)) }
    },
    /** The hub ends and begins anew on the same disk. */
    async restart() {
      await clusters.stop()
      clusters = make()
      clusters.start()
      await settle()
    },
    view: (name: string) => clusters.list().find((one) => one.name === name),
    policies: () => hub.list('Policy').map(({ resource: one }) => one.metadata.name as string),
    routes: () => hub.list('Route').map(({ resource: one }) => one.metadata.name as string),
    policy: (name: string) => hub.get('Policy', name)?.resource as Resource<'Policy'> | undefined,
    node: (name: string) => hub.get('Node', name)?.resource as Resource<'Node'> | undefined,
    putNode: (name: string, labels: object) => hub.put(resource('Node', name, { labels }), admin),
  }
}
