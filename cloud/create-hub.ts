// The hub put together: the one place that knows every part.

import { fromBase64 } from '../shared/bytes.ts'
import { HoldfastError } from '../shared/errors.ts'
import { type Name, type NodeId, parseName } from '../shared/ids.ts'
import { type AnyResource, appliedKinds, type Resource } from '../shared/intent/resource.ts'
import { anchorPin, leaveProofBytes } from '../shared/wire/enrol.ts'
import { createAddresses } from './compile/addresses.ts'
import { compile, recordIdOf } from './compile/compile.ts'
import { createEnrol } from './enrol/enrol.ts'
import { createMembership } from './enrol/membership.ts'
import { createRenewal } from './enrol/renew.ts'
import { createTokens } from './enrol/tokens.ts'
import { createListeners } from './event-listeners.ts'
import { firstNetwork } from './first-network.ts'
import { createCanaries } from './fleet/canaries.ts'
import { Fleet } from './fleet/fleet.ts'
import { createStatus } from './fleet/status.ts'
import type { Actor, Hub, HubEvent, HubOptions, Shown } from './hub.ts'
import { createNetworks } from './publish/networks.ts'
import { type Committed, createCommit } from './source/commit.ts'
import { type Change, createIntents, networkNameOf, subjectOf } from './source/intents.ts'
import type { Enrolment, HubStore, TokenRecord } from './store/hub-store.ts'

const hubActor: Actor = { name: 'hub', role: 'admin' }

function isDisabled(resource: AnyResource): boolean {
  return resource.kind === 'Node' && resource.spec.disabled
}

