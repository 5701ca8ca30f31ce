// Follows clusters that are not the hub's own. Each has an agent, a key, a channel at the broker, and a controller that changes
// what follows from its objects and nothing else.

import type { BusFactory, Clock, Entropy, Log, Timer, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { Name } from '../../shared/ids.ts'
import type { BrokerAccess } from '../broker-access.ts'
import type { Hub, HubOptions } from '../hub.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { type Controller, createController } from '../kubernetes/controller.ts'
import { isOurs } from '../kubernetes/imports/plan.ts'
import type { HubStore } from '../store/hub-store.ts'
import { makeClusterKey } from './cluster-key.ts'
import { createClusterRenewal } from './cluster-renewal.ts'
import type { Clusters, ClusterView } from './clusters.ts'
import { type Conversation, createConversation } from './conversation.ts'
import { fleetOf, ownKinds, ownOf, ownPart, type Part } from './own-part.ts'
import { createAdvertising } from './pod-places.ts'
import { type ClusterRow, openRegistry } from './registry.ts'

export interface ClustersOptions {
  readonly hub: Hub
  readonly store: Pick<HubStore, 'putValue' | 'value'>
  readonly bus: BusFactory
  readonly brokerAccess: BrokerAccess
  readonly broker: HubOptions['broker']
  /** Of the hub: the present one first. */
  readonly pins: readonly Uint8Array[]
  /** What the cluster is called that the hub is part of; no other has that name. Undefined where it follows none. */
  readonly ownName: string | undefined
  /** Stands around each cluster where the hub shares its state. */
  readonly guard: (cluster: Cluster) => Cluster
  readonly verify: Verify
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

/** People wait for the answer, and a cluster may be slow. */
const RELEASE_MS_MAX = 15_000
const GATHER_MS = 200

interface Live {
  readonly conversation: Conversation
  controller: Controller
}

function noCluster(name: string): HoldfastError {
  return new HoldfastError('not-found', `there is no cluster ${name.slice(0, 40)}`, {
    remedy: 'See `holdfast-hub cluster list`.',
  })
}

export function createClusters(options: ClustersOptions): Clusters {
  const { brokerAccess, clock, entropy, hub, log, store } = options
  const registry = openRegistry(store)
  const live = new Map<string, Live>()
  const renewal = createClusterRenewal({ ...options, registry })
  let running = false
  let [gathering, unwatch]: [Timer | undefined, (() => void) | undefined] = [undefined, undefined]

  const rowOf = (name: string): ClusterRow => {
    const row = registry.get(name)
    if (row === undefined) throw noCluster(name)
    return row
  }
  const partOf = ({ name, network }: ClusterRow): Part => ({ cluster: name, network })

  const advertised = createAdvertising({
    hub,
    log,
    isKnown: (name) => registry.get(name) !== undefined,
    isLeft: options.ownName !== undefined,
  })
  const place = (): void => {
    gathering = undefined
    advertised.turn()
  }

  const controllerFor = (row: ClusterRow, conversation: Conversation): Controller => {
    const { name, network, podBlocks } = row
    return createController({
      hub: ownPart(hub, partOf(row)),
      fleet: fleetOf(hub, partOf(row)),
      cluster: options.guard(conversation.remote),
      derive: { clusterName: name, network, confined: { podBlocks } },
      nodeLabels: () => conversation.remote.knows().nodeLabels,
      actor: { name: `cluster/${name}`, role: 'admin' },
      clock,
      log,
    })
  }

  const keepContact = (name: string): void => {
    const row = registry.get(name)
    const at = live.get(name)?.conversation.lastContact()
    if (row !== undefined && at !== undefined) registry.put({ ...row, lastContact: at })
  }

  const open = (row: ClusterRow): void => {
    const { name } = row
    const conversation = createConversation({
      ...options,
      row: () => rowOf(name),
      bind: (uid) => registry.put({ ...rowOf(name), uid }),
      onTurn: () => keepContact(name),
    })
    const controller = controllerFor(row, conversation)
    live.set(name, { conversation, controller })
    if (!running) return
    conversation.start()
    controller.start()
  }

  const close = async (name: string): Promise<void> => {
    const held = live.get(name)
    await held?.controller.stop()
    await held?.conversation.stop()
    live.delete(name)
  }

  const viewOf = (row: ClusterRow): ClusterView => {
    const { createdAt, name, network, podBlocks } = row
    const conversation = live.get(name)?.conversation
    const own = ownOf(hub, partOf(row))
    const [policies = 0, routes = 0, services = 0] = ownKinds.map(
      (kind) => own.filter((one) => one.kind === kind).length,
    )
    const objects = conversation?.remote.count()
    const heard = conversation?.remote.inputs().ServiceImport
    const imports = Array.isArray(heard) ? heard.filter(isOurs).length : undefined
    const [version, problem] = [conversation?.agentVersion(), conversation?.problem()]
    const lastContact = conversation?.lastContact() ?? row.lastContact
    const isAway = lastContact === undefined ? 'never-seen' : 'away'
    const isShut = problem === undefined ? isAway : 'refused'
    const state = conversation?.isOpen() === true ? (objects === undefined ? 'reading' : 'connected') : isShut
    return {
      name,
      network,
      podBlocks,
      createdAt,
      state,
      policies,
      routes,
      services,
      ...(lastContact === undefined ? {} : { lastContact }),
      ...(version === undefined ? {} : { version }),
      ...(objects === undefined ? {} : { objects }),
      ...(imports === undefined ? {} : { imports }),
      ...(problem === undefined ? {} : { problem }),
    }
  }

  const release = async (name: string): Promise<boolean> => {
    const remote = live.get(name)?.conversation.remote
    if (remote?.objects() === undefined) return false
    const { promise: late, resolve } = Promise.withResolvers<false>()
    const timer = clock.after(RELEASE_MS_MAX, () => resolve(false))
    const done = remote.release(name).then(
      () => true,
      (error: unknown) => {
        log.warn('the cluster is not rid of what the hub wrote there', { cluster: name, why: describeError(error) })
        return false
      },
    )
    const isReleased = await Promise.race([done, late])
    timer.cancel()
    return isReleased
  }

  for (const row of registry.list()) open(row)

  return {
    ...renewal,
    start() {
      running = true
      unwatch = hub.watch((event) => {
        if (event.type !== 'put' && event.type !== 'delete') return
        if (event.kind !== 'Route' && event.kind !== 'Node') return
        gathering ??= clock.after(GATHER_MS, place)
      })
      for (const { controller, conversation } of live.values()) {
        conversation.start()
        controller.start()
      }
    },
    async stop() {
      running = false
      unwatch?.()
      gathering?.cancel()
      await Promise.all([...live.keys()].map(close))
    },
    list: () => registry.list().map(viewOf),
    nodes: () => registry.list().map(({ node }) => node),
    add({ name, network, podBlocks }, actor) {
      if (registry.get(name) !== undefined || name === options.ownName) {
        throw new HoldfastError('conflict', `a cluster is called ${name} already`, {
          field: 'name',
          remedy: 'Choose another name, or give that one another key: holdfast-hub cluster rekey NAME.',
        })
      }
      if (hub.get('Network', network) === undefined) {
        throw new HoldfastError('not-found', `there is no network ${network}`, {
          field: 'network',
          remedy: 'See `holdfast-hub get networks`.',
        })
      }
      const { channel, key, node, word } = makeClusterKey(entropy, options.pins[0] ?? new Uint8Array(32))
      const row: ClusterRow = { name, network: network as Name, podBlocks, createdAt: clock.now(), node, channel, key }
      hub.note(actor, 'create', `cluster/${name}`, `network ${network}, pods ${podBlocks.join(' ') || 'none'}`)
      registry.put(row)
      open(row)
      return { cluster: viewOf(row), key: word }
    },
    async set(name, { podBlocks }, actor) {
      const row = { ...rowOf(name), podBlocks }
      hub.note(actor, 'set', `cluster/${name}`, `pods ${podBlocks.join(' ') || 'none'}`)
      registry.put(row)
      const held = live.get(name)
      if (held !== undefined) {
        await held.controller.stop()
        held.controller = controllerFor(row, held.conversation)
        if (running) held.controller.start()
      }
      return viewOf(row)
    },
    async rekey(name, actor) {
      const { uid: _, ...before } = rowOf(name)
      const { channel, key, node, word } = makeClusterKey(entropy, options.pins[0] ?? new Uint8Array(32))
      hub.note(actor, 'rekey', `cluster/${name}`)
      const row: ClusterRow = { ...before, node, channel, key }
      registry.put(row)
      await close(name)
      await brokerAccess.revoke(before.node)
      open(row)
      return { cluster: viewOf(row), key: word }
    },
    async remove(name, actor) {
      const row = rowOf(name)
      hub.note(actor, 'remove', `cluster/${name}`)
      await live.get(name)?.controller.stop()
      // One that never spoke has nothing of the hub's.
      const isReleased = row.lastContact === undefined || (await release(name))
      await close(name)
      const own = ownOf(hub, partOf(row))
      for (const { kind, metadata } of own) hub.delete(kind, metadata.name, actor)
      place()
      registry.delete(name)
      await brokerAccess.revoke(row.node)
      return { records: own.length, isReleased }
    },
  }
}
