// The hub put together: the one place that knows every part.

import type { Address } from '../shared/address/cidr.ts'
import { fromBase64, toBase64 } from '../shared/bytes.ts'
import { HoldfastError } from '../shared/errors.ts'
import { base32, type Name, type NodeId, parseName, parseNetworkId } from '../shared/ids.ts'
import { networkSpec } from '../shared/intent/network.ts'
import { type AnyResource, apiVersion, type Kind, parseWith, type Resource } from '../shared/intent/resource.ts'
import { keyIdOf } from '../shared/record/envelope.ts'
import { encodeRecord } from '../shared/record/record.ts'
import { anchorPin, leaveProofBytes } from '../shared/wire/enrol.ts'
import { createAddresses } from './compile/addresses.ts'
import { compile } from './compile/compile.ts'
import { createEnrol } from './enrol/enrol.ts'
import { createTokens } from './enrol/tokens.ts'
import { conditionsOf, type Progress, progress } from './fleet/conditions.ts'
import { Fleet } from './fleet/fleet.ts'
import type { Actor, FleetNode, Hub, HubEvent, HubOptions, Shown, Stored } from './hub.ts'
import { createNetworkLink, type NetworkLink } from './publish/network.ts'
import { Publisher } from './publish/publisher.ts'
import { Replies } from './publish/replies.ts'
import { type Change, createIntents } from './source/intents.ts'
import type { Enrolment, HubStore, NetworkState, TokenRecord } from './store/hub-store.ts'

interface Live {
  readonly state: NetworkState
  readonly publisher: Publisher
  readonly link: NetworkLink
}

const hubActor: Actor = { name: 'hub', role: 'admin' }

/** Raises the epoch of every network: after a restore, revisions that devices hold may be newer than the backup's. */
export function raiseEpoch(store: HubStore): void {
  store.transaction(() => {
    for (const network of store.networks()) store.putNetwork({ ...network, epoch: network.epoch + 1 })
  })
}

