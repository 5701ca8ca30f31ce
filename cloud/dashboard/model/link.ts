// How the page stands with its hub.

import { eventHeartbeatS } from '../../../shared/limits.ts'

/**
 * `live`: events come. `polled`: the hub answers, and its events do not come through, so that it is asked now and then. `down`:
 * what is shown is of before.
 */
export interface Link {
  readonly state: 'connecting' | 'live' | 'polled' | 'down'
  /** When the hub was heard last, where the page is not live; by the hub's clock, milliseconds since the Unix epoch. */
  readonly since: number
  /** Why it is not live, in words. */
  readonly why?: string
}

/** A stream that misses two heartbeats of the hub broke without a word, milliseconds; some more for a slow line. */
export const silenceMsMax = (2 * eventHeartbeatS + 5) * 1_000
/** A hub has opened the stream by then, milliseconds: four times what TLS takes on a line with seconds of delay. */
export const openMsMax = 10_000
/** A stream that has lived so long was worth its opening: the next one is asked for at once, milliseconds. */
export const steadyMsMin = 10_000
const FIRST_TRY_MS = 1_000
const TRY_MS_MAX = 15_000

/** Before the next try to reach the hub; `tries` is 0 after the first failure. `fraction` in [0, 1) spreads a crowd. */
export function retryMs(tries: number, fraction: number): number {
  const whole = Math.min(TRY_MS_MAX, FIRST_TRY_MS * 2 ** Math.min(tries, 10))
  return whole / 2 + (whole / 2) * fraction
}

const EVENT_ID = /^(.+)-(\d+)$/

/** Whether the event `id` is no newer than `last`; ids of another start of the hub cannot be compared. */
export function isTold(id: string, last: string): boolean {
  const [, session, number] = EVENT_ID.exec(id) ?? []
  const [, lastSession, lastNumber] = EVENT_ID.exec(last) ?? []
  return session !== undefined && session === lastSession && Number(number) <= Number(lastNumber)
}
