// Intent as people wrote it, checked against everything else before a byte of it is kept.

import type { Clock, Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { base32 } from '../../shared/ids.ts'
import { checkConsistency } from '../../shared/intent/consistency.ts'
import { type AnyResource, type Kind, kinds } from '../../shared/intent/resource.ts'
import { encodeCanonicalText } from '../../shared/record/canonical.ts'
import type { Stored } from '../hub.ts'
import type { HubStore } from '../store/hub-store.ts'

const keyOf = (kind: Kind, name: string): string => `${kind}/${name}`

export interface Change {
  readonly before?: Stored
  readonly after?: Stored
}

export interface Intents {
  get(kind: Kind, name: string): Stored | undefined
  list(kind: Kind): readonly Stored[]
  /** What the batch would change; throws before anything is kept. Resources that stay as they are don't appear. */
  prepare(resources: readonly AnyResource[]): readonly Change[]
  prepareDelete(kind: Kind, name: string, resourceVersion?: string): Change | undefined
  /** Keeps what was prepared; call inside a transaction of the store, and `settle` once that has succeeded. */
  keep(changes: readonly Change[]): void
  settle(changes: readonly Change[]): void
}

function sameContent(a: AnyResource, b: AnyResource): boolean {
  return contentOf(a) === contentOf(b)
}

function contentOf({ metadata: { resourceVersion: _, ...metadata }, spec }: AnyResource): string {
  return encodeCanonicalText({ metadata, spec })
}

export function createIntents(store: HubStore, clock: Clock, entropy: Entropy): Intents {
  const held = new Map(store.resources().map((s) => [keyOf(s.resource.kind, s.resource.metadata.name), s]))

  const draft = (resource: AnyResource): Change => {
    const { kind, metadata } = resource
    const before = held.get(keyOf(kind, metadata.name))
    const { resourceVersion: expected, ...rest } = metadata
    if (expected !== undefined && expected !== before?.resourceVersion) {
      throw new HoldfastError('conflict', `${kind}/${metadata.name} was changed by somebody else meanwhile`, {
        field: 'metadata.resourceVersion',
        remedy: 'Get it again, make your change there, and apply that.',
      })
    }
    const next = { ...resource, metadata: rest } as AnyResource
    if (before !== undefined && sameContent(before.resource, next)) return { before, after: before }
    const specStays =
      before !== undefined && encodeCanonicalText(before.resource.spec) === encodeCanonicalText(next.spec)
    const after: Stored = {
      resource: next,
      uid: before?.uid ?? base32(entropy.bytes(16), 25),
      generation: (before?.generation ?? 0) + (specStays ? 0 : 1),
      resourceVersion: String(store.nextResourceVersion()),
      createdAt: before?.createdAt ?? clock.now(),
    }
    return before === undefined ? { after } : { before, after }
  }

  const checkAll = (changes: readonly Change[]): void => {
    const all = new Map(held)
    for (const { before, after } of changes) {
      const subject = (after ?? before)?.resource
      if (subject === undefined) continue
      if (after === undefined) all.delete(keyOf(subject.kind, subject.metadata.name))
      else all.set(keyOf(subject.kind, subject.metadata.name), after)
    }
    const fault = checkConsistency([...all.values()].map((stored) => stored.resource))[0]
    if (fault !== undefined) throw fault
  }

  return {
    get: (kind, name) => held.get(keyOf(kind, name)),
    list: (kind) =>
      [...held.values()]
        .filter((stored) => stored.resource.kind === kind)
        .sort((a, b) => (a.resource.metadata.name < b.resource.metadata.name ? -1 : 1)),
    prepare(resources) {
      const ordered = [...resources].sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind))
      const seen = new Set<string>()
      for (const { kind, metadata } of ordered) {
        const key = keyOf(kind, metadata.name)
        if (seen.has(key)) throw new HoldfastError('invalid', `${key} is given twice`, { remedy: 'Keep one of them.' })
        seen.add(key)
      }
      const changes = ordered.map(draft)
      const real = changes.filter((change) => change.before !== change.after)
      if (real.length > 0) checkAll(real)
      return changes
    },
    prepareDelete(kind, name, resourceVersion) {
      const before = held.get(keyOf(kind, name))
      if (before === undefined) return undefined
      if (resourceVersion !== undefined && resourceVersion !== before.resourceVersion) {
        throw new HoldfastError('conflict', `${kind}/${name} was changed by somebody else meanwhile`, {
          remedy: 'Get it again first.',
        })
      }
      checkAll([{ before }])
      return { before }
    },
    keep(changes) {
      for (const { before, after } of changes) {
        if (after === before) continue
        if (after !== undefined) store.putResource(after)
        else if (before !== undefined) store.deleteResource(before.resource.kind, before.resource.metadata.name)
      }
    },
    settle(changes) {
      for (const { before, after } of changes) {
        const subject = (after ?? before)?.resource
        if (subject === undefined) continue
        if (after === undefined) held.delete(keyOf(subject.kind, subject.metadata.name))
        else held.set(keyOf(subject.kind, subject.metadata.name), after)
      }
    },
  }
}
