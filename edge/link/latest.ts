// Publishes the latest value of a retained topic: what was superseded while it waited is never sent, and over time nothing
// is sent more often than every `minMs` unless it is urgent.

import { sameBytes } from '../../shared/bytes.ts'
import type { Clock, Timer } from '../../shared/effects.ts'

export interface LatestOptions {
  readonly clock: Clock
  readonly minMs: number
  /** After a pause so many more may follow quickly, each on account of a later one; none where absent. */
  readonly ahead?: number
  readonly publish: (payload: Uint8Array) => Promise<void>
  /** Told once where a publish has no answer for so long, although the link seems up. */
  readonly late?: { readonly afterMs: number; readonly tell: () => void }
}

export interface Latest {
  /** Replaces what waits. */
  offer(payload: Uint8Array, urgent?: boolean): void
  /** The link is there. `graceMs` leaves the broker time to show what it still retains. */
  up(graceMs?: number): void
  down(): void
  /** The broker retains `payload` already. */
  retained(payload: Uint8Array): void
  /** True while something waits or is on its way. */
  pending(): boolean
  /** `late` was told of what is on its way. */
  isLate(): boolean
}

/** Between those that follow quickly: what changes together goes together. */
const SOON_MS = 300
/** After a publish that failed although the link seems up. */
const RETRY_MS = 5_000

export function createLatest(options: LatestOptions): Latest {
  const { ahead = 0, clock, late, minMs } = options
  let wanted: Uint8Array | undefined
  let published: Uint8Array | undefined
  let online = false
  let flying = false
  let isLate = false
  let urgent = false
  let sentAt = Number.NEGATIVE_INFINITY
  /** When the next one would go at an even pace (generic cell rate algorithm, ITU-T I.371 annex A). */
  let evenAt = Number.NEGATIVE_INFINITY
  let timer: Timer | undefined
  let dueAt = Number.POSITIVE_INFINITY

  const isDue = (): boolean =>
    wanted !== undefined && (published === undefined || wanted === published || !sameBytes(wanted, published))

  const schedule = (delayMs: number): void => {
    const at = clock.monotonic() + delayMs
    if (timer !== undefined && dueAt <= at) return
    timer?.cancel()
    dueAt = at
    timer = clock.after(delayMs, send)
  }

  const plan = (): void => {
    if (!online || flying || wanted === undefined || wanted === published || !isDue()) return
    schedule(urgent ? 0 : Math.max(0, sentAt + SOON_MS - clock.monotonic(), evenAt - ahead * minMs - clock.monotonic()))
  }

  const tellLate = (): void => {
    if (!online) return
    isLate = true
    late?.tell()
  }

  const fly = async (payload: Uint8Array): Promise<void> => {
    flying = true
    urgent = false
    sentAt = clock.monotonic()
    // What was urgent counts, too, but however much of it there was, the next waits for no more than one interval.
    evenAt = Math.min(Math.max(sentAt, evenAt), sentAt + ahead * minMs) + minMs
    const lateness = late === undefined ? undefined : clock.after(late.afterMs, tellLate)
    try {
      await options.publish(payload).finally(() => {
        lateness?.cancel()
        isLate = false
      })
      flying = false
      published = payload
      plan()
    } catch {
      flying = false
      // When the link is down, `up` plans anew.
      if (online) schedule(RETRY_MS)
    }
  }

  const send = (): void => {
    timer = undefined
    dueAt = Number.POSITIVE_INFINITY
    if (online && !flying && wanted !== undefined && wanted !== published) void fly(wanted)
  }

  return {
    offer(payload, now = false) {
      if (published !== undefined && sameBytes(payload, published)) {
        wanted = published
        return
      }
      wanted = payload
      urgent ||= now
      plan()
    },
    up(graceMs = 0) {
      online = true
      published = undefined
      if (wanted !== undefined) schedule(graceMs)
    },
    down() {
      online = false
      timer?.cancel()
      timer = undefined
      dueAt = Number.POSITIVE_INFINITY
    },
    retained(payload) {
      if (wanted === undefined || flying || !sameBytes(payload, wanted)) return
      published = wanted
      timer?.cancel()
      timer = undefined
      dueAt = Number.POSITIVE_INFINITY
    },
    isLate: () => online && isLate,
    pending: () => flying || (wanted !== undefined && wanted !== published),
  }
}
