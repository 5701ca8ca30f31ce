// The hub's database made anew from what devices hold: intent, who is enrolled, addresses that never move, and the signed set
// itself, so that the new hub goes on from there, one epoch higher.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { type MeshSpec, meshBlocks } from '../../shared/address/mesh-blocks.ts'
import { isUsable, ordinal } from '../../shared/address/usable.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { type Name, parseName } from '../../shared/ids.ts'
import type { Kind } from '../../shared/intent/resource.ts'
import { formatVersion, type Version } from '../../shared/record/head.ts'
import { ownerOf } from '../compile/compile.ts'
import { type Origin, originOf } from '../compile/decompile.ts'
import { createLockBook } from '../lock/lock-book.ts'
import { keepVerdicts, type Verdict } from '../override/verdicts.ts'
import { createIntents } from '../source/intents.ts'
import type { HubStore } from '../store/hub-store.ts'
import type { CarriedSet } from './carried-set.ts'

export interface Rebuilt {
  readonly network: Name
  /** What the devices' set was, and the epoch that goes on from it. */
  readonly from: Version
  readonly epoch: number
  /** Resources by kind, those that there are. */
  readonly count: ReadonlyMap<Kind, number>
}

interface Parts {
  readonly set: CarriedSet
  readonly network: Name
  readonly spec: MeshSpec
  readonly origins: readonly Origin[]
}

function partsOf(set: CarriedSet, now: number): Parts {
  const found = set.parsed.find((record) => record.kind === 'network')
  if (found?.kind !== 'network') {
    throw new HoldfastError('corrupt', `the set of network ${set.head.network} names no network`)
  }
  const network = parseName(found.body.name)
  const origins = set.parsed.flatMap((record) => originOf(record, network, now) ?? [])
  return { set, network, spec: found.body.spec, origins }
}

/** Addresses of devices that no record tells of may be among those that seem free: they are given last. */
function putCursors(store: HubStore, { network, origins, spec }: Parts): void {
  for (const block of meshBlocks(spec)) {
    const fits = (address: Address): boolean => familyOf(address) === familyOf(block) && isUsable(block, address)
    const taken = origins.flatMap(({ addresses = [] }) => addresses.filter(fits))
    const highest = taken.map((address) => ordinal(block, address)).reduce((a, b) => (a > b ? a : b), -1n)
    store.putValue(`cursor/${network}/${block}`, String(highest + 1n))
  }
}

function putParts(store: HubStore, parts: Parts): Rebuilt {
  const { network, origins, set } = parts
  const { envelope, head, records } = set
  const from = { epoch: head.epoch, revision: head.revision }
  const epoch = head.epoch + 1
  store.putNetwork({ name: network, id: head.network, epoch })
  store.saveRevision(head.network, { version: from, head: envelope, put: records, del: [] })
  const chain = set.parsed.flatMap((record) => (record.kind === 'lock' ? [record.body] : []))
  if (chain.length > 0) {
    const bySerial = chain.toSorted((a, b) => a.lock.serial - b.lock.serial)
    createLockBook(store, { sha256, verify }).keep(head.network, bySerial)
  }
  for (const { addresses, enrolment, resource } of origins) {
    if (addresses !== undefined && addresses.length > 0)
      store.putAllocation({ network, owner: ownerOf(resource), addresses })
    if (enrolment !== undefined) store.putEnrolment(enrolment)
  }
  putCursors(store, parts)
  const count = new Map<Kind, number>()
  for (const { resource } of origins) count.set(resource.kind, (count.get(resource.kind) ?? 0) + 1)
  return { network, from, epoch, count }
}

/** What was said of overrides and their devices have perhaps not heard yet. */
function verdictsOf({ network, set }: Parts): readonly Verdict[] {
  return set.parsed.flatMap(({ body, kind }) =>
    kind === 'verdict' ? [{ id: body.name, node: body.node, network, verdict: body.verdict }] : [],
  )
}

/** Of one set each; into an empty store, all or nothing. */
export function rebuild(
  store: HubStore,
  sets: readonly CarriedSet[],
  { clock, entropy }: { readonly clock: Clock; readonly entropy: Entropy },
): readonly Rebuilt[] {
  const all = sets.map((set) => partsOf(set, clock.now()))
  const twice = all.find(({ network }, at) => all.findIndex((other) => other.network === network) < at)
  if (twice !== undefined) {
    throw new HoldfastError('conflict', `two different networks are called ${twice.network}`, {
      remedy: 'Give files of devices of one hub.',
    })
  }
  return store.transaction(() => {
    const intents = createIntents(store, clock, entropy)
    intents.keep(intents.prepare(all.flatMap(({ origins }) => origins.map(({ resource }) => resource))))
    const rebuilt = all.map((parts) => putParts(store, parts))
    keepVerdicts(store, all.flatMap(verdictsOf))
    for (const { epoch, from, network } of rebuilt) {
      const detail = `from devices at revision ${formatVersion(from)}; epoch ${epoch}`
      store.putAudit({ at: clock.now(), actor: 'restore', verb: 'restore', target: `network/${network}`, detail })
    }
    return rebuilt
  })
}
