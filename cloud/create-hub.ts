// The hub put together: the one place that knows every part.

import { fromBase64 } from '../shared/bytes.ts'
import { HoldfastError } from '../shared/errors.ts'
import { type Name, type NodeId, parseName } from '../shared/ids.ts'
import type { AnyResource, Resource } from '../shared/intent/resource.ts'
import { anchorPin, anchorPins, leaveProofBytes } from '../shared/wire/enrol.ts'
import type { Understood } from '../shared/wire/understands.ts'
import type { Actor } from './audit.ts'
import { createNodeCommands } from './commands/node-commands.ts'
import { createAddresses } from './compile/addresses.ts'
import { createDoorway } from './enrol/doorway.ts'
import { createEnrol } from './enrol/enrol.ts'
import { createMembership } from './enrol/membership.ts'
import { createRekeys } from './enrol/rekeys.ts'
import { createRenewal } from './enrol/renew.ts'
import { createTokens } from './enrol/tokens.ts'
import { createListeners, type Listeners } from './event-listeners.ts'
import { firstNetwork } from './first-network.ts'
import { Fleet, type FleetOptions } from './fleet/fleet.ts'
import { wordFor } from './fleet/renumbering-condition.ts'
import { createStatus } from './fleet/status.ts'
import type { FlowDeskOptions } from './flows/desk.ts'
import { createHubFlows } from './flows/hub-flows.ts'
import type { Hub, HubOptions, Shown } from './hub.ts'
import { createLockBook } from './lock/lock-book.ts'
import { createLockDesk, type LockDesk } from './lock/lock-desk.ts'
import { withLock } from './lock/network-spec.ts'
import { createOverrides } from './override/overrides.ts'
import { createVerdicts } from './override/verdicts.ts'
import { createNetworks } from './publish/networks.ts'
import { hubUpdates } from './rollout/hub-updates.ts'
import { createWaves } from './rollout/waves.ts'
import { type Committed, createCommit } from './source/commit.ts'
import { type Change, createIntents, subjectOf } from './source/intents.ts'
import { checkSteps } from './source/renumbering.ts'
import { wholeNetwork } from './source/whole-network.ts'
import type { Enrolment, HubStore } from './store/hub-store.ts'

const hubActor: Actor = { name: 'hub', role: 'admin' }

function isDisabled(resource: AnyResource): boolean {
  return resource.kind === 'Node' && resource.spec.disabled
}

/** What an agent has to understand to be a member of the network as it is. */
function wordOf(resource: AnyResource | undefined): Understood | undefined {
  return resource?.kind === 'Network' && resource.spec.renumber !== undefined ? wordFor(resource.spec) : undefined
}

function createNote({ clock }: HubOptions, store: HubStore): Hub['note'] {
  return ({ name: actor, whence }, verb, target, detail = '') =>
    store.putAudit({ at: clock.now(), actor, verb, target, detail, whence })
}

function hubLock(desk: LockDesk): Pick<Hub, 'lockView' | 'signMembers'> {
  return {
    lockView: (network, to) => desk.view(network, to),
    signMembers: (network, bundle, replace, actor) => desk.submit(network, bundle, replace, actor),
  }
}

