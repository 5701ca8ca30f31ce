// A reading that stands for as long as the kernel has said nothing to the contrary: on a small machine the start of a
// program costs more than its work, and a device at rest would start them for ever to be told the same.

import type { Clock } from '../../shared/effects.ts'

/** That words got lost is told, too; whatever else there may be, it lasts no longer than this. */
const STANDS_MS = 5 * 60_000

export interface Standing<K, T> {
  /** `key`: what the reading depends on besides the kernel. */
  get(key: K): Promise<T>
  /** Something is about to change, or just did. */
  forget(): void
}

/** `silentSince`: monotonic ms; undefined where nobody listens. */
export function createStanding<K, T>(
  clock: Clock,
  silentSince: () => number | undefined,
  read: (key: K) => Promise<T>,
): Standing<K, T> {
  let last: { readonly key: K; readonly value: T; readonly beganAt: number } | undefined
  let changes = 0

  const stands = ({ beganAt, key }: { readonly beganAt: number; readonly key: K }, asked: K): boolean => {
    const silent = silentSince()
    return key === asked && silent !== undefined && silent < beganAt && clock.monotonic() - beganAt < STANDS_MS
  }

  return {
    async get(key) {
      if (last !== undefined && stands(last, key)) return last.value
      last = undefined
      const [beganAt, before] = [clock.monotonic(), changes]
      const value = await read(key)
      if (before === changes) last = { key, value, beganAt }
      return value
    },
    forget() {
      changes += 1
      last = undefined
    },
  }
}
