// When the path in use is worth a large probe: by what was sent on it since the last one. Without payload never.

import type { ObservedPeer } from '../plan/observed.ts'

export interface SizeNeed {
  txBytes: number
  rxBytes: number
  /** Sent since the path was last asked, but for looks that saw nothing large. */
  unproven: number
  /** Looks in a row in which large packets left and nothing came back. */
  mute: number
  /** Times it was asked since then. */
  muteAsks: number
  /** It was asked because much flowed: what stops to flow right behind that may have fallen into a hole. Never if metered. */
  again: boolean
  askedAt: number
}

/** A look that saw less leave has seen no large packet. */
const LARGE_BYTES = 1_200
/** Worth a probe of 1.5 kB a second: 2 percent of it, and less than 1 where each byte is paid for. */
const MUCH_BYTES = 64 << 10
const MUCH_METERED_BYTES = 192 << 10
const MUCH_MS = 1_000
/** Large packets leave and nothing comes back: a stream, or a hole. Each time it proves to be a stream, it waits longer. */
const MUTE_LOOKS = 2
const MUTE_MS = 2_000
/** Some packets now and then. */
const LITTLE_MS = 60_000
const LITTLE_METERED_MS = 600_000

export function newSizeNeed(): SizeNeed {
  // Counters below the first look's would be a start anew; so is this.
  const [txBytes, rxBytes] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  return { txBytes, rxBytes, unproven: 0, mute: 0, muteAsks: 0, again: false, askedAt: Number.NEGATIVE_INFINITY }
}

export function noteCounters(need: SizeNeed, { rxBytes, txBytes }: Pick<ObservedPeer, 'rxBytes' | 'txBytes'>): void {
  const tx = txBytes - need.txBytes
  const rx = rxBytes - need.rxBytes
  need.txBytes = txBytes
  need.rxBytes = rxBytes
  if (tx < 0 || rx < 0) return
  if (tx >= LARGE_BYTES) need.unproven += tx
  need.mute = tx >= LARGE_BYTES && rx < LARGE_BYTES / 10 ? need.mute + 1 : 0
  if (need.mute === 0) need.muteAsks = 0
}

function isMuch({ unproven }: SizeNeed, metered: boolean): boolean {
  return unproven >= (metered ? MUCH_METERED_BYTES : MUCH_BYTES)
}

/** When the path is to be asked, as monotonic time; Infinity for not yet. */
export function neededAt(need: SizeNeed, metered: boolean): number {
  const { again, askedAt, mute, muteAsks, unproven } = need
  const littleMs = metered ? LITTLE_METERED_MS : LITTLE_MS
  if (again || isMuch(need, metered)) return askedAt + MUCH_MS
  if (unproven < LARGE_BYTES) return Number.POSITIVE_INFINITY
  return askedAt + (mute >= MUTE_LOOKS ? Math.min(littleMs, MUTE_MS * 2 ** muteAsks) : littleMs)
}

export function noteAsk(need: SizeNeed, metered: boolean, now: number): void {
  need.again = !metered && isMuch(need, metered) && now - need.askedAt < 2 * MUCH_MS
  if (need.mute >= MUTE_LOOKS) need.muteAsks += 1
  need.askedAt = now
  need.unproven = 0
}
