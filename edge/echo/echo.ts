// The echo service: answers members of the mesh on the agent's own port, and measures round trips to them.
//
// Bound to the mesh addresses only, so that nothing outside the tunnels finds an open port. The addresses come and go
// with the intent, so the sockets follow `addresses()`.

import { createSocket, type Socket } from 'node:dgram'
import { toHex } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Timer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Sockets } from '../drivers/namespace.ts'
import { encodeEcho, nonceBytes, parseEcho } from './frame.ts'
import { createRate } from './rate.ts'

export interface EchoOptions {
  readonly port: number
  /** Own mesh addresses now. */
  readonly addresses: () => readonly string[]
  /** True for the mesh address of a member. */
  readonly isMember: (address: string) => boolean
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** What came to the port from the port of a mesh address and is none of the echo's. */
  readonly onOther?: ((bytes: Uint8Array, from: string) => void) | undefined
  /** Makes sockets where the mesh is; in this process's network namespace where absent. */
  readonly inside?: Pick<Sockets, 'bindUdp'> | undefined
}

export interface Echo {
  /** Follows the addresses until `close`. */
  start(): void
  /** Milliseconds to `address` and back; undefined if nothing came back within `timeoutMs`. */
  probe(address: string, timeoutMs: number): Promise<number | undefined>
  /** One datagram from this port to that of `address`; lost where it can't be sent, as any may be. */
  send(bytes: Uint8Array, address: string): void
  close(): Promise<void>
}

const FOLLOW_MS = 2_000
/** Members ping and measure a few times a second at most. */
const rate = { perSecond: 20, burst: 40, sourcesMax: 4_096 }
/** Probes under way at once: `status` measures every reachable peer it lists. */
const PROBES_MAX = 512

interface Probe {
  readonly address: string
  readonly arrived: () => void
}

export function createEcho(options: EchoOptions): Echo {
  const { clock, inside, log } = options
  const sockets = new Map<string, Socket>()
  const probes = new Map<string, Probe>()
  const withinRate = createRate(clock, rate)
  let following: Timer | undefined

  const onPacket = (socket: Socket, bytes: Uint8Array, from: { address: string; port: number }): void => {
    const frame = parseEcho(bytes)
    if (frame === undefined && from.port === options.port) return options.onOther?.(bytes, from.address)
    if (frame?.type === 'response') {
      const probe = probes.get(toHex(frame.nonce))
      if (probe?.address === from.address) probe.arrived()
    } else if (frame?.type === 'request' && from.port === options.port) {
      if (!withinRate(from.address) || !options.isMember(from.address)) return
      socket.send(encodeEcho({ type: 'response', nonce: frame.nonce }), from.port, from.address, () => undefined)
    }
  }

  const bind = (address: string): void => {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' })
    const drop = (): void => {
      if (sockets.get(address) === socket) sockets.delete(address)
      socket.close()
    }
    sockets.set(address, socket)
    socket.once('error', (error) => {
      // The address may not be on the interface yet; the next look tries again.
      log.debug('echo is not bound', { address, why: error.message })
      drop()
    })
    socket.on('message', (bytes, from) => onPacket(socket, bytes, from))
    if (inside === undefined) socket.bind({ address, port: options.port, exclusive: true })
    else inside.bindUdp(socket, { address, port: options.port })
    socket.unref()
  }

  const follow = (): void => {
    const wanted = new Set(options.addresses())
    for (const [address, socket] of sockets) {
      if (wanted.has(address)) continue
      sockets.delete(address)
      socket.close()
    }
    for (const address of wanted) if (!sockets.has(address)) bind(address)
    following = clock.after(FOLLOW_MS, follow)
  }

  const ownFor = (address: string): Socket | undefined => {
    const v6 = address.includes(':')
    return [...sockets].find(([bound]) => bound.includes(':') === v6)?.[1]
  }

  const socketFor = (address: string): Socket => {
    const own = ownFor(address)
    if (own === undefined) {
      throw new HoldfastError('unreachable', 'this node has no mesh address to ask from', {
        remedy: 'See `holdfast status`: the node may not be a member, or its interface is not up yet.',
      })
    }
    return own
  }

  return {
    start: follow,
    async probe(address, timeoutMs) {
      const socket = socketFor(address)
      if (probes.size >= PROBES_MAX) throw new HoldfastError('exhausted', 'too many probes are under way')
      const nonce = options.entropy.bytes(nonceBytes)
      const key = toHex(nonce)
      const sentAt = clock.monotonic()
      const outcome = Promise.withResolvers<number | undefined>()
      probes.set(key, { address, arrived: () => outcome.resolve(clock.monotonic() - sentAt) })
      const late = clock.after(timeoutMs, () => outcome.resolve(undefined))
      // A packet that can't be sent (no route, no key yet) is one that doesn't come back.
      socket.send(encodeEcho({ type: 'request', nonce }), options.port, address, () => undefined)
      try {
        return await outcome.promise
      } finally {
        late.cancel()
        probes.delete(key)
      }
    },
    send: (bytes, address) => ownFor(address)?.send(bytes, options.port, address, () => undefined),
    async close() {
      following?.cancel()
      const closing = [...sockets.values()].map((socket) => new Promise<void>((resolve) => socket.close(resolve)))
      sockets.clear()
      await Promise.all(closing)
    },
  }
}
