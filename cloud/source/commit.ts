// The one way in which intent changes: checked, kept in one transaction, compiled, and only then known to the other parts.
// Where any step fails, nothing has happened anywhere.

import { meshBlocks } from '../../shared/address/mesh-blocks.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { base32, type Name, parseName, parseNetworkId } from '../../shared/ids.ts'
import type { AnyResource, Kind, Resource } from '../../shared/intent/resource.ts'
import type { Judge } from '../../shared/record/member.ts'
import { type NodeBody, parseRecord, type RecordSet } from '../../shared/record/record.ts'
import type { Actor } from '../audit.ts'
import type { Addresses } from '../compile/addresses.ts'
import { type Context, compile, isAddressed, nodeBody, ownerOf, recordIdOf } from '../compile/compile.ts'
import type { LockBook } from '../lock/lock-book.ts'
import { refuseUnsigned } from '../lock/step-signatures.ts'
import type { Networks } from '../publish/networks.ts'
import type { Enrolment, HubStore, NetworkState } from '../store/hub-store.ts'
import { type Change, type Intents, networkNameOf, subjectOf } from './intents.ts'

export interface CommitOptions {
  readonly store: HubStore
  readonly clock: Clock
  readonly entropy: Entropy
  readonly intents: Intents
  readonly addresses: Addresses
  readonly networks: Networks
  readonly enrolments: ReadonlyMap<Name, Enrolment>
  readonly locks: Pick<LockBook, 'judge'>
}

/** What goes along with a change of intent when a device enrols or leaves, or when people sign for members. */
export interface Along {
  /** Who enrols, leaves (undefined), or is signed for; takes effect with the change. */
  readonly enrolments?: ReadonlyMap<Name, Enrolment | undefined>
  /** The membership lock that a network has from this change on, and the records of its chain. */
  readonly lock?: { readonly of: Name; readonly judge: Judge | undefined; readonly records: NetworkChanges }
  /** Runs inside the transaction. */
  readonly store?: () => void
}

/** Records of one network to hand to its publisher; undefined is a removal. */
type NetworkChanges = ReadonlyMap<string, Uint8Array | undefined>
export type RecordChanges = ReadonlyMap<Name, NetworkChanges>

export interface Committed {
  /** Networks that this change created. */
  readonly made: readonly NetworkState[]
  readonly records: RecordChanges
}

export type Commit = (changes: readonly Change[], actor: Actor, along?: Along, dryRun?: boolean) => Committed

/** Thrown to undo a rehearsal; never leaves this file. */
const rehearsed = new HoldfastError('failed', 'rehearsal')

const owning = new Set<Kind>(['Node', 'Service'])

function reversed({ before, after }: Change): Change {
  return { ...(after === undefined ? {} : { before: after }), ...(before === undefined ? {} : { after: before }) }
}

/** A change of intent alone never takes from a member what people signed for: it would be cut off until they sign again. */
function refuseCutOff(resource: AnyResource, context: Context, published: RecordSet | undefined): void {
  const wanted = resource.kind === 'Node' ? nodeBody(resource, context) : undefined
  const bytes = published?.get(recordIdOf(resource))
  if (wanted === undefined || bytes === undefined || context.judge?.(wanted) !== 'unsigned') return
  const { body } = parseRecord(bytes) as { readonly body: NodeBody }
  if (body.nodeId !== wanted.nodeId || body.wgKey !== wanted.wgKey) return
  throw new HoldfastError('conflict', `the membership of ${wanted.name} is signed for ${body.addresses.join(', ')}`, {
    field: `Node/${wanted.name} spec.addresses`,
    remedy:
      'Under a membership lock addresses stay. Delete the node and join it again, or end the lock for the change.',
  })
}

function verbOf({ before, after }: Change): string {
  return after === undefined ? 'delete' : before === undefined ? 'create' : 'update'
}

