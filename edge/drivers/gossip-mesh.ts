// Connections of gossip through the tunnel: one listener per own mesh address, so that nothing outside finds an open port. The
// addresses come and go with the intent, so the listeners follow them.

import { createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Sockets } from './namespace.ts'

export interface MeshListenersOptions {
  readonly port: number
  readonly clock: Clock
  readonly log: Log
  readonly addresses: () => readonly Address[]
  readonly onSocket: (socket: Socket, from: Address) => void
  readonly inside: Sockets
}

const FOLLOW_MS = 2_000
/** More than the exchanges that are served: one that ends makes room for the next. */
const CONNECTIONS_MAX = 32
/** A peer that rests has to be woken first: a call, a handshake, and a SYN that is repeated. */
const CONNECT_MS = 8_000

export interface MeshListeners {
  close(): Promise<void>
}

export function openMeshListeners(options: MeshListenersOptions): MeshListeners {
  const { addresses, clock, inside, log, onSocket, port } = options
  const servers = new Map<Address, Server>()
  let following: Timer | undefined

  const listen = (address: Address): void => {
    const server = createServer((socket) => onSocket(socket, (socket.remoteAddress ?? '') as Address))
    server.maxConnections = CONNECTIONS_MAX
    server.on('error', (error) => {
      // The address may not be on the interface yet; the next look tries again.
      log.debug('gossip does not listen', { address, why: error.message })
      if (servers.get(address) === server) servers.delete(address)
      server.close()
    })
    servers.set(address, server)
    inside.listen(server, { address, port })
    server.unref()
  }

  const follow = (): void => {
    const wanted = new Set(addresses())
    for (const [address, server] of servers) {
      if (wanted.has(address)) continue
      servers.delete(address)
      server.close()
    }
    for (const address of wanted) if (!servers.has(address)) listen(address)
    following = clock.after(FOLLOW_MS, follow)
  }
  follow()

  return {
    async close() {
      following?.cancel()
      const closing = [...servers.values()].map(
        (server) => new Promise<void>((resolve) => server.close(() => resolve())),
      )
      servers.clear()
      await Promise.all(closing)
    },
  }
}

/** Throws `unreachable`. `from`: the own mesh address that proves who asks. */
export async function dialMesh(
  inside: Sockets,
  to: Address,
  port: number,
  from: Address | undefined,
  clock: Clock,
): Promise<Socket> {
  const socket = await inside.connect({ host: to, port, localAddress: from })
  const outcome = Promise.withResolvers<void>()
  const late = clock.after(CONNECT_MS, () => socket.destroy(new HoldfastError('unreachable', 'no answer in time')))
  socket.once('connect', outcome.resolve)
  socket.once('error', outcome.reject)
  try {
    await outcome.promise
    return socket
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new HoldfastError('unreachable', `${to} does not take part in gossip: ${why}`, { cause })
  } finally {
    late.cancel()
    socket.removeListener('error', outcome.reject)
  }
}
