// Messages on their way to the broker: a window of unacknowledged ones, a bounded queue behind it, and in the queue a
// retained message replaces an older one of its topic, since only the last would be kept anyway.

import type { BusMessage } from '../effects.ts'
import { HoldfastError } from '../errors.ts'

interface Waiting {
  message: BusMessage
  readonly settle: PromiseWithResolvers<void>
}

export interface OutboxOptions {
  readonly queueMax: number
  readonly inFlightMax: number
}

export interface Outbox {
  /** Rejects with `unreachable` while closed and with `exhausted` when the queue is full. */
  publish(message: BusMessage): Promise<void>
  /** From now on messages go through `send`. */
  open(send: (message: BusMessage) => Promise<void>): void
  /** Rejects everything that is not acknowledged. */
  close(error: HoldfastError): void
}

function linkDown(): HoldfastError {
  return new HoldfastError('unreachable', 'the link to the broker is down')
}

export function createOutbox(options: OutboxOptions): Outbox {
  let send: ((message: BusMessage) => Promise<void>) | undefined
  let queue: Waiting[] = []
  let inFlight = new Set<Waiting>()

  const fly = (item: Waiting, through: (message: BusMessage) => Promise<void>): void => {
    const flight = inFlight
    flight.add(item)
    void through(item.message)
      .then(item.settle.resolve, item.settle.reject)
      .finally(() => {
        // A set of an earlier connection is no longer anybody's.
        if (flight.delete(item) && flight === inFlight) pump()
      })
  }

  const pump = (): void => {
    const through = send
    if (through === undefined) return
    for (const item of queue.splice(0, options.inFlightMax - inFlight.size)) fly(item, through)
  }

  const enqueue = (message: BusMessage): Promise<void> => {
    if (send === undefined) return Promise.reject(linkDown())
    const older = message.retain === true ? queue.find((item) => replaces(message, item.message)) : undefined
    if (older !== undefined) {
      older.message = message
      return older.settle.promise
    }
    if (queue.length >= options.queueMax) {
      return Promise.reject(
        new HoldfastError('exhausted', `${queue.length} messages already wait for the broker`, {
          remedy: 'The broker or the uplink is too slow for what is published; the message can be sent again later.',
        }),
      )
    }
    const item: Waiting = { message, settle: Promise.withResolvers() }
    queue.push(item)
    pump()
    return item.settle.promise
  }

  return {
    publish: enqueue,
    open(through) {
      send = through
      pump()
    },
    close(error) {
      send = undefined
      const lost = [...inFlight, ...queue]
      queue = []
      inFlight = new Set()
      for (const item of lost) item.settle.reject(error)
    },
  }
}

function replaces(message: BusMessage, queued: BusMessage): boolean {
  return queued.retain === true && queued.topic === message.topic
}
