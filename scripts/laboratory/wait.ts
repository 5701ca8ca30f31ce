// Waiting for something to become true, with a deadline and with what was seen last: "timed out" alone helps nobody.

import { setTimeout as sleep } from 'node:timers/promises'
import { describeError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { patient } from './patience.ts'
import { Unmet } from './unmet.ts'

export interface WaitOptions {
  readonly timeoutMs: number
  readonly everyMs?: number
}

/** What a probe saw: done with a value, or not yet and why. */
export type Seen<T> = { readonly done: T } | { readonly notYet: string }

export interface Waited<T> {
  readonly value: T
  readonly elapsedMs: number
}

/** Calls `probe` until it is done; a probe that throws is not done yet. Throws `Unmet` at the deadline. */
export async function waitFor<T>(
  expected: string,
  probe: () => Promise<Seen<T>> | Seen<T>,
  { timeoutMs, everyMs = 100 }: WaitOptions,
): Promise<Waited<T>> {
  const startedAt = systemClock.monotonic()
  const limitMs = patient(timeoutMs)
  for (;;) {
    let last: string
    try {
      const seen = await probe()
      const elapsedMs = systemClock.monotonic() - startedAt
      if ('done' in seen) return { value: seen.done, elapsedMs }
      last = seen.notYet
    } catch (error) {
      last = describeError(error)
    }
    const elapsedMs = systemClock.monotonic() - startedAt
    if (elapsedMs >= limitMs) throw new Unmet(`${expected}, within ${limitMs / 1_000} s`, last)
    // Looking is work, too: on a slow machine too much of it keeps what is looked for from happening.
    await sleep(patient(everyMs))
  }
}

/** For probes that have nothing to hand back. */
export function holds(condition: boolean, seen: string): Seen<true> {
  return condition ? { done: true } : { notYet: seen }
}
