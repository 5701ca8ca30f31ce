// Events for those who watch, with a bounded memory of the last ones: who lost the connection misses none, or is told to
// list again. Ids do not survive a restart of the hub, and say so.

import type { Clock, Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { base32 } from '../../shared/ids.ts'
import { eventQueueMax, eventsKeptMax, watchersMax } from '../../shared/limits.ts'
import type { Hub, HubEvent } from '../hub.ts'

export interface LoggedEvent {
  /** `<session>-<number>`; the session changes with each start of the hub. */
  readonly id: string
  /** `reset`: what was seen so far is no longer continued; list again. */
  readonly event: HubEvent | { readonly type: 'reset' }
}

/** As it is shown to who did not watch. */
export type PastEvent = HubEvent & {
  readonly id: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

export interface Watcher {
  /** Id of the last event before the watch; who lists and then continues from it misses nothing. */
  readonly from: string
  /** Resolves with the next events, at least one; empty when the watch has ended. */
  next(): Promise<readonly LoggedEvent[]>
  close(): void
}

export interface EventLog {
  watch(lastId?: string): Watcher
  watchers(): number
  /** The newest first, `max` at most. */
  past(max: number): readonly PastEvent[]
  close(): void
}

interface Queue {
  readonly waiting: LoggedEvent[]
  wake: (() => void) | undefined
  ended: boolean
}

export function createEventLog(hub: Pick<Hub, 'watch'>, entropy: Entropy, clock: Pick<Clock, 'now'>): EventLog {
  const session = base32(entropy.bytes(5), 8)
  const kept: (LoggedEvent & { readonly event: HubEvent; readonly at: number })[] = []
  const queues = new Set<Queue>()
  let count = 0

  const end = (queue: Queue): void => {
    queue.ended = true
    queues.delete(queue)
    queue.wake?.()
  }

  const unwatch = hub.watch((event) => {
    const logged = { id: `${session}-${++count}`, event, at: clock.now() }
    kept.push(logged)
    if (kept.length > eventsKeptMax) kept.shift()
    for (const queue of queues) {
      queue.waiting.push(logged)
      // A watcher this slow is better off with a new list than with a growing backlog.
      if (queue.waiting.length > eventQueueMax) end(queue)
      else queue.wake?.()
    }
  })

  /** What `lastId` has missed; a reset where that is not known any more. */
  function missedSince(lastId: string): LoggedEvent[] {
    const [of, number] = lastId.split('-')
    const last = Number(number)
    const oldest = count - kept.length
    if (of !== session || !Number.isSafeInteger(last) || last < oldest || last > count) {
      return [{ id: `${session}-${count}`, event: { type: 'reset' } }]
    }
    return kept.slice(last - oldest)
  }

  return {
    watch(lastId) {
      if (queues.size >= watchersMax) {
        throw new HoldfastError('exhausted', `${watchersMax} watchers are connected already`, {
          remedy: 'Close some, or poll the lists instead.',
        })
      }
      const queue: Queue = { waiting: lastId === undefined ? [] : missedSince(lastId), wake: undefined, ended: false }
      queues.add(queue)
      return {
        from: lastId === undefined ? `${session}-${count}` : lastId,
        async next() {
          if (queue.waiting.length === 0 && !queue.ended) {
            await new Promise<void>((resolve) => {
              queue.wake = resolve
            })
            queue.wake = undefined
          }
          return queue.waiting.splice(0)
        },
        close: () => end(queue),
      }
    },
    watchers: () => queues.size,
    past: (max) =>
      kept
        .slice(-max)
        .toReversed()
        .map(({ at, event, id }) => ({ ...event, id, at })),
    close() {
      unwatch()
      for (const queue of queues) end(queue)
    },
  }
}
