// What stays removed though an older set is in force: a member that the newest signed set no longer contains, or contains
// with other keys. Read loosely, for the newest set may be written for a newer agent; what can't be told stays.

import { fromUtf8 } from '../../shared/bytes.ts'
import type { BodyOf, RecordSet } from '../../shared/record/record.ts'
import type { Readable } from './accept.ts'

const KEYS = ['nodeId', 'wgKey', 'deviceKey'] as const

function bodyOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const { body } = JSON.parse(fromUtf8(bytes)) as { readonly body?: unknown }
    return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

function isStill(node: BodyOf<'node'>, newest: RecordSet): boolean {
  const bytes = newest.get(`node/${node.name}`)
  if (bytes === undefined) return false
  const body = bodyOf(bytes)
  return KEYS.every((key) => body[key] === undefined || body[key] === node[key])
}

/** `set` without the members that `newest` has removed. */
export function withoutRemoved(set: Readable, newest: RecordSet): Readable {
  const { records, cache } = set.parsed
  const nodes = records.nodes.filter((node) => isStill(node, newest))
  if (nodes.length === records.nodes.length) return set
  const left = new Set<unknown>(nodes)
  const rest = [...cache].filter(([, { record }]) => record.kind !== 'node' || left.has(record.body))
  return { ...set, parsed: { cache: new Map(rest), records: { ...records, nodes } } }
}