/** Everything that knows who is a member; the rest of the hub is put together from it. */
function createCore(options: HubOptions, store: HubStore) {
  const { clock, entropy, log, sha256 } = options
  const listeners = createListeners(log)
  const emit = (event: HubEvent): void => listeners.emit(event)
  const intents = createIntents(store, clock, entropy)
  const addresses = createAddresses(store)
  const enrolments = new Map<Name, Enrolment>(store.enrolments().map((enrolment) => [enrolment.name, enrolment]))
  const newest = (network: Name) => networks.get(network)?.publisher.version
  const fleet = new Fleet({ ...options, store, emit, newest })
  const networks = createNetworks({ ...options, store, fleet, emit })
  const commit = createCommit({ store, clock, entropy, intents, addresses, networks, enrolments })
  const status = createStatus({ clock, intents, addresses, enrolments, networks, fleet, canaries: () => canaries })
  const signed = (network: Name) => (networks.get(network)?.publisher.isSigned === true ? newest(network) : undefined)
  const finish = (name: Name): void => void remove('Canary', name, hubActor)
  const canaries = createCanaries({ clock, log, intents, members: status.members, newest: signed, finish })
  const pin = anchorPin(options.anchor, sha256)
  const tokens = createTokens({ store, clock, entropy, sha256, pin })

  const membership = createMembership({ access: options.brokerAccess, fleet, networks, log })

  const cutOff = (enrolment: Enrolment): void => {
    enrolments.delete(enrolment.name)
    membership.end(enrolment)
  }

  /** Who is disabled or enabled by a change of its Node. */
  const turn = ({ after, before }: Change): void => {
    const enrolment = after?.resource.kind === 'Node' ? enrolments.get(after.resource.metadata.name) : undefined
    const was = before !== undefined && isDisabled(before.resource)
    const is = after !== undefined && isDisabled(after.resource)
    if (enrolment === undefined || was === is) return
    if (is) membership.suspend(enrolment)
    else membership.resume(enrolment)
  }

  /** Lets every part know of what is on the disk now. */
  const announce = (changes: readonly Change[], { made, records }: Committed): void => {
    for (const state of made) networks.open(state)
    for (const [network, own] of records) {
      const publisher = networks.get(network)?.publisher
      for (const [id, bytes] of own) publisher?.set(id, bytes)
    }
    for (const change of changes) {
      const { before, after } = change
      if (before === after) continue
      const { kind, metadata } = subjectOf(change)
      const { name } = metadata
      const leaving = after === undefined && kind === 'Node' ? enrolments.get(name) : undefined
      if (leaving !== undefined) cutOff(leaving)
      turn(change)
      if (after === undefined) status.forget(kind, name)
      if (after === undefined && kind === 'Network') {
        for (const token of tokens.list()) if (token.network === name) tokens.revoke(token.id)
        void networks.drop(name)
      }
      const resourceVersion = (after ?? before)?.resourceVersion ?? ''
      emit({ type: after === undefined ? 'delete' : 'put', kind, name, resourceVersion })
    }
  }

  const putAll: Hub['putAll'] = (resources, actor, dryRun = false) => {
    const changes = intents.prepare(resources)
    const committed = commit(changes, actor, {}, dryRun)
    if (!dryRun) announce(changes, committed)
    return status.show(changes.flatMap((change) => change.after ?? []))
  }

  const remove: Hub['delete'] = (kind, name, actor, resourceVersion) => {
    const change = intents.prepareDelete(kind, name, resourceVersion)
    if (change === undefined) return false
    announce([change], commit([change], actor))
    return true
  }

  const admit = (enrolment: Enrolment, node: Resource<'Node'>, token: TokenRecord | undefined, actor: Actor): void => {
    const { name, nodeId, state } = enrolment
    const old = enrolments.get(name)
    let used: TokenRecord | undefined
    const changes = intents.prepare([node])
    const verb = token === undefined ? 'approve' : state === 'approved' ? 'enrol' : 'ask'
    const committed = commit(changes, actor, {
      enrolment: { of: name, next: enrolment },
      store() {
        store.putEnrolment(enrolment)
        if (token !== undefined) used = tokens.use(token)
        store.putAudit({ at: clock.now(), actor: actor.name, verb, target: `node/${name}`, detail: nodeId })
      },
    })
    if (used !== undefined) tokens.settle(used)
    if (old !== undefined && old.nodeId !== nodeId) cutOff(old)
    enrolments.set(name, enrolment)
    fleet.add(enrolment)
    announce(changes, committed)
    emit({ type: 'node', name, state: status.node(name)?.state ?? 'never-seen' })
  }

  const leave = (enrolment: Enrolment): void => {
    const { name } = enrolment
    const committed = commit([], hubActor, {
      enrolment: { of: name, next: undefined },
      store() {
        store.deleteEnrolment(name)
        store.putAudit({ at: clock.now(), actor: name, verb: 'leave', target: `node/${name}`, detail: '' })
      },
    })
    cutOff(enrolment)
    announce([], committed)
    // The Node stays, with its address, for a device that joins under its name again.
    const resourceVersion = intents.get('Node', name)?.resourceVersion ?? ''
    emit({ type: 'put', kind: 'Node', name, resourceVersion })
  }

  /** What each network's records are to be, from intent alone: also what a crash kept from being signed. */
  const resetAll = (): void => {
    for (const { publisher, state } of networks.all()) {
      const records = new Map(networks.keyRecords())
      for (const kind of appliedKinds) {
        for (const { resource } of intents.of(kind)) {
          if (networkNameOf(resource) !== state.name) continue
          const enrolment = kind === 'Node' ? enrolments.get(resource.metadata.name) : undefined
          const own = addresses.of(state.name, recordIdOf(resource))
          const made = compile(resource, { addresses: own, ...(enrolment === undefined ? {} : { enrolment }) })
          if (made !== undefined) records.set(made.id, made.bytes)
        }
      }
      publisher.reset(records)
    }
  }

  return {
    intents,
    enrolments,
    fleet,
    networks,
    status,
    tokens,
    pin,
    putAll,
    admit,
    leave,
    resetAll,
    remove,
    canaries,
    listeners,
    membership,
  }
}

