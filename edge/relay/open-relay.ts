// A relay put together on this host: sockets, kernel, table of sessions.

import { describeError } from '../../shared/errors.ts'
import { createRelay, type Relay, type RelayOptions } from './relay.ts'
import type { PortRange } from './sessions.ts'
import { openRelaySockets } from './sockets.ts'

export interface OpenRelayOptions extends Omit<RelayOptions, 'ports' | 'send'> {
  readonly port: number
}

export interface OpenedRelay extends Pick<Relay, 'metrics'> {
  readonly port: number
  /** Closes the sockets; what is bound is forwarded on. */
  close(): void
}

/**
 * Above the ports that Linux gives to outgoing connections (net.ipv4.ip_local_port_range, 32768 to 60999) and inside the
 * range that IANA leaves to everybody: a session port never meets a socket that somebody else opened by chance.
 */
export const defaultSessionPorts: PortRange = { first: 61_000, count: 1_024 }
/** One pair’s fair share of a small server’s uplink, and the whole of it: 200 Mbit/s and 1 Gbit/s. */
export const defaultSessionBytesPerSecond = 25_000_000
export const defaultTotalBytesPerSecond = 125_000_000

/** Throws where the host lacks nft, the port is taken, or it is not root’s. */
export async function openRelay(options: OpenRelayOptions): Promise<OpenedRelay> {
  const { forwarder, log, port } = options
  let relay: Relay | undefined
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
  })
  try {
    await made.start()
  } catch (error) {
    sockets.close()
    throw error
  }
  relay = made
  log.info('the relay is open', { port, sessionPorts: `${options.range.first}+${options.range.count}` })
  return {
    port,
    metrics: () => made.metrics(),
    close() {
      made.stop()
      try {
        sockets.close()
      } catch (error) {
        log.debug('a relay socket did not close', { reason: describeError(error) })
      }
    },
  }
}
