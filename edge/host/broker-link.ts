// The stream to the broker: the ways that enrolment named, in order, each proven by the pinned authority.

import type { Duplex } from 'node:stream'
import { fromBase64 } from '../../shared/bytes.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { HttpProxy } from '../../shared/host/http-proxy.ts'
import { connectPinned, type FindOut } from '../../shared/host/pinned-tls.ts'
import { hubServerName, mqttProtocol } from '../../shared/wire/enrol.ts'
import { type BrokerAddress, parseBrokerUrl } from '../../shared/wire/hub-url.ts'
import type { Identity } from '../identity.ts'

/** Per way; several ways have to fit into one try of the bus. */
const TIMEOUT_MS = 10_000
/** TCP and TLS take three round trips; over LTE and satellites a second or two. */
const HEAD_START_MS = 2_000

export interface BrokerLinkOptions {
  readonly identity: Pick<Identity, 'anchor' | 'broker'>
  readonly proxy?: HttpProxy | undefined
  /** Which of several uplinks to take. */
  readonly out?: FindOut | undefined
  readonly clock: Clock
  /** A time that is known to have passed, milliseconds since the Unix epoch. */
  readonly floor: () => number
  readonly log: Log
  /** Told at each connection whether the certificate is past its date. */
  readonly onCertificate: (expired: boolean) => void
}

/** A broker that is not the hub's own bears its own name and may have its own authority. */
function trustFor(address: BrokerAddress, identity: BrokerLinkOptions['identity']) {
  const { tlsAuthority } = identity.broker
  if (address.kind === 'mqtts' && tlsAuthority !== undefined) {
    return { authorityDer: fromBase64(tlsAuthority), serverName: address.host }
  }
  return { authorityDer: fromBase64(identity.anchor.tlsAuthority), serverName: hubServerName }
}

/** One way to the broker, proven. */
export async function openBroker(address: BrokerAddress, options: Omit<BrokerLinkOptions, 'log'>): Promise<Duplex> {
  const { identity, clock, floor, onCertificate, out, proxy } = options
  const { host, port, path } = address
  const times = { timeoutMs: TIMEOUT_MS, now: clock.now(), floor: floor() }
  const target = { host, port, proxy, out, ...times, ...trustFor(address, identity) }
  if (address.kind === 'wss') {
    // Loaded only where it is needed: most sites never open a WebSocket.
    const { connectWebSocketPinned } = await import('../../shared/host/pinned-websocket.ts')
    const { stream, expired } = await connectWebSocketPinned({ ...target, path })
    onCertificate(expired)
    return stream
  }
  const { socket, expired } = await connectPinned({ ...target, protocols: [mqttProtocol] })
  onCertificate(expired)
  return socket.setNoDelay(true)
}

/** Somebody who is there and can't prove to be the hub matters more than somebody who isn't there. */
function worst(errors: readonly unknown[]): unknown {
  return errors.find((error) => isHoldfastError(error, 'untrusted')) ?? errors[0]
}

/**
 * The first way that works. A firewall drops in silence, so no way waits for the timeout of the one before (RFC 8305 §5);
 * what comes too late is closed. Rejects with what every way said.
 */
function firstOf(
  ways: readonly BrokerAddress[],
  tryWay: (way: BrokerAddress) => Promise<Duplex>,
  clock: Clock,
): Promise<Duplex> {
  const { promise, reject, resolve } = Promise.withResolvers<Duplex>()
  const errors: unknown[] = []
  let next = 0
  let won = false
  const start = (): void => {
    const way = won ? undefined : ways[next]
    if (way === undefined) return
    next += 1
    const timer = clock.after(HEAD_START_MS, start)
    const win = (stream: Duplex): void => {
      timer.cancel()
      if (won) stream.destroy()
      won = true
      resolve(stream)
    }
    const lose = (error: unknown): void => {
      timer.cancel()
      errors.push(error)
      if (errors.length === ways.length) reject(worst(errors))
      else start()
    }
    tryWay(way).then(win, lose)
  }
  start()
  return promise
}

/** Makes the `connect` of a bus: the way that worked last has a head start before the others. */
export function createBrokerLink(options: BrokerLinkOptions): () => Promise<Duplex> {
  const addresses = options.identity.broker.urls.map(parseBrokerUrl)
  let preferred = addresses[0]
  const tryWay = async (address: BrokerAddress): Promise<Duplex> => {
    try {
      const stream = await openBroker(address, options)
      preferred = address
      return stream
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      options.log.debug('this way to the broker does not work', { way: address.kind, host: address.host, why })
      throw error
    }
  }
  return async () => {
    const ways = [...new Set([preferred, ...addresses])].filter((way) => way !== undefined)
    if (ways.length > 0) return await firstOf(ways, tryWay, options.clock)
    throw new HoldfastError('invalid', 'no way to a broker is known', { remedy: 'Join again.' })
  }
}