export function createHub(options: HubOptions, store: HubStore): Hub {
  const { clock, verify } = options
  const core = createCore(options, store)
  const { admit, enrolments, fleet, intents, networks, status, tokens } = core
  const nodeNamed = (name: string) => intents.get('Node', name)?.resource as Resource<'Node'> | undefined

  const enrol = createEnrol({
    ...options,
    tokens,
    pin: core.pin,
    access: options.brokerAccess,
    port: {
      enrolmentOf: (node: NodeId) => fleet.enrolment(node),
      enrolmentNamed: (name) => enrolments.get(name),
      nodeNamed,
      networkOf: (name) => networks.get(name),
      admit,
    },
  })
  const renewal = createRenewal({
    ...options,
    pin: core.pin,
    access: options.brokerAccess,
    enrolmentOf: (node) => fleet.enrolment(node),
    isDisabled: (name) => nodeNamed(name)?.spec.disabled === true,
    networkOf: (name) => networks.get(name),
    onRenewed: ({ name }) => note({ name, role: 'device' }, 'renew', `node/${name}`),
  })
  const note: Hub['note'] = (actor, verb, target, detail = '') =>
    store.putAudit({ at: clock.now(), actor: actor.name, verb, target, detail })

  return {
    async start() {
      for (const state of store.networks()) networks.open(state)
      fleet.load([...enrolments.values()])
      for (const enrolment of enrolments.values()) {
        if (nodeNamed(enrolment.name)?.spec.disabled === true) core.membership.suspend(enrolment)
      }
      // Only ever once: a network that was deleted on purpose does not come back with the next start.
      const fresh = intents.list('Network').length === 0 && store.audit(1).length === 0
      if (fresh && options.defaultNetwork !== false) core.putAll([firstNetwork(options.entropy)], hubActor)
      core.resetAll()
      for (const { publisher } of networks.all()) publisher.sign()
      networks.start()
      core.canaries.start()
    },
    async stop() {
      core.canaries.stop()
      await networks.stop()
      fleet.stop()
      store.close()
    },
    put: (resource, actor) => core.putAll([resource], actor)[0] as Shown,
    putAll: core.putAll,
    get(kind, name) {
      const stored = intents.get(kind, name)
      return stored === undefined ? undefined : status.show([stored])[0]
    },
    list: (kind) => status.show(intents.list(kind)),
    delete: core.remove,
    createToken(spec, actor) {
      if (intents.get('Network', spec.network) === undefined) {
        throw new HoldfastError('not-found', `there is no network ${spec.network}`, {
          field: 'network',
          remedy: 'See `holdfast-hub get networks`.',
        })
      }
      const created = tokens.create(spec)
      note(actor, 'create', `token/${created.id}`)
      return created
    },
    listTokens: () => tokens.list(),
    revokeToken(id, actor) {
      const done = tokens.revoke(id)
      if (done) note(actor, 'revoke', `token/${id}`)
      return done
    },
    anchor: () => options.anchor,
    enrol,
    async approve(name, actor) {
      const enrolment = enrolments.get(name as Name)
      const node = nodeNamed(name)
      if (enrolment === undefined || node === undefined) {
        throw new HoldfastError('not-found', `no device waits under the name ${name}`, {
          remedy: 'See `holdfast-hub get nodes`.',
        })
      }
      if (enrolment.state === 'pending') admit({ ...enrolment, state: 'approved' }, node, undefined, actor)
      networks.get(enrolment.network)?.publisher.sign()
      const shown = status.node(parseName(name))
      if (shown === undefined) throw new HoldfastError('not-found', `the device ${name} left meanwhile`)
      return shown
    },
    async leave(nodeId, proof) {
      const enrolment = fleet.enrolment(nodeId)
      const credential = options.brokerAccess.credential(nodeId)
      const proven =
        enrolment !== undefined &&
        credential !== undefined &&
        verify(fromBase64(enrolment.deviceKey), leaveProofBytes(nodeId, credential), proof)
      if (!proven) {
        throw new HoldfastError('forbidden', 'the device could not prove who it is', {
          remedy: 'Remove it at the hub instead: holdfast-hub delete node NAME.',
        })
      }
      core.leave(enrolment)
    },
    ...renewal,
    fleet: () => status.fleet(),
    rollOut: () => status.rollOut(),
    flushed: () => networks.flush(),
    watch: (listener) => core.listeners.watch(listener),
    audit: (limit) => store.audit(limit),
    note,
  }
}
