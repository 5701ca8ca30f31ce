// What the hub says of an override of this node, read from the signed set itself: it may have come by any way.

import type { NodeId } from '../../shared/ids.ts'
import { parseRecord, type RecordSet, type VerdictBody } from '../../shared/record/record.ts'

/** Undefined where the set says nothing of it, or what it says is of another node. */
export function verdictOn(
  records: RecordSet | undefined,
  id: string,
  node: NodeId,
): VerdictBody['verdict'] | undefined {
  const bytes = records?.get(`verdict/${id}`)
  if (bytes === undefined) return undefined
  try {
    const record = parseRecord(bytes)
    return record.kind === 'verdict' && record.body.node === node ? record.body.verdict : undefined
  } catch {
    // Of a newer hub: what is not understood is no verdict.
    return undefined
  }
}
