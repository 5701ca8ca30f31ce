// The message bus over a real broker: keeps one MQTT connection up, with a back-off that spares the hub a stampede.
//
// `connect` yields a stream that is already open and trusted, so this file knows nothing of TLS, WebSocket or addresses.

import type { Duplex } from 'node:stream'
import type { Bus, BusFactory, BusHandlers, BusOptions, Clock, Entropy, Log, Timer } from '../effects.ts'
import { HoldfastError, isHoldfastError } from '../errors.ts'
import { publishInFlightMax, publishQueueMax } from '../limits.ts'
import { nextDelayMs } from './mqtt-backoff.ts'
import { createOutbox } from './mqtt-outbox.ts'
import { openSession, type Session } from './mqtt-session.ts'
import { troubleOf } from './trouble.ts'

export interface MqttBusOptions {
  /** Opens a stream to the broker and proves who is at its other end. */
  readonly connect: () => Promise<Duplex>
  readonly clientId: string
  readonly username?: string
  readonly password?: string
  /** In place of both, asked at each connection: credentials may have been renewed meanwhile. */
  readonly logIn?: () => { readonly username: string; readonly password: string }
  /** Seconds; 60 where absent, 240 suits a metered link. */
  readonly keepaliveS?: number
  /** Messages that may wait; `publishQueueMax` where absent. A hub that answers many agents needs more. */
  readonly queueMax?: number
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly backoff?: typeof nextDelayMs
}

/** How long `connect` may take in all: name resolution, TCP and TLS on a bad link. */
const CONNECT_MS_MAX = 30_000
/** Nudges closer together than this are one: an interface that flaps must not make one try after the other. */
const NUDGE_MS_MIN = 1_000

// MQTT.js's packet writer keeps a slice of Node's Buffer pool for every packet length it ever wrote, and each slice pins
// its whole 8 KiB (64 KiB on Node 24) pool: hundreds of MiB after some thousand lengths. Without a pool a slice pins itself.
export function avoidPacketLeak(): void {
  Buffer.poolSize = 0
}

export function createMqttBusFactory(options: MqttBusOptions): BusFactory {
  avoidPacketLeak()
  return (bus) => createBus(options, bus)
}

function asError(error: unknown): HoldfastError {
  if (isHoldfastError(error)) return error
  const message = error instanceof Error ? error.message : String(error)
  return new HoldfastError('unreachable', `cannot connect to the broker: ${message}`, { cause: error })
}

interface Trying {
  readonly stream: Promise<Duplex>
  giveUp(why: string): void
}

function tryFor(work: Promise<Duplex>, clock: Clock): Trying {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const giveUp = (why: string): void => {
    work.then((stream) => stream.destroy()).catch(() => undefined)
    reject(new HoldfastError('unreachable', why))
  }
  const timer = clock.after(CONNECT_MS_MAX, () => {
    giveUp(`no connection to the broker within ${CONNECT_MS_MAX / 1_000} s`)
  })
  const stream = Promise.race([work, late])
    .catch((error: unknown) => Promise.reject(asError(error)))
    .finally(() => timer.cancel())
  return { stream, giveUp }
}

function createBus(options: MqttBusOptions, bus: BusOptions): Bus {
  const { clock, entropy, log } = options
  const delayMs = options.backoff ?? nextDelayMs
  const outbox = createOutbox({ queueMax: options.queueMax ?? publishQueueMax, inFlightMax: publishInFlightMax })
  let handlers: BusHandlers | undefined
  let session: Session | undefined
  let trying: Trying | undefined
  let waiting: Timer | undefined
  /** Monotonic milliseconds of the next try. */
  let tryAt = 0
  let failures = 0
  let upAt: number | undefined
  let nudgedAt = Number.NEGATIVE_INFINITY
  let closed = false

  const down = (error: HoldfastError): void => {
    session = undefined
    trying = undefined
    outbox.close(new HoldfastError('unreachable', `the link to the broker is down: ${error.message}`))
    if (closed) return
    const stableMs = upAt === undefined ? 0 : clock.monotonic() - upAt
    upAt = undefined
    failures += 1
    const pauseMs = delayMs({ failures, stableMs }, entropy.fraction())
    tryAt = clock.monotonic() + pauseMs
    waiting = clock.after(pauseMs, attempt)
    log.debug('no link to the broker', { reason: error.message, again_in_ms: Math.round(pauseMs) })
    handlers?.onDown(error.message, error.code, troubleOf(error))
  }

  const up = (current: Session): void => {
    failures = 0
    upAt = clock.monotonic()
    outbox.open((message) => current.publish(message))
    handlers?.onUp()
  }

  const deliver = (topic: string, payload: Uint8Array): void => {
    try {
      handlers?.onMessage(topic, payload)
    } catch (error) {
      // One message that its reader can't digest must not end the link that the next one comes through.
      log.warn('a message was not digested', { topic, reason: asError(error).message })
    }
  }

  const attempt = (): void => {
    waiting = undefined
    trying = tryFor(options.connect(), clock)
    trying.stream.then(begin, down)
  }

  const begin = (stream: Duplex): void => {
    trying = undefined
    if (closed) stream.destroy()
    else {
      const current = openSession(
        stream,
        { ...bus, ...options, ...options.logIn?.(), keepaliveS: options.keepaliveS ?? 60 },
        { up: () => up(current), down, message: deliver },
      )
      session = current
    }
  }

  return {
    start(given) {
      handlers = given
      attempt()
    },
    publish: (message) => outbox.publish(message),
    nudge() {
      if (closed || clock.monotonic() - nudgedAt < NUDGE_MS_MIN) return
      nudgedAt = clock.monotonic()
      // Something changed: what failed before says little about now.
      failures = 0
      if (waiting !== undefined) {
        waiting.cancel()
        attempt()
      } else if (upAt !== undefined) session?.probe()
      // Else it may wait for an answer to what went out by a way that is gone.
      else trying?.giveUp('the network changed meanwhile')
    },
    nextTryInMs: () => (closed || waiting === undefined ? undefined : Math.max(0, tryAt - clock.monotonic())),
    async close() {
      if (closed) return
      closed = true
      waiting?.cancel()
      await session?.end()
      down(new HoldfastError('unreachable', 'closed'))
    },
  }
}
