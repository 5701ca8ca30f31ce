// A verified set of records as objects. What did not change since the last set is not parsed again.

import { compareText, sameBytes } from '../bytes.ts'
import { type AnyRecord, type BodyOf, parseRecord, type RecordKind, type RecordSet } from './record.ts'

/** Bodies by kind, sorted by record id. */
export interface ParsedRecords {
  readonly network: BodyOf<'network'> | undefined
  readonly canaries: readonly BodyOf<'canary'>[]
  readonly nodes: readonly BodyOf<'node'>[]
  readonly policies: readonly BodyOf<'policy'>[]
  readonly routes: readonly BodyOf<'route'>[]
  readonly exits: readonly BodyOf<'exit'>[]
  readonly services: readonly BodyOf<'service'>[]
  readonly keys: readonly BodyOf<'key'>[]
  readonly locks: readonly BodyOf<'lock'>[]
  readonly roots: readonly BodyOf<'root'>[]
}

type Cache = ReadonlyMap<string, { readonly bytes: Uint8Array; readonly record: AnyRecord }>

export interface ParsedSet {
  readonly records: ParsedRecords
  /** Parsed objects with the bytes they came from, for the next set: those of `records`, no more and no less. */
  readonly cache: Cache
}

const nothing: ParsedSet = {
  records: {
    network: undefined,
    canaries: [],
    nodes: [],
    policies: [],
    routes: [],
    exits: [],
    services: [],
    keys: [],
    locks: [],
    roots: [],
  },
  cache: new Map(),
}

/** The records of `set` that differ from `cache`, parsed, and the ids that `set` no longer has. */
function difference(set: RecordSet, cache: Cache): { readonly put: Cache; readonly gone: readonly string[] } {
  const put = new Map<string, { readonly bytes: Uint8Array; readonly record: AnyRecord }>()
  let known = 0
  for (const [id, bytes] of set) {
    const held = cache.get(id)
    if (held !== undefined) known++
    if (held === undefined || !(held.bytes === bytes || sameBytes(held.bytes, bytes)))
      put.set(id, { bytes, record: parseRecord(bytes) })
  }
  return { put, gone: known === cache.size ? [] : [...cache.keys()].filter((id) => !set.has(id)) }
}

/**
 * Throws `invalid` where a record is not of its kind; then no part of the set counts. A kind in which nothing changed is
 * the very list it was in `before`: who made something of that list may know it by its identity.
 */
export function parseRecords(set: RecordSet, before: ParsedSet = nothing): ParsedSet {
  const { put, gone } = difference(set, before.cache)
  const cache = new Map(before.cache)
  for (const id of gone) cache.delete(id)
  for (const [id, entry] of put) cache.set(id, entry)
  const changed = new Set<RecordKind>()
  for (const id of [...put.keys(), ...gone]) {
    for (const entry of [before.cache.get(id), put.get(id)]) if (entry !== undefined) changed.add(entry.record.kind)
  }
  const of = <K extends RecordKind>(kind: K, held: readonly BodyOf<K>[]): readonly BodyOf<K>[] => {
    if (!changed.has(kind)) return held
    const records = Array.from(cache.values(), (entry) => entry.record).filter((record) => record.kind === kind)
    return records.sort((a, b) => compareText(a.id, b.id)).map((record) => record.body as BodyOf<K>)
  }
  const { records } = before
  return {
    cache,
    records: {
      network: changed.has('network') ? of('network', [])[0] : records.network,
      canaries: of('canary', records.canaries),
      nodes: of('node', records.nodes),
      policies: of('policy', records.policies),
      routes: of('route', records.routes),
      exits: of('exit', records.exits),
      services: of('service', records.services),
      keys: of('key', records.keys),
      locks: of('lock', records.locks),
      roots: of('root', records.roots),
    },
  }
}
