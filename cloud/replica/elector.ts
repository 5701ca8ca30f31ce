// Keeps the lease, or waits for it: the loop around lease.ts. A change of the lease only wakes it; what it does follows from what
// it reads then.

import type { Clock, Entropy, Log, Timer } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import type { ClusterStore } from './cluster-store.ts'
import {
  type LeaseState,
  type LeaseTimes,
  nextLease,
  nextStep,
  observed,
  releasedLease,
  renewed,
  type SeenLease,
  type Standing,
  standingOf,
  waitMs,
} from './lease.ts'
import { within } from './patience.ts'

export interface ElectorOptions {
  /** Of this process and no other, also not of the one before it in the same pod. */
  readonly me: string
  readonly times: LeaseTimes
  readonly store: Pick<ClusterStore, 'readLease' | 'writeLease' | 'watchLease'>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** Whether this replica could take over now. */
  readonly mayLead: () => boolean
  /** Of the state, to be told to followers. */
  readonly generation: () => number
  /** The lease was looked at, or renewed. */
  readonly onSeen: () => void
  /** For the first time. */
  readonly onLead: () => void
  /** For good. */
  readonly onLost: (reason: string) => void
}

export interface Elector {
  start(): void
  standing(): Standing
  lease(): SeenLease | undefined
  /** Looks again now. */
  wake(): void
  /** Ends, and gives the lease back where it is held. */
  stop(): Promise<void>
}

export function createElector(options: ElectorOptions): Elector {
  const { clock, entropy, log, me, store, times } = options
  /** A call that hangs must leave time for another before the lease is lost. */
  const bounded = <T>(call: Promise<T>): Promise<T> => within(clock, times.renewDeadlineMs / 2, call)
  let state: LeaseState = { me, times }
  let [running, busy, again] = [false, Promise.resolve(), false]
  let [timer, unwatch]: [Timer | undefined, (() => void) | undefined] = [undefined, undefined]
  let trouble: string | undefined

  const rfc3339 = (): string => `${new Date(clock.now()).toISOString().slice(0, -1)}000Z`
  const standing = (): Standing => standingOf(state, clock.monotonic())

  const see = (lease: SeenLease | undefined): void => {
    state = observed(state, lease, clock.monotonic())
    options.onSeen()
  }

  const write = async (step: 'create' | 'take' | 'renew'): Promise<void> => {
    const sentAt = clock.monotonic()
    const isFirst = state.renewedAt === undefined
    const next = nextLease(state, step, rfc3339(), options.generation())
    const lease = await bounded(store.writeLease(next, state.seen?.lease))
    state = renewed(state, lease, sentAt)
    options.onSeen()
    if (isFirst && running) options.onLead()
  }

  /** True where there is something to do at once. */
  const turn = async (): Promise<boolean> => {
    // Who holds it writes over what it wrote last; only where that fails it looks who was there.
    if (state.seen?.lease.holder !== me) see(await bounded(store.readLease()))
    const step = nextStep(state, options.mayLead(), clock.monotonic())
    switch (step) {
      case 'wait':
        return false
      case 'leave': {
        running = false
        options.onLost(`another hub has taken the lease: ${state.seen?.lease.holder || 'it is free, or gone'}`)
        return false
      }
      case 'create':
      case 'take':
      case 'renew':
        try {
          await write(step)
          return false
        } catch (error) {
          if (!isHoldfastError(error, 'conflict') && !isHoldfastError(error, 'not-found')) throw error
          see(await bounded(store.readLease()))
          return step === 'renew'
        }
    }
  }

  const look = async (): Promise<void> => {
    if (!running) return
    timer?.cancel()
    try {
      again = await turn()
      if (trouble !== undefined) log.info('the lease is heard of again')
      trouble = undefined
    } catch (error) {
      const why = describeError(error)
      if (trouble !== why) log.warn('the lease is not heard of', { why, standing: standing() })
      trouble = why
      again = false
    }
    if (running) timer = clock.after(again ? 0 : waitMs(times, entropy.fraction()), wake)
  }

  let queued = false
  const wake = (): void => {
    if (queued) return
    queued = true
    busy = busy.then(() => {
      queued = false
      return look()
    })
  }

  return {
    start() {
      running = true
      unwatch = store.watchLease(() => {
        // Its own writes are no news to the one who leads.
        if (state.seen?.lease.holder !== me) wake()
      })
      wake()
    },
    standing,
    lease: () => state.seen?.lease,
    wake,
    async stop() {
      running = false
      timer?.cancel()
      unwatch?.()
      await busy
      const { seen } = state
      if (seen?.lease.holder !== me) return
      try {
        await bounded(store.writeLease(releasedLease(seen.lease, rfc3339()), seen.lease))
      } catch (error) {
        log.warn('the lease could not be given back; another hub takes it when it has run out', {
          why: describeError(error),
        })
      }
    },
  }
}
