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

/** Throws `invalid` where a record is not of its kind; then no part of the set counts. */
export function parseRecords(set: RecordSet, before?: ParsedSet): ParsedSet {
  const cache = new Map<string, { readonly bytes: Uint8Array; readonly record: AnyRecord }>()
  for (const [id, bytes] of set) {
    const held = before?.cache.get(id)
    const same = held !== undefined && (held.bytes === bytes || sameBytes(held.bytes, bytes))
    cache.set(id, same ? held : { bytes, record: parseRecord(bytes) })
  }
  const sorted = [...cache.values()].map((entry) => entry.record).sort((a, b) => compareText(a.id, b.id))
  const of = <K extends RecordKind>(kind: K): readonly BodyOf<K>[] =>
    sorted.filter((record) => record.kind === kind).map((record) => record.body as BodyOf<K>)
  return {
    cache,
    records: {
      network: of('network')[0],
      nodes: of('node'),
      policies: of('policy'),
      routes: of('route'),
      services: of('service'),
      keys: of('key'),
    },
  }
}