/** Everything that knows who is a member; the rest of the hub is put together from it. */
function createCore(options: HubOptions, store: HubStore) {
  const { clock, entropy, log, sha256 } = options
  const listeners = createListeners(log)
  const emit: Listeners['emit'] = (event) => listeners.emit(event)
  const intents = createIntents(store, clock, entropy)
  const addresses = createAddresses(store)
  const enrolments = new Map<Name, Enrolment>(store.enrolments().map((enrolment) => [enrolment.name, enrolment]))
  const newest = (network: Name) => networks.get(network)?.publisher.version
  const networkId = (network: Name) => networks.get(network)?.state.id
  const onLinks: FlowDeskOptions['onLinks'] = (node, links) => deviceRekey(node, links)
  const onKey: FleetOptions['onKey'] = (node, statement) => rekey(node, statement)
  const onOverrides = (node: NodeId): void => verdicts.heard(node)
  const fleet = new Fleet({ ...options, store, emit, newest, networkId, onKey, onLinks, onOverrides })
  const note = createNote(options, store)
  const glance = () => status.glance
  const flows = createHubFlows(options, { fleet, networkId, onLinks, store, enrolments, note, glance })
  const onAnswer = (node: NodeId, payload: Uint8Array): void => commands.heard(node, payload)
  const networks = createNetworks({ ...options, store, fleet, emit, flows: flows.desk, onAnswer })
  const commands = createNodeCommands(options, { fleet, networks, enrolments, listeners, note, store })
  const locks = createLockBook(store, { sha256, verify: options.verify })
  const commit = createCommit({ ...options, store, intents, addresses, networks, enrolments, locks })
  const shared = { store, clock, intents, addresses, enrolments, networks, fleet, locks, commit }
  const stands = { canaries: () => waves.canaries, rollouts: () => waves.rollouts }
  const status = createStatus({ ...shared, ...stands, flowFault: (node) => flows.fault(node) })
  const finish = (name: Name): void => void remove('Canary', name, hubActor)
  const waves = createWaves(options, { ...shared, emit, note, finish, members: status.members })
  const verdicts = createVerdicts(store, fleet, networks)
  const lockOf = (network: Name): Uint8Array | undefined => locks.hash(networks.get(network)?.state.id)
  const tokens = createTokens({ store, clock, entropy, sha256, pin: anchorPin(options.anchor, sha256), lockOf })

  const membership = createMembership({ access: options.brokerAccess, fleet, networks, log })

  const cutOff = (enrolment: Enrolment): void => {
    enrolments.delete(enrolment.name)
    verdicts.forget(enrolment.nodeId)
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
    for (const resource of resources) waves.rollouts.check(resource)
    const changes = intents.prepare(resources.map((resource) => withLock(resource, locks, networks)))
    checkSteps(status, changes)
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

  const resetAll = (): void => {
    for (const { publisher, state } of networks.all()) {
      const own = wholeNetwork({ addresses, enrolments, intents }, state.name, locks.judge(state.id))
      publisher.reset(
        new Map([...networks.keyRecords(), ...locks.records(state.id), ...verdicts.records(state.name), ...own]),
      )
    }
  }

  const stateOf = (name: Name) => status.node(name)?.state
  const doorway = createDoorway({ ...shared, tokens, announce, cutOff, emit, stateOf })

  const { deviceRekey, proofKey, rekey } = createRekeys(options, { ...shared, networkId, announce })
  const people = {
    ...createOverrides({ ...shared, verdicts, announce, status, note }),
    ...flows.people,
    ...hubLock(createLockDesk({ ...options, ...shared, announce })),
    ...status.glance,
    trace: (name: string) => fleet.trace(enrolments.get(name as Name)?.nodeId),
  }
  const known = { commands, intents, enrolments, fleet, networks, status, tokens, listeners, membership, waves }
  return { ...known, proofKey, doorway, flows, note, people, putAll, resetAll, remove }
}

export function createHub(options: HubOptions, store: HubStore): Hub {
  const { anchor, roots = [], verify } = options
  const core = createCore(options, store)
  const pins = anchorPins(anchor, roots, options.sha256)
  const { doorway, enrolments, fleet, intents, networks, note, status, tokens } = core
  const nodeNamed = (name: string) => intents.get('Node', name)?.resource as Resource<'Node'> | undefined

  const common = { ...options, pins, access: options.brokerAccess }
  const enrol = createEnrol({
    ...common,
    tokens,
    port: {
      enrolmentOf: (node: NodeId) => fleet.enrolment(node),
      enrolmentNamed: (name) => enrolments.get(name),
      enrolmentWith: (key) => [...enrolments.values()].find(({ deviceKey }) => deviceKey === key),
      nodeNamed,
      isUnsigned: (name) => status.node(name)?.state === 'unsigned',
      networkOf: (name) => networks.get(name),
      wordOf: (name) => wordOf(intents.get('Network', name)?.resource),
      admit: (enrolment, node, token, actor) => doorway.admit(enrolment, node, token, actor),
    },
  })
  const renewal = createRenewal({
    ...common,
    enrolmentOf: (node) => fleet.enrolment(node),
    proofKey: core.proofKey,
    stateOf: (name) => status.node(name)?.state,
    networkOf: (name) => networks.get(name),
    onRenewed: ({ name }) => note({ name, role: 'device' }, 'renew', `node/${name}`),
  })

  return {
    async start() {
      for (const state of store.networks()) networks.open(state)
      fleet.load([...enrolments.values()])
      core.commands.start()
      for (const enrolment of enrolments.values()) {
        if (nodeNamed(enrolment.name)?.spec.disabled === true) core.membership.suspend(enrolment)
      }
      // Only ever once: a network that was deleted on purpose does not come back with the next start.
      const fresh = intents.list('Network').length === 0 && store.audit(1).length === 0
      if (fresh && options.defaultNetwork !== false) core.putAll([firstNetwork(options.entropy)], hubActor)
      core.resetAll()
      for (const { publisher } of networks.all()) publisher.sign()
      networks.start()
      core.waves.start()
    },
    async stop() {
      core.waves.stop()
      core.commands.stop()
      core.flows.desk?.stop()
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
    anchor: () => ({ ...anchor, ...(roots.length === 0 ? {} : { roots: [...roots] }) }),
    enrol,
    async approve(name, actor) {
      const enrolment = enrolments.get(name as Name)
      const node = nodeNamed(name)
      if (enrolment === undefined || node === undefined) {
        throw new HoldfastError('not-found', `no device waits under the name ${name}`, {
          remedy: 'See `holdfast-hub get nodes`.',
        })
      }
      if (enrolment.state === 'pending') doorway.admit({ ...enrolment, state: 'approved' }, node, undefined, actor)
      networks.get(enrolment.network)?.publisher.sign()
      const shown = status.node(parseName(name))
      if (shown === undefined) throw new HoldfastError('not-found', `the device ${name} left meanwhile`)
      return shown
    },
    async leave(nodeId, proof, links) {
      const enrolment = fleet.enrolment(nodeId)
      const credential = options.brokerAccess.credential(nodeId)
      const proven =
        enrolment !== undefined &&
        credential !== undefined &&
        verify(fromBase64(core.proofKey(enrolment, links)), leaveProofBytes(nodeId, credential), proof)
      if (!proven) {
        throw new HoldfastError('forbidden', 'the device could not prove who it is', {
          remedy: 'Remove it at the hub instead: holdfast-hub delete node NAME.',
        })
      }
      doorway.leave(enrolment, hubActor)
    },
    ...renewal,
    fleet: () => status.fleet(),
    commands: core.commands,
    ...core.people,
    ...hubUpdates(options, core.waves.rollouts, renewal),
    rollOut: () => status.rollOut(),
    flushed: () => networks.flush(),
    watch: (listener) => core.listeners.watch(listener),
    audit: (limit, query) => store.audit(limit, query),
    note,
  }
}
