// One MQTT 3.1.1 connection over a stream that is already open and trusted: from CONNECT to its end, never longer.
//
// A new client for each connection, because MQTT.js carries queues and packet ids from one connection to the next, and
// our sessions are clean ones.

import type { Duplex } from 'node:stream'
import type { ErrorWithReasonCode } from 'mqtt'
import clientModule from 'mqtt/lib/client'
import type { BusMessage, BusOptions, Clock, Timer } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { mqttPacketMax } from '../limits.ts'

// The client alone, past the package's front door, which loads every transport (2 MiB that are never used).
const MqttClient = clientModule.default
type MqttClient = InstanceType<typeof MqttClient>

export interface SessionOptions extends BusOptions {
  readonly clientId: string
  readonly username?: string
  readonly password?: string
  readonly keepaliveS: number
  readonly clock: Clock
}

export interface SessionEvents {
  /** The broker granted every subscription. */
  up(): void
  /** Once, whatever ended it. */
  down(error: HoldfastError): void
  message(topic: string, payload: Uint8Array): void
}

export interface Session {
  /** Resolves when the broker acknowledged; rejects when the connection ends first. */
  publish(message: BusMessage): Promise<void>
  /** Finds out whether the broker still answers, sooner than keepalive would. */
  probe(): void
  /** Says goodbye, so that the will is not published. */
  end(): Promise<void>
  /** Drops the connection without a word, so that the will is published. */
  drop(error: HoldfastError): void
}

/** How long a broker may take for CONNACK or SUBACK. */
const ANSWER_MS_MAX = 20_000
/** How long a broker may take to acknowledge one message before the link counts as broken. */
const ACK_MS_MAX = 60_000
/** How long an answer to `probe` may take: above a bad LTE link's worst round trip. */
const PROBE_MS_MAX = 10_000
/** How long a goodbye may take. */
const END_MS_MAX = 2_000

function refusal(error: Error | ErrorWithReasonCode): HoldfastError {
  const code = 'code' in error ? error.code : Number.NaN
  if (code === 4 || code === 5) {
    return new HoldfastError('unauthenticated', 'the broker refuses the credentials', {
      remedy: 'Check on the hub whether the node was removed or disabled; if so, enable it or join again.',
      cause: error,
    })
  }
  return new HoldfastError('unreachable', `the broker ended the connection: ${error.message}`, { cause: error })
}

/** MQTT.js turns a refused filter (128 in the SUBACK) into an error that carries the packet. */
function refusedSubscription(error: Error, filters: readonly string[]): HoldfastError {
  const granted = (error as { packet?: { granted?: readonly number[] } }).packet?.granted
  const refused = filters.filter((_, index) => granted?.[index] === 128)
  if (refused.length === 0) return refusal(error)
  return new HoldfastError('forbidden', `the broker refuses the subscription to ${refused.join(', ')}`, {
    remedy: 'Check the topic rules of the broker.',
    cause: error,
  })
}

/** MQTT.js takes its interval timer from outside; ours neither keeps the process alive nor outruns a test's clock. */
type IntervalTimer = Exclude<ConstructorParameters<typeof MqttClient>[1]['timerVariant'], string | undefined>

function intervals(clock: Clock): IntervalTimer {
  const running = new Map<number, Timer>()
  let next = 1
  const set = (run: () => void, everyMs: number): number => {
    const id = next++
    const again = (): void => void running.set(id, clock.after(everyMs, tick))
    const tick = (): void => {
      again()
      run()
    }
    again()
    return id
  }
  const clear = (id: number): void => {
    running.get(id)?.cancel()
    running.delete(id)
  }
  return { set, clear }
}

function createClient(stream: Duplex, options: SessionOptions): MqttClient {
  const { will } = options
  return new MqttClient(() => stream, {
    clientId: options.clientId,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    protocolVersion: 4,
    clean: true,
    keepalive: options.keepaliveS,
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: ANSWER_MS_MAX * 2,
    // Its cache of all 65,536 small numbers costs 12 MiB and saves nothing that can be measured.
    writeCache: false,
    timerVariant: intervals(options.clock),
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: will.retain ?? false },
  })
}

