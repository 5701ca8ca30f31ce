// How long the record of flows is, noted beside it among the agent's state: a record that was removed, or put back as it was
// some time ago, is whole in itself, and shorter than it was. The note lags by ten minutes, because a power cut costs the record
// its last seconds and the state nothing.

import type { Store } from '../store/store.ts'

export interface Witness {
  /** What is missing of a record with so many batches; undefined where nothing is. Asked once, before anything is noted. */
  fault(count: number): string | undefined
  /** There are so many now. */
  note(count: number, atMs: number): void
  /** As the record is closed, and all of it is on the disk. */
  close(count: number): void
}

const KEY = 'flow-batches'
const EVERY_MS = 600_000

export function createWitness(store: Pick<Store, 'get' | 'set'>, write: (run: () => void) => void): Witness {
  let [lastCount, noteAtMs] = [0, Number.NEGATIVE_INFINITY]
  const put = (count: number): void => write(() => store.set(KEY, String(count)))
  return {
    fault(count) {
      const known = Number(store.get(KEY) ?? 0)
      lastCount = count
      if (!(known > count)) return undefined
      put(count)
      return `it had ${known} batches, and has ${count}`
    },
    note(count, atMs) {
      if (atMs < noteAtMs) return
      if (lastCount > 0) put(lastCount)
      lastCount = count
      noteAtMs = atMs + EVERY_MS
    },
    close: put,
  }
}
