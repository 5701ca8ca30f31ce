// Raising the clock: devices without a clock battery wake up in the past, and WireGuard refuses handshakes whose time went
// backwards. The agent keeps the newest time that is known to have passed; the clock is raised to it before WireGuard comes up.

import type { Clock, Log } from '../../shared/effects.ts'
import type { Condition } from '../../shared/health.ts'
import type { Store } from '../store/store.ts'

/** The name under which the agent keeps it. */
const KEY = 'time-floor'
/** A clock that lags less than this is not worth touching: time servers correct it smoothly. */
const SLACK_MS = 2_000

/** Milliseconds since the Unix epoch; 0 where nothing is known. */
export function readTimeFloor(store: Pick<Store, 'get'>): number {
  const floor = Number(store.get(KEY) ?? 0)
  return Number.isSafeInteger(floor) && floor > 0 ? floor : 0
}

export interface RaiseOptions {
  readonly floor: number
  readonly clock: Clock
  readonly log: Log
  /** Some hosts own time themselves; then the clock is only complained about. */
  readonly allowed: boolean
  readonly run: (argv: readonly string[]) => Promise<unknown>
}

/** Raises the clock to the floor where it is below. Returns what people should know about it. */
export async function raiseClock(options: RaiseOptions): Promise<Condition | undefined> {
  const { floor, clock, log } = options
  const before = clock.now()
  if (before >= floor - SLACK_MS) return undefined
  const detail = `clock at ${new Date(before).toISOString()}, known to have passed: ${new Date(floor).toISOString()}`
  if (options.allowed) {
    try {
      await options.run(['date', '-u', '-s', `@${Math.ceil(floor / 1_000)}`])
      log.warn('the clock was behind and has been raised', { from: before, to: floor })
      return { code: 'clock-raised', since: clock.now(), detail }
    } catch (error) {
      log.warn('the clock is behind and could not be raised', { why: String(error) })
    }
  }
  return { code: 'clock-behind', since: before, detail }
}