/** Ends the connection when a packet grows beyond the bound: the parser would gather up to 256 MiB of it in memory. */
function boundPackets(stream: Duplex, client: MqttClient, drop: (error: HoldfastError) => void): void {
  let gathered = 0
  client.on('packetreceive', () => {
    gathered = 0
  })
  stream.on('data', (chunk: Uint8Array) => {
    // One chunk may end one packet and begin the next, hence the count starts at the chunk behind a packet.
    if (gathered > mqttPacketMax)
      drop(new HoldfastError('too-large', `the broker sent a packet over ${mqttPacketMax} bytes`))
    gathered += chunk.length
  })
}

export function openSession(stream: Duplex, options: SessionOptions, events: SessionEvents): Session {
  const { clock } = options
  const client = createClient(stream, options)
  let over = false
  let probing: Timer | undefined

  const finish = (error: HoldfastError): void => {
    if (over) return
    over = true
    answer.cancel()
    probing?.cancel()
    client.end(true)
    stream.destroy()
    events.down(error)
  }
  const answer = clock.after(ANSWER_MS_MAX, () =>
    finish(new HoldfastError('unreachable', `the broker did not answer within ${ANSWER_MS_MAX / 1_000} s`)),
  )

  const subscribed = (error: Error | null): void => {
    if (over) return
    if (error !== null) return finish(refusedSubscription(error, options.filters))
    answer.cancel()
    events.up()
  }
  client.on('connect', () => client.subscribe([...options.filters], { qos: 1 }, subscribed))
  client.on('message', (topic, payload) => events.message(topic, payload))
  client.on('packetreceive', () => probing?.cancel())
  client.on('error', (error) => finish(refusal(error)))
  client.on('close', () => finish(new HoldfastError('unreachable', 'the connection to the broker closed')))
  stream.on('error', (error) => finish(refusal(error)))
  boundPackets(stream, client, finish)

  return {
    publish: (message) => publishOn(client, message, clock, finish),
    probe: () => {
      if (over) return
      client.sendPing()
      probing?.cancel()
      probing = clock.after(PROBE_MS_MAX, () =>
        finish(new HoldfastError('unreachable', 'the broker does not answer on the old connection')),
      )
    },
    end: () => {
      over = true
      answer.cancel()
      probing?.cancel()
      return goodbye(client, stream, clock)
    },
    drop: finish,
  }
}

function publishOn(
  client: MqttClient,
  message: BusMessage,
  clock: Clock,
  drop: (error: HoldfastError) => void,
): Promise<void> {
  const gone = (cause?: unknown): HoldfastError =>
    new HoldfastError('unreachable', `the link went down before ${message.topic} was acknowledged`, { cause })
  return new Promise((resolve, reject) => {
    const late = clock.after(ACK_MS_MAX, () => {
      drop(new HoldfastError('unreachable', `the broker did not acknowledge ${message.topic}`))
      reject(gone())
    })
    const options = { qos: 1, retain: message.retain ?? false } as const
    client.publish(message.topic, Buffer.from(message.payload), options, (error) => {
      late.cancel()
      if (error === undefined || error === null) resolve()
      else reject(gone(error))
    })
  })
}

function goodbye(client: MqttClient, stream: Duplex, clock: Clock): Promise<void> {
  // Nobody to say goodbye to: MQTT.js would keep the word for a connection that never comes.
  if (!client.connected) {
    client.end(true)
    stream.destroy()
    return Promise.resolve()
  }
  return new Promise((resolve) => {
    const done = (): void => {
      late.cancel()
      stream.destroy()
      resolve()
    }
    const late = clock.after(END_MS_MAX, done)
    // Finished: the goodbye has left. End: the broker has read it, as it closes first then (MQTT 3.1.1, 3.14.4).
    stream.once('finish', done).once('end', done)
    client.end(false)
  })
}
