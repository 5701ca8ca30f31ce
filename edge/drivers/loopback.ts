// A UDP socket on loopback that stands for one peer behind a TLS relay: to WireGuard and to the frames that share its port, it
// is the peer's endpoint. Nobody but they, from WireGuard's port, is heard.

import { createSocket } from 'node:dgram'
import type { Address } from '../../shared/address/cidr.ts'
import { formatEndpoint } from '../../shared/address/endpoint.ts'
import type { Log } from '../../shared/effects.ts'
import type { Loopback } from '../relay/tls-wire.ts'

const HOST = '127.0.0.1' as Address
/** A burst of TCP through the tunnel while Node is busy. */
const BUFFER_BYTES = 1 << 20
/** Bytes that may wait where the kernel takes no more: it drops at WireGuard's socket, so never many. */
const SEND_QUEUE_BYTES_MAX = 1 << 16

export async function openLoopback(
  listenPort: number,
  log: Log,
  onPacket: (bytes: Uint8Array) => void,
): Promise<Loopback> {
  // Nothing is looked up, so `send` hands over to the kernel before it returns.
  const lookup = (host: string, _: unknown, found: (error: null, address: string, family: number) => void): void =>
    found(null, host, 4)
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES, lookup })
  const bound = Promise.withResolvers<void>()
  socket.once('error', bound.reject)
  socket.bind({ port: 0, address: HOST, exclusive: true }, bound.resolve)
  try {
    await bound.promise
  } catch (error) {
    socket.close()
    throw error
  }
  socket.removeListener('error', bound.reject)
  socket.on('error', (error) => log.debug('a loopback socket', { why: error.message }))
  socket.on('message', (bytes, { port }) => {
    if (port === listenPort) onPacket(bytes)
  })
  socket.unref()
  return {
    endpoint: formatEndpoint(HOST, socket.address().port),
    send(bytes) {
      if (socket.getSendQueueSize() <= SEND_QUEUE_BYTES_MAX) socket.send(bytes, listenPort, HOST, () => undefined)
    },
    close: () => void socket.close(),
  }
}