export function createCommit(options: CommitOptions): Commit {
  const { addresses, clock, enrolments, entropy, intents, networks, store } = options

  const giveAddresses = (resource: AnyResource): void => {
    if (!isAddressed(resource)) return
    const network = intents.get('Network', networkNameOf(resource))?.resource as Resource<'Network'> | undefined
    if (network === undefined) return
    const { addresses: fixed, labels }: Partial<Resource<'Node'>['spec']> =
      resource.kind === 'Node' ? resource.spec : {}
    addresses.give(network.metadata.name, network.spec, ownerOf(resource), fixed, labels)
  }

  /** Unless another has the same. */
  const letGo = (resource: AnyResource): void => {
    const [network, owner] = [networkNameOf(resource), ownerOf(resource)]
    const isShared = (other: AnyResource): boolean => networkNameOf(other) === network && ownerOf(other) === owner
    const { kind } = resource
    if (owner !== recordIdOf(resource) && intents.list(kind).some((stored) => isShared(stored.resource))) return
    addresses.release(parseName(network), owner)
  }

  /** It goes by another owner than before: its addresses stay where that one has none. */
  const passAddresses = ({ after, before }: Change): void => {
    if (after === undefined || before === undefined || !owning.has(after.resource.kind)) return
    const [from, to] = [ownerOf(before.resource), ownerOf(after.resource)]
    const isOwn = from === recordIdOf(before.resource)
    if (from !== to && isOwn) addresses.pass(parseName(networkNameOf(after.resource)), from, to)
    else if (from !== to) letGo(before.resource)
  }

  /** Members whose addresses follow a change of the network's blocks. */
  const readdress = ({ before, after }: Change): readonly AnyResource[] => {
    const network = after?.resource
    const old = before?.resource
    if (network?.kind !== 'Network' || old?.kind !== 'Network') return []
    if (meshBlocks(network.spec).join() === meshBlocks(old.spec).join()) return []
    // What is renumbered loses the addresses that its nodes hold besides their own, and no others.
    if (old.spec.renumber === undefined) addresses.checkFit(network.metadata.name, network.spec)
    return [...owning]
      .flatMap((kind) => intents.list(kind).map((stored) => stored.resource))
      .filter((resource) => networkNameOf(resource) === network.metadata.name)
  }

  const keepNetwork = ({ before, after }: Change): NetworkState | undefined => {
    const resource = (after ?? before)?.resource
    if (resource?.kind !== 'Network' || (before !== undefined && after !== undefined)) return undefined
    const { name } = resource.metadata
    if (after === undefined) {
      const gone = networks.get(name)
      if (gone !== undefined) store.deleteNetwork(name, gone.state.id)
      return undefined
    }
    const state = { name, id: parseNetworkId(base32(entropy.bytes(10), 12)), epoch: 1 }
    store.putNetwork(state)
    return state
  }

  const judgeOf = (network: Name, { lock }: Along): Judge | undefined => {
    if (lock?.of === network) return lock.judge
    const state = networks.get(network)?.state
    return state === undefined ? undefined : options.locks.judge(state.id)
  }

  const contextOf = (resource: AnyResource, along: Along): Context => {
    const network = parseName(networkNameOf(resource))
    const { name } = resource.metadata
    const enrolment = along.enrolments?.has(name) === true ? along.enrolments.get(name) : enrolments.get(name)
    const judge = judgeOf(network, along)
    return {
      addresses: addresses.of(network, ownerOf(resource)),
      ...(enrolment === undefined ? {} : { enrolment }),
      ...(judge === undefined ? {} : { judge }),
    }
  }

  /** `moved`: whose addresses follow. */
  const refuseStep = ({ after, before }: Change, moved: readonly AnyResource[], along: Along): void => {
    const [is, was] = [after?.resource, before?.resource]
    if (is?.kind !== 'Network' || was?.kind !== 'Network') return
    const { name } = is.metadata
    const step = { network: name, before: was.spec, after: is.spec, published: networks.get(name)?.publisher.records }
    const nodes = moved.flatMap((node) =>
      node.kind === 'Node' && node.spec.network === name ? [{ node, context: contextOf(node, along) }] : [],
    )
    refuseUnsigned(step, nodes)
  }

  const recordsOf = (changes: readonly Change[], more: readonly AnyResource[], along: Along): RecordChanges => {
    const records = new Map<Name, Map<string, Uint8Array | undefined>>()
    const ownOf = (network: Name): Map<string, Uint8Array | undefined> => {
      const own = records.get(network) ?? new Map<string, Uint8Array | undefined>()
      records.set(network, own)
      return own
    }
    const add = (resource: AnyResource, present: boolean): void => {
      const network = parseName(networkNameOf(resource))
      const id = recordIdOf(resource)
      const context = contextOf(resource, along)
      const bytes = present ? compile(resource, context)?.bytes : undefined
      if (present && bytes === undefined) refuseCutOff(resource, context, networks.get(network)?.publisher.records)
      ownOf(network).set(id, bytes)
    }
    for (const change of changes) refuseStep(change, more, along)
    for (const change of changes) add(subjectOf(change), change.after !== undefined)
    for (const resource of more) add(resource, true)
    for (const name of along.enrolments?.keys() ?? []) {
      const affected = intents.get('Node', name)
      if (affected !== undefined) add(affected.resource, true)
    }
    if (along.lock !== undefined) {
      for (const [id, bytes] of along.lock.records) ownOf(along.lock.of).set(id, bytes)
    }
    for (const [network, own] of records) networks.get(network)?.publisher.checkRoom(own)
    return records
  }

  const keep = (changes: readonly Change[], actor: Actor, along: Along): Committed => {
    intents.keep(changes)
    const made = changes.flatMap((change) => keepNetwork(change) ?? [])
    const moved = changes.flatMap(readdress)
    for (const resource of moved) giveAddresses(resource)
    for (const change of changes) {
      const resource = subjectOf(change)
      const { name } = resource.metadata
      const target = `${resource.kind.toLowerCase()}/${name}`
      passAddresses(change)
      if (change.after !== undefined) giveAddresses(resource)
      else if (owning.has(resource.kind)) letGo(resource)
      if (change.after === undefined && resource.kind === 'Node') store.deleteEnrolment(name)
      const { name: who, whence } = actor
      store.putAudit({ at: clock.now(), actor: who, verb: verbOf(change), target, detail: '', whence })
    }
    along.store?.()
    return { made, records: recordsOf(changes, moved, along) }
  }

  return (changes, actor, along = {}, dryRun = false) => {
    const real = changes.filter(({ before, after }) => before !== after)
    intents.settle(real)
    try {
      return store.transaction(() => {
        const committed = keep(real, actor, along)
        if (dryRun) throw rehearsed
        return committed
      })
    } catch (error) {
      intents.settle(real.map(reversed))
      addresses.reload()
      if (error === rehearsed) return { made: [], records: new Map() }
      throw error
    }
  }
}
