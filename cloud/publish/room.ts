// How much fits into one network. Asked before a change is taken: a revision that agents refuse would stop all that follow.

import { HoldfastError } from '../../shared/errors.ts'
import { headBytesMax, recordsMax, snapshotBytesMax } from '../../shared/limits.ts'
import type { RecordSet } from '../../shared/record/record.ts'

export interface Size {
  readonly count: number
  /** Of the records alone. */
  readonly bytes: number
}

export function sizeOf(records: RecordSet): Size {
  let bytes = 0
  for (const record of records.values()) bytes += record.length
  return { count: records.size, bytes }
}

export function checkRoom(
  network: string,
  size: Size,
  changes: ReadonlyMap<string, Uint8Array | undefined>,
  held: (id: string) => Uint8Array | undefined,
): void {
  let { bytes, count } = size
  for (const [id, next] of changes) {
    const before = held(id)
    bytes += (next?.length ?? 0) - (before?.length ?? 0)
    count += (next === undefined ? 0 : 1) - (before === undefined ? 0 : 1)
  }
  const remedy = 'Delete what is no longer used, or make another Network.'
  if (count > recordsMax && count > size.count) {
    throw new HoldfastError('exhausted', `network ${network} would have ${count} records, at most ${recordsMax} fit`, {
      remedy,
    })
  }
  // A snapshot is the records with a comma between them, two brackets, and a framed head.
  const snapshot = bytes + count + headBytesMax + 4
  if (snapshot > snapshotBytesMax && bytes > size.bytes) {
    throw new HoldfastError(
      'too-large',
      `network ${network} would be a snapshot of ${snapshot} bytes, at most ${snapshotBytesMax} fit`,
      { remedy },
    )
  }
}
