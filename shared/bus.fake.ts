// A broker in memory with MQTT 3.1.1 manners: retained messages, wildcards, wills, QoS 1. Order is deterministic: with
// a clock, every delivery takes `latencyMs` of it; without one, deliveries happen in order as soon as the caller yields.

import type { Bus, BusFactory, BusHandlers, BusMessage, BusOptions, Clock } from './effects.ts'
import { type ErrorCode, HoldfastError } from './errors.ts'

export interface FakeBrokerOptions {
  readonly clock?: Clock
  /** One way, milliseconds; only with a clock. */
  readonly latencyMs?: number
  /** From a lost link, or from a broker that is back, to the next try; only with a clock. */
  readonly retryMs?: number
}

interface Session {
  readonly id: string
  readonly options: BusOptions
  readonly handlers: BusHandlers
  state: 'down' | 'up' | 'closed'
}

/** MQTT 3.1.1 §4.7: `+` stands for one level, `#` at the end for any number. */
export function matchesFilter(filter: string, topic: string): boolean {
  const has = topic.split('/')
  const wanted = filter.split('/')
  for (const [index, part] of wanted.entries()) {
    if (part === '#') return true
    if (has[index] === undefined || (part !== '+' && part !== has[index])) return false
  }
  return wanted.length === has.length
}

function linkDown(reason = 'the link to the broker is down'): HoldfastError {
  return new HoldfastError('unreachable', reason)
}

export class FakeBroker {
  readonly #options: FakeBrokerOptions
  readonly #sessions = new Map<string, Session>()
  readonly #retained = new Map<string, Uint8Array>()
  readonly #refused = new Map<string, ErrorCode>()
  readonly #muted = new Set<string>()
  #down = false
  /** Everything that was published, for a test to look at. */
  readonly published: BusMessage[] = []

  constructor(options: FakeBrokerOptions = {}) {
    this.#options = options
  }

  factory(clientId: string): BusFactory {
    return (options) => this.#createBus(clientId, options)
  }

  /** The client's machine is gone: its will fires, and this bus never comes back. */
  kill(clientId: string): void {
    const session = this.#sessions.get(clientId)
    if (session === undefined) return
    this.#sessions.delete(clientId)
    const wasUp = session.state === 'up'
    session.state = 'closed'
    if (wasUp) this.#route(session.options.will)
  }

  /** Cuts one client's link; it connects again by itself. */
  drop(clientId: string): void {
    const session = this.#sessions.get(clientId)
    if (session === undefined || session.state !== 'up') return
    this.#lose(session, 'connection reset')
    this.#connectLater(session)
  }

  /** From now on the broker turns this client away with `code`; undefined lets it in again. */
  refuse(clientId: string, code: ErrorCode | undefined): void {
    if (code === undefined) this.#refused.delete(clientId)
    else this.#refused.set(clientId, code)
    const session = this.#sessions.get(clientId)
    if (session?.state === 'up' && code !== undefined) this.#lose(session, 'turned away', code)
    else if (session !== undefined) this.#connectLater(session)
  }

  /** What this client says from now on gets nowhere, and nobody tells it so: a line that swallows packets. */
  mute(clientId: string): void {
    this.#muted.add(clientId)
  }

  setDown(down: boolean): void {
    if (this.#down === down) return
    this.#down = down
    for (const session of this.#sessions.values()) {
      if (!down) this.#connectLater(session)
      else if (session.state === 'up') this.#lose(session, 'the broker is gone')
    }
  }

  /** As a client with every right would publish. */
  inject(message: BusMessage): void {
    this.#route(message)
  }

  retained(topic: string): Uint8Array | undefined {
    return this.#retained.get(topic)
  }

  /** A broker that lost its memory, as one without a disk does when it restarts. */
  forgetRetained(): void {
    this.#retained.clear()
  }

  isUp(clientId: string): boolean {
    return this.#sessions.get(clientId)?.state === 'up'
  }

  #later(run: () => void, delayMs = this.#options.latencyMs ?? 1): void {
    const { clock } = this.#options
    if (clock === undefined) queueMicrotask(run)
    else clock.after(delayMs, run)
  }

  #lose(session: Session, reason: string, code?: ErrorCode): void {
    session.state = 'down'
    this.#route(session.options.will)
    session.handlers.onDown(reason, code)
  }

  #connectLater(session: Session): void {
    this.#later(() => this.#connect(session), this.#options.retryMs ?? 1_000)
  }

  #connect(session: Session): void {
    if (session.state !== 'down' || this.#sessions.get(session.id) !== session) return
    const refusal = this.#refused.get(session.id)
    if (refusal !== undefined) session.handlers.onDown('turned away', refusal)
    else if (this.#down) session.handlers.onDown('no answer from the broker')
    else {
      session.state = 'up'
      session.handlers.onUp()
      for (const [topic, payload] of this.#retained) this.#deliver(session, topic, payload)
    }
  }

  #deliver(session: Session, topic: string, payload: Uint8Array): void {
    if (session.state !== 'up' || !session.options.filters.some((filter) => matchesFilter(filter, topic))) return
    const copy = payload.slice()
    this.#later(() => {
      if (session.state === 'up') session.handlers.onMessage(topic, copy)
    })
  }

  #route(message: BusMessage): void {
    const { topic, payload } = message
    this.published.push(message)
    if (message.retain === true) {
      if (payload.length === 0) this.#retained.delete(topic)
      else this.#retained.set(topic, payload.slice())
    }
    for (const session of this.#sessions.values()) this.#deliver(session, topic, payload)
  }

  #publish(session: Session | undefined, message: BusMessage): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (session?.state !== 'up') {
      reject(linkDown())
      return promise
    }
    if (this.#muted.has(session.id)) return promise
    const copy = { ...message, payload: message.payload.slice() }
    this.#later(() => {
      if (session.state !== 'up') reject(linkDown())
      else {
        this.#route(copy)
        this.#later(resolve)
      }
    })
    return promise
  }

  #createBus(id: string, options: BusOptions): Bus {
    let session: Session | undefined
    return {
      start: (handlers) => {
        const taken = this.#sessions.get(id)
        // MQTT 3.1.1 §3.1.4: a second connection with the same client id ends the first.
        if (taken?.state === 'up') this.#lose(taken, 'another client took over')
        const started: Session = { id, options, handlers, state: 'down' }
        session = started
        this.#sessions.set(id, started)
        this.#later(() => this.#connect(started))
      },
      publish: (message) => this.#publish(session, message),
      nudge: () => {
        const nudged = session
        if (nudged !== undefined) this.#later(() => this.#connect(nudged))
      },
      nextTryInMs: () => undefined,
      close: () => {
        if (session !== undefined) session.state = 'closed'
        if (this.#sessions.get(id) === session) this.#sessions.delete(id)
        return Promise.resolve()
      },
    }
  }
}
