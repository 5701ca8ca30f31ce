// Small values the agent keeps across restarts, written seldom, and never at the price of the network: a disk that takes
// no writes is a condition, not a failure.

import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Health } from '../report/health.ts'
import type { JournalEntry, Store } from './store.ts'

export interface Keepsakes {
  /** Runs a write; a failure becomes the condition `disk-full`. True if it went well. */
  write(doing: string, run: () => void): boolean
  /** Reads what the agent can do without. */
  attempt(doing: string, run: () => void): void
  /** Counts this start, and keeps the count before it is used. */
  nextBoot(): number
  raiseBoot(boot: number): void
  /** Newest time known to have passed, milliseconds since the Unix epoch. */
  floor(): number
  raiseFloor(atMs: number): void
  setFloor(atMs: number): void
  journal(event: string, detail: string): void
  /** Ends `disk-full` if the disk takes writes again. */
  probe(): void
}

const BOOT = 'boot'
const FLOOR = 'time-floor'
const PROBE = 'disk-probe'
/** Entries of one event an hour: something that repeats must not push everything else out of the journal. */
const SAME_EVENT_PER_HOUR = 30
const HOUR_MS = 3_600_000

function counter(text: string | undefined): number {
  const value = Number(text ?? 0)
  return Number.isSafeInteger(value) && value > 0 ? value : 0
}

export function createKeepsakes(store: Store, clock: Clock, health: Health, log: Log): Keepsakes {
  if (store.volatile !== undefined) health.raise('disk-full', store.volatile)
  const events = new Map<string, { since: number; count: number }>()

  const write = (doing: string, run: () => void): boolean => {
    try {
      run()
      return true
    } catch (error) {
      log.warn('a write failed; going on without it', { doing, reason: describeError(error) })
      health.raise('disk-full', `${doing}: ${describeError(error)}`)
      return false
    }
  }

  const read = (key: string): number => {
    try {
      return counter(store.get(key))
    } catch (error) {
      log.warn('a kept value cannot be read', { key, reason: describeError(error) })
      return 0
    }
  }

  const mayJournal = (event: string): boolean => {
    const now = clock.monotonic()
    const seen = events.get(event)
    if (seen === undefined || now - seen.since >= HOUR_MS) {
      events.set(event, { since: now, count: 1 })
      return true
    }
    seen.count += 1
    return seen.count <= SAME_EVENT_PER_HOUR
  }

  return {
    write,
    attempt(doing, run) {
      try {
        run()
      } catch (error) {
        log.warn('something kept cannot be read', { doing, reason: describeError(error) })
      }
    },
    nextBoot() {
      const boot = read(BOOT) + 1
      write('count this start', () => store.set(BOOT, String(boot)))
      return boot
    },
    raiseBoot: (boot) => void write('keep the boot counter', () => store.set(BOOT, String(boot))),
    floor: () => read(FLOOR),
    raiseFloor(atMs) {
      if (atMs > read(FLOOR)) write('keep the time', () => store.set(FLOOR, String(atMs)))
    },
    setFloor: (atMs) => void write('keep the time', () => store.set(FLOOR, String(atMs))),
    journal(event, detail) {
      if (!mayJournal(event)) return
      const entry: JournalEntry = { at: clock.now(), event, detail: detail.slice(0, 1_000) }
      write('write the journal', () => store.journal(entry))
    },
    probe() {
      if (store.volatile !== undefined || !health.has('disk-full')) return
      // A value that differs each time, or the store would not write it.
      if (write('see whether the disk takes writes', () => store.set(PROBE, String(clock.now()))))
        health.clear('disk-full')
    },
  }
}
