// Intent in memory, with the indexes that keep the price of one change constant.

import { compareText } from '../../shared/bytes.ts'
import { type Kind, kinds } from '../../shared/intent/resource.ts'
import type { Stored } from '../hub.ts'
import type { Held } from './concerned.ts'

export interface HeldIntent extends Held {
  list(kind: Kind): readonly Stored[]
  put(stored: Stored): void
  delete(kind: Kind, name: string): void
}

function fixedAddresses({ resource }: Stored): readonly string[] {
  return resource.kind === 'Node' ? (resource.spec.addresses ?? []) : []
}

export function holdIntent(initial: readonly Stored[]): HeldIntent {
  const byKind = new Map<Kind, Map<string, Stored>>(kinds.map((kind) => [kind, new Map()]))
  const claims = new Map<string, Set<string>>()
  const rows = (kind: Kind): Map<string, Stored> => byKind.get(kind) ?? new Map()

  const forget = (kind: Kind, name: string): void => {
    const before = rows(kind).get(name)
    if (before === undefined) return
    for (const address of fixedAddresses(before)) {
      const names = claims.get(address)
      names?.delete(name)
      if (names?.size === 0) claims.delete(address)
    }
    rows(kind).delete(name)
  }
  const put = (stored: Stored): void => {
    const { kind, metadata } = stored.resource
    forget(kind, metadata.name)
    rows(kind).set(metadata.name, stored)
    for (const address of fixedAddresses(stored)) {
      const names = claims.get(address) ?? new Set()
      claims.set(address, names.add(metadata.name))
    }
  }
  for (const stored of initial) put(stored)

  return {
    get: (kind, name) => rows(kind).get(name),
    of: (kind) => rows(kind).values(),
    claimants: (address) => claims.get(address) ?? [],
    list: (kind) =>
      [...rows(kind).values()].sort((a, b) => compareText(a.resource.metadata.name, b.resource.metadata.name)),
    put,
    delete: forget,
  }
}
