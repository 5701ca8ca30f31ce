// When the agent takes a turn: on a tick, because the kernel is observed and not remembered; at once when something
// woke it; more rarely while turns fail. One turn at a time, and messages never do more than wake it.

import type { Clock, Timer } from '../../shared/effects.ts'

export interface LoopOptions {
  readonly clock: Clock
  /** One turn; false where something is left that the next try may mend. */
  readonly turn: () => Promise<boolean>
  /** A turn threw: it counts as failed, and the next one comes all the same. */
  readonly onError: (error: unknown) => void
}

export interface Loop {
  /** Runs the first turn; resolves when it is done. */
  start(): Promise<void>
  /** `event`: the kernel changed, perhaps by our own hand. `intent`: there is something new to do; overrides back-off. */
  wake(why: 'event' | 'intent'): void
  /** Resolves when no turn runs any more. */
  stop(): Promise<void>
}

/** What someone deletes from the kernel is back within 5 s. */
const TICK_MS = 4_000
/** Lets a burst of kernel events pass as one. */
const EVENT_MS = 50
/** Between turns that events alone bring about: another program that fights us must not cost a whole core. */
const EVENT_SPACING_MS = 500
const FAILED_MS_MIN = 1_000
const FAILED_MS_MAX = 60_000

export function createLoop({ clock, turn, onError }: LoopOptions): Loop {
  let timer: Timer | undefined
  let dueAt = Number.POSITIVE_INFINITY
  let running: Promise<void> | undefined
  let wanted: 'event' | 'intent' | undefined
  let failures = 0
  let endedAt = Number.NEGATIVE_INFINITY
  let stopped = false

  const schedule = (delayMs: number): void => {
    const at = clock.monotonic() + delayMs
    if (stopped || (timer !== undefined && dueAt <= at)) return
    timer?.cancel()
    dueAt = at
    timer = clock.after(delayMs, run)
  }

  const eventDelayMs = (): number => Math.max(EVENT_MS, endedAt + EVENT_SPACING_MS - clock.monotonic())

  const attempt = async (): Promise<boolean> => {
    try {
      return await turn()
    } catch (error) {
      onError(error)
      return false
    }
  }

  const once = async (): Promise<void> => {
    const fine = await attempt()
    failures = fine ? 0 : failures + 1
    endedAt = clock.monotonic()
    running = undefined
    const why = wanted
    wanted = undefined
    schedule(failures === 0 ? TICK_MS : Math.min(FAILED_MS_MAX, FAILED_MS_MIN * 2 ** Math.min(failures - 1, 10)))
    if (why !== undefined) wake(why)
  }

  const run = (): void => {
    timer?.cancel()
    timer = undefined
    dueAt = Number.POSITIVE_INFINITY
    // Behind a yield, so that a wake from inside the turn finds it running.
    running ??= Promise.resolve().then(once)
  }

  const wake = (why: 'event' | 'intent'): void => {
    if (running !== undefined) {
      if (wanted !== 'intent') wanted = why
    } else if (why === 'intent') schedule(0)
    else if (failures === 0) schedule(eventDelayMs())
  }

  return {
    async start() {
      run()
      await running
    },
    wake,
    async stop() {
      stopped = true
      timer?.cancel()
      timer = undefined
      await running
    },
  }
}
