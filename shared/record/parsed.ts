// A verified set of records as objects. What did not change since the last set is not parsed again.

import { compareText, sameBytes } from '../bytes.ts'
import { type AnyRecord, type BodyOf, parseRecord, type RecordKind, type RecordSet } from './record.ts'

/** Bodies by kind, sorted by record id. */
export interface ParsedRecords {
  readonly network: BodyOf<'network'> | undefined
  readonly nodes: readonly BodyOf<'node'>[]
  readonly policies: readonly BodyOf<'policy'>[]
  readonly routes: readonly BodyOf<'route'>[]
  readonly services: readonly BodyOf<'service'>[]
  readonly keys: readonly BodyOf<'key'>[]
}

export interface ParsedSet {
  readonly records: ParsedRecords
  /** Parsed objects with the bytes they came from, for the next set. */
  readonly cache: ReadonlyMap<string, { readonly bytes: Uint8Array; readonly record: AnyRecord }>
}

/** `list`, or the equal list of the set before: who made something of that list knows it by its identity. */
function kept<T>(list: readonly T[], before: readonly T[] | undefined): readonly T[] {
  const same = before !== undefined && before.length === list.length && list.every((one, at) => one === before[at])
  return same ? before : list
}

/** Throws `invalid` where a record is not of its kind; then no part of the set counts. */
export function parseRecords(set: RecordSet, before?: ParsedSet): ParsedSet {
  const cache = new Map<string, { readonly bytes: Uint8Array; readonly record: AnyRecord }>()
  for (const [id, bytes] of set) {
    const held = before?.cache.get(id)
    const same = held !== undefined && (held.bytes === bytes || sameBytes(held.bytes, bytes))
    cache.set(id, same ? held : { bytes, record: parseRecord(bytes) })
  }
  const sorted = Array.from(cache.values(), (entry) => entry.record).sort((a, b) => compareText(a.id, b.id))
  const byKind = Object.groupBy(sorted, (record) => record.kind)
  const of = <K extends RecordKind>(kind: K): readonly BodyOf<K>[] =>
    (byKind[kind] ?? []).map((record) => record.body as BodyOf<K>)
  const held = before?.records
  return {
    cache,
    records: {
      network: of('network')[0],
      nodes: kept(of('node'), held?.nodes),
      policies: kept(of('policy'), held?.policies),
      routes: kept(of('route'), held?.routes),
      services: kept(of('service'), held?.services),
      keys: kept(of('key'), held?.keys),
    },
  }
}
