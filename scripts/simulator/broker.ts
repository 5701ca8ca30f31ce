// An MQTT broker that does everything a bad day does: it loses, repeats, delays and reorders what it delivers, drops
// connections with messages half way, and is told to lie. Seeded, so that a bad day comes back when asked for.

import type { FakeClock } from '../../shared/effects.fake.ts'
import type { Bus, BusFactory, BusHandlers, BusMessage, BusOptions, Entropy, Timer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NodeClock } from './node-clock.ts'

export interface Weather {
  /** Share of deliveries that get lost, and that come twice. */
  readonly loss: number
  readonly twice: number
  /** Longest delay of one delivery, milliseconds; two deliveries may overtake each other. */
  readonly delayMsMax: number
}

export const calm: Weather = { loss: 0, twice: 0, delayMsMax: 20 }

/** Reconnect tries of a client, milliseconds: shorter than the real ones, so that a run sees many of them. */
const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 5_000

interface Session {
  readonly id: string
  readonly options: BusOptions
  readonly handlers: BusHandlers
  readonly clock: NodeClock
  up: boolean
  closed: boolean
  /** Its machine crashed: nothing it waits for ever comes back. */
  dead: boolean
  /** The next try to connect. */
  trying: Timer | undefined
}

export interface SimBroker {
  weather: Weather
  factory(id: string, clock: NodeClock): BusFactory
  /** Publishes as nobody in particular: what a broker in the wrong hands can do. */
  inject(message: BusMessage): void
  /** Everything that was ever published, newest last and bounded: what a wiretap would replay. */
  readonly overheard: readonly BusMessage[]
  setDown(down: boolean): void
  /** Cuts a client off, or lets it back. */
  cut(id: string, off: boolean): void
  /** Drops a connection without a goodbye; the client may come back at once. */
  drop(id: string): void
  /** The client's machine crashed. */
  forget(id: string): void
  /** Publishes that wait for their acknowledgement, over all clients. */
  inFlight(): number
}

const OVERHEARD_MAX = 512

/** MQTT 3.1.1 §4.7: `+` stands for one level, a final `#` for any number. */
function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const has = topic.split('/')
  for (const [i, part] of wanted.entries()) {
    if (part === '#') return true
    if (has[i] === undefined || (part !== '+' && part !== has[i])) return false
  }
  return wanted.length === has.length
}

export function createSimBroker(base: FakeClock, entropy: Entropy): SimBroker {
  const sessions = new Map<string, Session>()
  const retained = new Map<string, Uint8Array>()
  const cutOff = new Set<string>()
  const overheard: BusMessage[] = []
  let down = false
  let inFlight = 0

  const delayMs = (): number => 1 + entropy.fraction() * broker.weather.delayMsMax
  const reachable = (session: Session): boolean => !down && !cutOff.has(session.id) && !session.closed

  const deliver = (session: Session, topic: string, payload: Uint8Array): void => {
    const times = entropy.fraction() < broker.weather.twice ? 2 : 1
    for (let i = 0; i < times; i++) {
      if (entropy.fraction() < broker.weather.loss) continue
      base.after(delayMs(), () => {
        if (session.up && sessions.get(session.id) === session) session.handlers.onMessage(topic, payload.slice())
      })
    }
  }

  const route = (message: BusMessage): void => {
    overheard.push(message)
    if (overheard.length > OVERHEARD_MAX) overheard.shift()
    const { topic, payload } = message
    if (message.retain === true) {
      if (payload.length === 0) retained.delete(topic)
      else retained.set(topic, payload.slice())
    }
    for (const session of sessions.values()) {
      if (session.up && session.options.filters.some((filter) => matches(filter, topic))) {
        deliver(session, topic, payload)
      }
    }
  }

  const lose = (session: Session, reason: string): void => {
    if (!session.up) return
    session.up = false
    route(session.options.will)
    if (!session.closed) session.handlers.onDown(reason)
    retry(session)
  }

  const retry = (session: Session): void => {
    const waitMs = RETRY_MS_MIN + entropy.fraction() * (RETRY_MS_MAX - RETRY_MS_MIN)
    session.trying?.cancel()
    session.trying = session.clock.after(waitMs, () => connect(session))
  }

  const connect = (session: Session): void => {
    if (session.closed || session.up || sessions.get(session.id) !== session) return
    if (!reachable(session)) {
      session.handlers.onDown('no route to the broker')
      retry(session)
      return
    }
    session.up = true
    session.handlers.onUp()
    for (const [topic, payload] of retained) {
      if (session.options.filters.some((filter) => matches(filter, topic))) deliver(session, topic, payload)
    }
  }

  const publish = (session: Session, message: BusMessage): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (): void => reject(new HoldfastError('unreachable', 'the link to the broker is down'))
    if (!session.up) {
      fail()
      return promise
    }
    inFlight++
    const copy = { ...message, payload: message.payload.slice() }
    base.after(delayMs(), () => {
      const arrived = session.up && reachable(session)
      if (arrived) route(copy)
      base.after(delayMs(), () => {
        inFlight--
        // The message may have arrived although its acknowledgement is lost: QoS 1.
        if (session.dead) return
        if (arrived && session.up) resolve()
        else fail()
      })
    })
    return promise
  }

  const createBus = (id: string, clock: NodeClock, options: BusOptions): Bus => {
    let session: Session | undefined
    return {
      start(handlers) {
        // What is left of a crashed program may still get here; it must not take the place of the living.
        if (clock.dead()) return
        session = { id, options, handlers, clock, up: false, closed: false, dead: false, trying: undefined }
        sessions.set(id, session)
        const started = session
        started.trying = clock.after(delayMs(), () => connect(started))
      },
      publish: (message) =>
        session === undefined
          ? Promise.reject(new HoldfastError('unreachable', 'not started'))
          : publish(session, message),
      nudge() {
        const nudged = session
        if (nudged === undefined || nudged.up) return
        nudged.trying?.cancel()
        nudged.trying = clock.after(1, () => connect(nudged))
      },
      nextTryInMs: () => undefined,
      async close() {
        if (session === undefined) return
        session.closed = true
        session.up = false
        if (sessions.get(id) === session) sessions.delete(id)
      },
    }
  }

  const broker: SimBroker = {
    weather: calm,
    overheard,
    factory: (id, clock) => (options) => createBus(id, clock, options),
    inject: route,
    setDown(off) {
      down = off
      if (off) for (const session of sessions.values()) lose(session, 'the broker is gone')
    },
    cut(id, off) {
      if (off) cutOff.add(id)
      else cutOff.delete(id)
      const session = sessions.get(id)
      if (off && session !== undefined) lose(session, 'the link is cut')
    },
    drop(id) {
      const session = sessions.get(id)
      if (session !== undefined) lose(session, 'connection reset')
    },
    forget(id) {
      const session = sessions.get(id)
      if (session === undefined) return
      session.closed = true
      session.dead = true
      lose(session, 'crashed')
      sessions.delete(id)
    },
    inFlight: () => inFlight,
  }
  return broker
}
