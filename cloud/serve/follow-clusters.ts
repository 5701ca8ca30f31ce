// Clusters that the hub follows: the one that it is part of, by its API server, and others, by agents in them.

import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { anchorPins } from '../../shared/wire/enrol.ts'
import type { Clusters } from '../clusters/clusters.ts'
import { createClusters } from '../clusters/create-clusters.ts'
import type { Hub } from '../hub.ts'
import type { Keeping } from '../replica/keeping.ts'
import type { HubStore } from '../store/hub-store.ts'
import type { HubKeys } from '../tls/hub-keys.ts'
import type { BrokerSide } from './broker-side.ts'
import type { ServeSettings } from './settings.ts'

interface Effects {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

/** The client library is loaded by who follows a cluster. Returns how to end it. */
export async function followCluster(
  hub: Hub,
  { cluster: { name: clusterName, network, nodeLabels } }: ServeSettings,
  { clock, entropy, log }: Effects,
  keeping: Keeping | undefined,
): Promise<() => Promise<void>> {
  const [{ openApiCluster }, { createController }] = await Promise.all([
    import('../kubernetes/api-cluster.ts'),
    import('../kubernetes/controller.ts'),
  ])
  const cluster = openApiCluster({ clock, entropy, log })
  const shared = keeping?.cluster(cluster) ?? cluster
  const controller = createController({
    hub,
    reports: hub,
    cluster: shared,
    derive: { clusterName, network },
    nodeLabels: () => nodeLabels,
    clock,
    log,
  })
  controller.start()
  return () => controller.stop()
}

interface Shared {
  readonly hubStore: HubStore
  readonly settings: ServeSettings
  readonly keeping: Keeping | undefined
}

interface Made {
  readonly hub: Hub
  readonly broker: BrokerSide
  readonly keys: Pick<HubKeys, 'anchor' | 'roots'>
}

export function openClusters(
  { hubStore, keeping, settings }: Shared,
  { broker, hub, keys }: Made,
  effects: Effects,
): Clusters {
  return createClusters({
    hub,
    store: hubStore,
    bus: keeping?.bus(broker.bus) ?? broker.bus,
    brokerAccess: broker.access,
    broker: broker.told,
    pins: anchorPins(keys.anchor, keys.roots, sha256),
    ownName: settings.kubernetes ? settings.cluster.name : undefined,
    guard: (cluster) => keeping?.cluster(cluster) ?? cluster,
    verify,
    ...effects,
  })
}
