// Intent as people wrote it, checked against everything else before a byte of it is kept.

import type { Clock, Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { base32 } from '../../shared/ids.ts'
import { checkConsistency } from '../../shared/intent/consistency.ts'
import { type AnyResource, type Kind, kinds, memberKinds } from '../../shared/intent/resource.ts'
import { encodeCanonicalText } from '../../shared/record/canonical.ts'
import type { Stored } from '../hub.ts'
import type { HubStore } from '../store/hub-store.ts'
import { concerned, type Held } from './concerned.ts'
import { holdIntent } from './held.ts'

export interface Change {
  readonly before?: Stored
  /** Absent where the resource goes; the same as `before` where nothing changes. */
  readonly after?: Stored
}

export interface Intents {
  get(kind: Kind, name: string): Stored | undefined
  /** By name. */
  list(kind: Kind): readonly Stored[]
  /** In no particular order. */
  of(kind: Kind): Iterable<Stored>
  /** What the batch would change, in the order in which kinds depend on each other; throws before anything is kept. */
  prepare(resources: readonly AnyResource[]): readonly Change[]
  prepareDelete(kind: Kind, name: string, resourceVersion?: string): Change | undefined
  /** Keeps what was prepared; call inside a transaction of the store, and `settle` once that has succeeded. */
  keep(changes: readonly Change[]): void
  settle(changes: readonly Change[]): void
}

export function subjectOf({ before, after }: Change): AnyResource {
  const stored = after ?? before
  if (stored === undefined) throw new HoldfastError('invalid', 'a change of nothing')
  return stored.resource
}

/** The network a resource belongs to; a network belongs to itself. */
export function networkNameOf(resource: AnyResource): string {
  return resource.kind === 'Network' ? resource.metadata.name : resource.spec.network
}

function contentOf({ metadata, spec }: AnyResource): string {
  return encodeCanonicalText({ metadata: { ...metadata, resourceVersion: undefined }, spec })
}

function changedMeanwhile(kind: Kind, name: string, before: Stored | undefined): HoldfastError {
  if (before === undefined) {
    return new HoldfastError('conflict', `${kind}/${name} is not there any more: somebody deleted it meanwhile`, {
      field: 'metadata.resourceVersion',
      remedy: 'To create it anew, remove metadata.resourceVersion and apply it again.',
    })
  }
  return new HoldfastError('conflict', `${kind}/${name} was changed by somebody else meanwhile`, {
    field: 'metadata.resourceVersion',
    remedy: 'Get it again, make your change there, and apply that.',
  })
}

/** Rules that no schema knows, because they are about the way from one spec to the next. */
function checkStep(before: Stored | undefined, next: AnyResource): void {
  const { kind, metadata } = next
  if (kind === 'JoinToken') {
    throw new HoldfastError('invalid', 'a JoinToken is not applied: its secret is made by the hub and shown once', {
      field: 'kind',
      remedy: 'Use `holdfast-hub token create`.',
    })
  }
  if (before === undefined || networkNameOf(before.resource) === networkNameOf(next)) return
  throw new HoldfastError('invalid', `${kind}/${metadata.name} can't move to another network`, {
    field: `${kind}/${metadata.name} spec.network`,
    remedy: `It belongs to ${networkNameOf(before.resource)}. Delete it there and apply it again.`,
  })
}

function refuseTwice(resources: readonly AnyResource[]): void {
  const seen = new Set<string>()
  for (const { kind, metadata } of resources) {
    const key = `${kind}/${metadata.name}`
    if (seen.has(key)) throw new HoldfastError('invalid', `${key} is given twice`, { remedy: 'Keep one of them.' })
    seen.add(key)
  }
}

function refuseUsed(network: string, held: Held): void {
  for (const kind of memberKinds) {
    for (const { resource } of held.of(kind)) {
      if (networkNameOf(resource) !== network) continue
      throw new HoldfastError('conflict', `network ${network} is still used by ${kind}/${resource.metadata.name}`, {
        remedy: 'Delete what belongs to it first.',
      })
    }
  }
}

/** Name under which the store counts writes. */
const COUNTER = 'resourceVersion'

export function createIntents(store: HubStore, clock: Clock, entropy: Entropy): Intents {
  const held = holdIntent(store.resources())
  let count = Number(store.value(COUNTER) ?? 0)

  const draft = (resource: AnyResource): Change => {
    const { kind, metadata } = resource
    const before = held.get(kind, metadata.name)
    const { resourceVersion: expected, ...rest } = metadata
    if (expected !== undefined && expected !== before?.resourceVersion)
      throw changedMeanwhile(kind, metadata.name, before)
    const next = { ...resource, metadata: rest } as AnyResource
    checkStep(before, next)
    if (before !== undefined && contentOf(before.resource) === contentOf(next)) return { before, after: before }
    const specStays =
      before !== undefined && encodeCanonicalText(before.resource.spec) === encodeCanonicalText(next.spec)
    count += 1
    const after: Stored = {
      resource: next,
      uid: before?.uid ?? base32(entropy.bytes(16), 25),
      generation: (before?.generation ?? 0) + (specStays ? 0 : 1),
      resourceVersion: String(count),
      createdAt: before?.createdAt ?? clock.now(),
    }
    return before === undefined ? { after } : { before, after }
  }

  const check = (changes: readonly Change[]): void => {
    const changed = changes.flatMap(({ after }) => (after === undefined ? [] : [after.resource]))
    const removed = changes.flatMap(({ before, after }) =>
      after === undefined && before !== undefined ? [before.resource] : [],
    )
    const fault = checkConsistency(concerned(changed, removed, held))[0]
    if (fault !== undefined) throw fault
  }

  return {
    get: (kind, name) => held.get(kind, name),
    list: (kind) => held.list(kind),
    of: (kind) => held.of(kind),
    prepare(resources) {
      refuseTwice(resources)
      const ordered = [...resources].sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind))
      const changes = ordered.map(draft)
      const real = changes.filter(({ before, after }) => before !== after)
      if (real.length > 0) check(real)
      return changes
    },
    prepareDelete(kind, name, resourceVersion) {
      const before = held.get(kind, name)
      if (before === undefined) return undefined
      if (resourceVersion !== undefined && resourceVersion !== before.resourceVersion)
        throw changedMeanwhile(kind, name, before)
      if (kind === 'Network') refuseUsed(name, held)
      check([{ before }])
      return { before }
    },
    keep(changes) {
      for (const { before, after } of changes) {
        if (after === before) continue
        if (after !== undefined) store.putResource(after)
        else if (before !== undefined) store.deleteResource(before.resource.kind, before.resource.metadata.name)
      }
      store.putValue(COUNTER, String(count))
    },
    settle(changes) {
      for (const change of changes) {
        const { kind, metadata } = subjectOf(change)
        if (change.after === undefined) held.delete(kind, metadata.name)
        else held.put(change.after)
      }
    },
  }
}
