// A UDP socket of one family at one port of all addresses, that keeps no process alive and whose errors end nothing.

import { createSocket, type Socket } from 'node:dgram'
import type { Log } from '../../shared/effects.ts'

export interface UdpSocketOptions {
  readonly type: 'udp4' | 'udp6'
  readonly port: number
  /** Bytes the kernel may keep for this process. */
  readonly receiveBufferBytes: number
  /** Others of this host may have the port, too, and each hears every broadcast. */
  readonly shared?: boolean
  /** In the log. */
  readonly name: string
  readonly log: Log
}

/** Throws where the port can't be had. */
export async function bindUdp(options: UdpSocketOptions): Promise<Socket> {
  const { log, name, port, receiveBufferBytes, shared, type } = options
  // Only addresses are sent to, so nothing is looked up: `send` hands over to the kernel before it returns, and zones stay.
  const lookup = (host: string, _: unknown, found: (error: null, address: string, family: number) => void): void =>
    found(null, host, type === 'udp4' ? 4 : 6)
  const socket = createSocket({
    type,
    ipv6Only: type === 'udp6',
    reuseAddr: shared === true,
    recvBufferSize: receiveBufferBytes,
    lookup,
  })
  const bound = Promise.withResolvers<void>()
  socket.once('error', bound.reject)
  socket.bind({ port, exclusive: true }, bound.resolve)
  try {
    await bound.promise
  } catch (error) {
    socket.close()
    throw error
  }
  socket.removeListener('error', bound.reject)
  socket.on('error', (error) => log.debug(name, { why: error.message }))
  socket.unref()
  return socket
}