export function createHub(options: HubOptions, store: HubStore): Hub {
  const { clock, entropy, log, sha256 } = options
  const intents = createIntents(store, clock, entropy)
  let addresses = createAddresses(store)
  const enrolments = new Map<Name, Enrolment>(store.enrolments().map((e) => [e.name, e]))
  const networks = new Map<Name, Live>()
  const listeners = new Set<(event: HubEvent) => void>()
  let running = false

  const emit = (event: HubEvent): void => {
    for (const listener of listeners) listener(event)
  }
  const fleet = new Fleet({ ...options, store, emit })
  const pin = anchorPin(options.anchor, sha256)
  const tokens = createTokens({ store, clock, entropy, sha256, pin })
  const audit = (actor: Actor, verb: string, target: string, detail = ''): void =>
    store.putAudit({ at: clock.now(), actor: actor.name, verb, target, detail })

  const open = (state: NetworkState): Live => {
    const held = networks.get(state.name)
    if (held !== undefined) return held
    const publisher = new Publisher({
      ...options,
      store,
      network: state,
      onRevision: (version) => emit({ type: 'published', network: state.name, version }),
    })
    const replies = new Replies(state.id, publisher, { ...options, store })
    const link = createNetworkLink({ ...options, network: state, publisher, replies, fleet })
    const live = { state, publisher, link }
    networks.set(state.name, live)
    for (const envelope of options.keyCertificates) {
      const id = `key/${keyIdOf(options.signer.publicKey, sha256)}`
      publisher.set(id, encodeRecord({ kind: 'key', id, body: { envelope: toBase64(envelope) } }))
    }
    if (running) link.start()
    return live
  }

  const networkOf = (resource: AnyResource): Name =>
    resource.kind === 'Network' ? resource.metadata.name : (resource.spec.network as Name)

  const ownerOf = (resource: AnyResource): string => `${resource.kind.toLowerCase()}/${resource.metadata.name}`

  const addressesFor = (resource: AnyResource): readonly Address[] => {
    if (resource.kind !== 'Node' && resource.kind !== 'Service') return []
    const network = intents.get('Network', resource.spec.network)?.resource as Resource<'Network'> | undefined
    if (network === undefined) return []
    const fixed = resource.kind === 'Node' ? resource.spec.addresses : undefined
    return addresses.give(network.metadata.name, network.spec, ownerOf(resource), fixed)
  }

  /** Hands the record of one resource to its network's publisher. */
  const publishOne = (resource: AnyResource, present: boolean): void => {
    const live = networks.get(networkOf(resource))
    if (live === undefined || resource.kind === 'JoinToken') return
    const enrolment = resource.kind === 'Node' ? enrolments.get(resource.metadata.name) : undefined
    const context = {
      addresses: present ? addresses.of(live.state.name, ownerOf(resource)) : [],
      ...(enrolment === undefined ? {} : { enrolment }),
    }
    const compiled = present ? compile(resource, context) : undefined
    live.publisher.set(compiled?.id ?? ownerOf(resource), compiled?.bytes)
  }

  const cutOff = (enrolment: Enrolment): void => {
    enrolments.delete(enrolment.name)
    fleet.remove(enrolment.nodeId)
    options.brokerAccess
      .revoke(enrolment.nodeId)
      .catch((error: unknown) =>
        log.error('the broker could not be told to cut a node off', { node: enrolment.name, reason: String(error) }),
      )
  }

  const checkDelete = ({ before, after }: Change): void => {
    if (after !== undefined || before?.resource.kind !== 'Network') return
    const { name } = before.resource.metadata
    const user = (['Node', 'Policy', 'Route', 'Service'] as const)
      .flatMap((kind) => intents.list(kind))
      .find((stored) => networkOf(stored.resource) === name)
    if (user === undefined) return
    throw new HoldfastError('conflict', `network ${name} is still used by ${ownerOf(user.resource)}`, {
      remedy: 'Delete what belongs to it first.',
    })
  }

  /** Keeps changes in one transaction, then lets the parts know. Nothing is known anywhere if it fails. */
  const commit = (changes: readonly Change[], actor: Actor, extra: () => void = () => undefined): void => {
    const real = changes.filter((change) => change.before !== change.after)
    for (const change of real) checkDelete(change)
    const made: NetworkState[] = []
    intents.settle(real)
    try {
      store.transaction(() => {
        intents.keep(real)
        extra()
        for (const { before, after } of real) {
          const resource = (after ?? before)?.resource as AnyResource
          if (
            after !== undefined &&
            resource.kind === 'Network' &&
            !store.networks().some((n) => n.name === resource.metadata.name)
          ) {
            const state = { name: resource.metadata.name, id: parseNetworkId(base32(entropy.bytes(10), 12)), epoch: 1 }
            store.putNetwork(state)
            made.push(state)
          }
          if (after !== undefined) addressesFor(resource)
          else {
            addresses.release(networkOf(resource), ownerOf(resource))
            if (resource.kind === 'Node') store.deleteEnrolment(resource.metadata.name)
          }
          audit(actor, after === undefined ? 'delete' : before === undefined ? 'create' : 'update', ownerOf(resource))
        }
      })
    } catch (error) {
      intents.settle(
        real.map(({ before, after }) => ({
          ...(after === undefined ? {} : { before: after }),
          ...(before === undefined ? {} : { after: before }),
        })),
      )
      addresses = createAddresses(store)
      throw error
    }
    for (const state of made) open(state)
    for (const change of real) announce(change)
  }

  const announce = ({ before, after }: Change): void => {
    const resource = (after ?? before)?.resource as AnyResource
    const { kind, metadata } = resource
    if (after === undefined && kind === 'Node') {
      const enrolment = enrolments.get(metadata.name)
      if (enrolment !== undefined) cutOff(enrolment)
    }
    publishOne(resource, after !== undefined)
    const resourceVersion = (after ?? before)?.resourceVersion ?? ''
    emit({ type: after === undefined ? 'delete' : 'put', kind, name: metadata.name, resourceVersion })
    if (after === undefined && kind === 'Network') void closeNetwork(metadata.name)
  }

  const closeNetwork = async (name: Name): Promise<void> => {
    const live = networks.get(name)
    networks.delete(name)
    if (live === undefined) return
    store.deleteNetwork(name, live.state.id)
    await live.link.stop()
  }

  const addressesOf = (name: Name): readonly Address[] => {
    const node = intents.get('Node', name)?.resource
    return node === undefined ? [] : addresses.of(networkOf(node), `node/${name}`)
  }
  const fleetList = (): readonly FleetNode[] => fleet.list(addressesOf)

  const progressOf = (network: Name, nodes: readonly FleetNode[]): Progress | undefined => {
    const live = networks.get(network)
    const members = nodes.filter((node) => {
      const spec = (intents.get('Node', node.name)?.resource as Resource<'Node'> | undefined)?.spec
      return node.network === network && node.state !== 'pending' && spec?.disabled === false
    })
    return live === undefined ? undefined : progress(live.publisher.version, members)
  }

  const show = (list: readonly Stored[]): readonly Shown[] => {
    const nodes = fleetList()
    const byName = new Map(nodes.map((node) => [node.name, node]))
    const known = new Map<Name, Progress | undefined>()
    return list.map((stored) => {
      const { resource } = stored
      const network = networkOf(resource)
      if (!known.has(network)) known.set(network, progressOf(network, nodes))
      const node = resource.kind === 'Node' ? byName.get(resource.metadata.name) : undefined
      const owned = resource.kind === 'Node' || resource.kind === 'Service'
      const extra = owned ? { addresses: addresses.of(network, ownerOf(resource)) } : {}
      return { ...stored, status: { conditions: conditionsOf(stored, known.get(network), node), ...extra } }
    })
  }

  const admit = (enrolment: Enrolment, node: Resource<'Node'>, token: TokenRecord | undefined, actor: Actor): void => {
    const old = enrolments.get(enrolment.name)
    commit(intents.prepare([node]), actor, () => {
      store.putEnrolment(enrolment)
      if (token !== undefined) tokens.use(token)
      audit(actor, enrolment.state === 'approved' ? 'enrol' : 'ask', `node/${enrolment.name}`, enrolment.nodeId)
    })
    if (old !== undefined && old.nodeId !== enrolment.nodeId) cutOff(old)
    enrolments.set(enrolment.name, enrolment)
    fleet.add(enrolment)
    publishOne(node, true)
    emit({ type: 'node', name: enrolment.name, state: enrolment.state === 'approved' ? 'never-seen' : 'pending' })
  }

  const enrol = createEnrol({
    ...options,
    tokens,
    pin,
    access: options.brokerAccess,
    port: {
      enrolmentOf: (node: NodeId) => fleet.enrolment(node),
      enrolmentNamed: (name) => enrolments.get(name),
      nodeNamed: (name) => intents.get('Node', name)?.resource as Resource<'Node'> | undefined,
      networkOf: (name) => networks.get(name),
      admit,
    },
  })

  const putAll: Hub['putAll'] = (resources, actor, dryRun = false) => {
    const changes = intents.prepare(resources)
    if (!dryRun) commit(changes, actor)
    return show(changes.flatMap((change) => change.after ?? []))
  }

  const firstNetwork = (): void => {
    if (intents.list('Network').length > 0) return
    const random = Array.from(entropy.bytes(5), (byte) => byte.toString(16).padStart(2, '0')).join('')
    const cidr6 = `fd${random.slice(0, 2)}:${random.slice(2, 6)}:${random.slice(6, 10)}::/64`
    // 100.64.0.0/10 (RFC 6598) is never announced and seldom used inside sites.
    const spec = parseWith(networkSpec, { cidr: '100.80.0.0/16', cidr6 })
    putAll([{ apiVersion, kind: 'Network', metadata: { name: parseName('default') }, spec }], hubActor)
  }

  return {
    async start() {
      for (const state of store.networks()) open(state)
      fleet.load([...enrolments.values()])
      firstNetwork()
      for (const kind of ['Network', 'Node', 'Policy', 'Route', 'Service'] as const) {
        for (const stored of intents.list(kind)) publishOne(stored.resource, true)
      }
      for (const live of networks.values()) {
        await live.publisher.flush()
        live.publisher.reissueIfOutdated()
      }
      running = true
      for (const live of networks.values()) live.link.start()
    },
    async stop() {
      running = false
      for (const live of networks.values()) {
        await live.publisher.flush()
        await live.link.stop()
      }
      fleet.save()
      store.close()
    },
    put: (resource, actor) => putAll([resource], actor)[0] as Shown,
    putAll,
    get(kind: Kind, name) {
      const stored = intents.get(kind, name)
      return stored === undefined ? undefined : show([stored])[0]
    },
    list: (kind) => show(intents.list(kind)),
    delete(kind, name, actor, resourceVersion) {
      const change = intents.prepareDelete(kind, name, resourceVersion)
      if (change === undefined) return false
      commit([change], actor)
      return true
    },
    createToken(spec, actor) {
      if (intents.get('Network', spec.network) === undefined) {
        throw new HoldfastError('not-found', `there is no network ${spec.network}`, {
          field: 'spec.network',
          remedy: 'See `holdfast-hub get networks`.',
        })
      }
      const created = tokens.create(spec)
      audit(actor, 'create', `token/${created.id}`)
      return created
    },
    listTokens: () => tokens.list(),
    revokeToken(id, actor) {
      const done = tokens.revoke(id)
      if (done) audit(actor, 'revoke', `token/${id}`)
      return done
    },
    anchor: () => options.anchor,
    enrol,
    async approve(name, actor) {
      const enrolment = enrolments.get(name as Name)
      const node = intents.get('Node', name)?.resource as Resource<'Node'> | undefined
      if (enrolment === undefined || node === undefined) {
        throw new HoldfastError('not-found', `no device waits under the name ${name}`, {
          remedy: 'See `holdfast-hub get nodes`.',
        })
      }
      if (enrolment.state === 'pending') admit({ ...enrolment, state: 'approved' }, node, undefined, actor)
      await networks.get(enrolment.network)?.publisher.flush()
      return fleetList().find((one) => one.name === name) as FleetNode
    },
    async leave(nodeId, proof) {
      const enrolment = fleet.enrolment(nodeId)
      const proven =
        enrolment !== undefined && options.verify(fromBase64(enrolment.deviceKey), leaveProofBytes(nodeId), proof)
      if (enrolment === undefined || !proven)
        throw new HoldfastError('forbidden', 'the device could not prove who it is')
      store.transaction(() => {
        store.deleteEnrolment(enrolment.name)
        audit({ name: enrolment.name, role: 'device' }, 'leave', `node/${enrolment.name}`)
      })
      cutOff(enrolment)
      const node = intents.get('Node', enrolment.name)?.resource
      if (node !== undefined) publishOne(node, true)
    },
    fleet: fleetList,
    rollOut() {
      const nodes = fleetList()
      return [...networks.values()].flatMap(({ state }) => {
        const now = progressOf(state.name, nodes)
        if (now === undefined) return []
        const { version, members, acknowledged, pending, offline } = now
        return [{ network: state.name, networkId: state.id, version, nodes: members, acknowledged, pending, offline }]
      })
    },
    async flushed() {
      for (const live of networks.values()) await live.publisher.flush()
    },
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    audit: (limit) => store.audit(limit),
  }
}
