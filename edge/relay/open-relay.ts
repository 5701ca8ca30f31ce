// A relay put together on this host: sockets, kernel, table of sessions.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type OpenedTls, openTls, type TlsDuty } from './open-tls.ts'
import { createRelay, type Relay, type RelayMetrics, type RelayOptions } from './relay.ts'
import { openRelaySockets } from './sockets.ts'
import type { TlsRelayMetrics } from './tls-relay.ts'

export interface OpenRelayOptions extends Omit<RelayOptions, 'ports' | 'send' | 'onBind' | 'elsewhere'> {
  readonly port: number
  /** Absent where nobody is served by TLS. */
  readonly tls?: TlsDuty | undefined
}

export interface RelayFigures extends RelayMetrics {
  readonly tls?: TlsRelayMetrics
}

export interface OpenedRelay {
  readonly port: number
  /** The TCP port that is open; undefined while none is. */
  tlsPort(): number | undefined
  metrics(): Promise<RelayFigures>
  /** Where nodes that come to this very host by TLS seem to be, by node. */
  local(): ReadonlyMap<NodeId, Endpoint>
  /** Tells the node, if it is here by TLS, that this very host wants to talk. */
  call(node: NodeId): void
  /** Ends at once what newer intent forbids; done by itself every few seconds. */
  sweep(): void
  /** Closes the sockets; what is bound is forwarded on. */
  close(): void
}

/** One pair’s fair share of a small server’s uplink, and the whole of it: 200 Mbit/s and 1 Gbit/s. */
export const defaultSessionBytesPerSecond = 25_000_000
export const defaultTotalBytesPerSecond = 125_000_000

/** Throws where the host lacks nft, the port is taken, or it is not root’s. */
export async function openRelay(options: OpenRelayOptions): Promise<OpenedRelay> {
  const { forwarder, log, port } = options
  let relay: Relay | undefined
  let tls: OpenedTls | undefined
  const sockets = await openRelaySockets({
    port,
    families: forwarder.families,
    log,
    onFrame: (bytes, source) => relay?.receive(bytes, source),
    onSession: (at, bytes, source) => relay?.receiveAt(at, bytes, source),
  })
  const made = createRelay({
    ...options,
    forwarder,
    ports: sockets.ports,
    send: (bytes, to) => sockets.send(bytes, to),
    elsewhere: (from, to, bytes) => tls?.deliver(from, to, bytes) ?? false,
    onBind: (node, peer) => tls?.call(peer, node),
  })
  try {
    await made.start()
  } catch (error) {
    sockets.close()
    throw error
  }
  relay = made
  if (options.tls !== undefined) {
    tls = openTls({
      ...options,
      ...options.tls,
      toUdp: (from, to, bytes) => made.carry(from, to, bytes),
      onChannel: (node, peer) => made.turnToTls(node, peer),
    })
  }
  log.info('the relay is open', { port, sessionPorts: `${options.range.first}+${options.range.count}` })
  return {
    port,
    tlsPort: () => tls?.port(),
    metrics: async () => ({ ...(await made.metrics()), ...(tls === undefined ? {} : { tls: tls.metrics() }) }),
    call: (node) => tls?.call(node, options.self),
    local: () => tls?.local() ?? new Map<NodeId, Endpoint>(),
    sweep() {
      made.sweep()
      tls?.sweep()
    },
    close() {
      tls?.close()
      made.stop()
      try {
        sockets.close()
      } catch (error) {
        log.debug('a relay socket did not close', { reason: describeError(error) })
      }
    },
  }
}
