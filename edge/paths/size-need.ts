// When the path in use is worth a large probe: by what was sent on it since the last one. Without payload never.

import type { ObservedPeer } from '../plan/observed.ts'

export interface SizeNeed {
  txBytes: number
  rxBytes: number
  /** Sent since the path was last asked. */
  unproven: number
  /** Looks in a row in which large packets left and nothing came back. */
  mute: number
  askedAt: number
}

/** A look that saw more leave may have seen a large packet. */
const LARGE_BYTES = 1_200
/** Worth a probe of 1.5 kB a second: 2 percent of it, and less than 1 where each byte is paid for. */
const MUCH_BYTES = 64 << 10
const MUCH_METERED_BYTES = 192 << 10
const MUCH_MS = 1_000
/** Large packets leave and nothing comes back: a stream, or a hole. */
const MUTE_LOOKS = 2
const MUTE_MS = 10_000
/** Some packets now and then. */
const LITTLE_MS = 60_000
const LITTLE_METERED_MS = 600_000

export function newSizeNeed(): SizeNeed {
  // Counters below the first look's would be a start anew; so is this.
  const infinite = Number.POSITIVE_INFINITY
  return { txBytes: infinite, rxBytes: infinite, unproven: 0, mute: 0, askedAt: Number.NEGATIVE_INFINITY }
}

export function noteCounters(need: SizeNeed, { rxBytes, txBytes }: Pick<ObservedPeer, 'rxBytes' | 'txBytes'>): void {
  const tx = txBytes - need.txBytes
  const rx = rxBytes - need.rxBytes
  need.txBytes = txBytes
  need.rxBytes = rxBytes
  if (tx < 0 || rx < 0) return
  need.unproven += tx
  need.mute = tx >= LARGE_BYTES && rx < LARGE_BYTES / 10 ? need.mute + 1 : 0
}

/** When the path is to be asked, as monotonic time; Infinity for not yet. */
export function neededAt({ askedAt, mute, unproven }: SizeNeed, metered: boolean): number {
  if (unproven < LARGE_BYTES) return Number.POSITIVE_INFINITY
  if (unproven >= (metered ? MUCH_METERED_BYTES : MUCH_BYTES)) return askedAt + MUCH_MS
  if (mute >= MUTE_LOOKS) return askedAt + MUTE_MS
  return askedAt + (metered ? LITTLE_METERED_MS : LITTLE_MS)
}
