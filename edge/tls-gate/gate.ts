// Takes connections of TLS, reads whom they ask for, and passes them on as they are: what they say stays between the client and
// the service, whose key is not here. Everything that somebody outside may use up has a bound.

import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { parseAddress } from '../../shared/address/cidr.ts'
import { formatEndpoint } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
import {
  gateConnectionsMax,
  gateConnectMs,
  gateHelloMs,
  gateIdleMs,
  gatePerSourceMax,
} from '../../shared/service-limits.ts'
import { helloBytesMax, readHello } from './client-hello.ts'
import { mayCome, routeFor, type TlsListener, type TlsRoute } from './match.ts'

export interface Gate {
  /** Those that are not among them are closed; connections that are open go on. */
  follow(listeners: readonly TlsListener[]): void
  close(): void
}

/** A fatal `unrecognized_name` (RFC 6066 §3), of no version that anybody would argue about. */
const UNRECOGNIZED = Buffer.from([21, 3, 1, 0, 2, 2, 112])
/** Of a connection that says nothing, until it is asked whether it is still there. */
const KEEPALIVE_MS = 60_000

/** As policy knows it: of IPv4, however the socket came by it. */
function sourceOf({ remoteAddress = '' }: Socket): string {
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '')
}

/** Both ways, each closed when the other side closes it. */
function splice(outside: Socket, inside: Socket, first: Buffer): void {
  const end = (): void => {
    outside.destroy()
    inside.destroy()
  }
  for (const socket of [outside, inside]) {
    // Without an error both directions have ended, and what is under way still arrives.
    socket.on('error', end).on('close', (hadError) => hadError && end())
    socket.setKeepAlive(true, KEEPALIVE_MS)
    socket.setNoDelay(true)
    socket.setTimeout(gateIdleMs, end)
  }
  inside.write(first)
  outside.pipe(inside)
  inside.pipe(outside)
}

/** `say`: for people who look for a fault; without names that were asked for. */
export function createGate(clock: Pick<Clock, 'after'>, say: (text: string) => void): Gate {
  const servers = new Map<string, { readonly server: Server; routes: readonly TlsRoute[] }>()
  const bySource = new Map<string, number>()
  let open = 0

  /** False where there is no room. */
  const admit = (socket: Socket, source: string): boolean => {
    const own = bySource.get(source) ?? 0
    if (open >= gateConnectionsMax || own >= gatePerSourceMax) return false
    open++
    bySource.set(source, own + 1)
    socket.once('close', () => {
      open--
      const left = (bySource.get(source) ?? 1) - 1
      if (left > 0) bySource.set(source, left)
      else bySource.delete(source)
    })
    return true
  }

  const lead = (socket: Socket, { to }: TlsRoute, first: Buffer): void => {
    const inside = createConnection({ host: to.address, port: to.port, allowHalfOpen: true })
    const giveUp = (): void => {
      inside.destroy()
      socket.resetAndDestroy()
    }
    const timer = clock.after(gateConnectMs, giveUp)
    inside.once('error', giveUp)
    socket.once('error', giveUp).once('close', giveUp)
    inside.once('connect', () => {
      timer.cancel()
      inside.off('error', giveUp)
      socket.off('error', giveUp).off('close', giveUp)
      splice(socket, inside, first)
    })
    inside.once('close', () => timer.cancel())
  }

  const take = (socket: Socket, routes: () => readonly TlsRoute[]): void => {
    socket.on('error', () => socket.destroy())
    // It may be gone already.
    if (socket.remoteAddress === undefined) return
    const source = sourceOf(socket)
    const address = parseAddress(source)
    if (!routes().some(({ from }) => mayCome(from, address)) || !admit(socket, source)) {
      socket.resetAndDestroy()
      return
    }
    const timer = clock.after(gateHelloMs, () => socket.resetAndDestroy())
    socket.once('close', () => timer.cancel())
    let heard = Buffer.alloc(0)
    let need = 1
    const refuse = (): void => {
      timer.cancel()
      socket.end(UNRECOGNIZED, () => socket.destroy())
    }
    const leave = (): void => void socket.destroy()
    const hear = (chunk: Buffer): void => {
      heard = Buffer.concat([heard, chunk])
      if (heard.length < need) return
      const hello = readHello(heard)
      if ('need' in hello) {
        need = hello.need
        return
      }
      socket.off('data', hear).off('end', leave).pause()
      const route = 'refused' in hello ? undefined : routeFor(routes(), hello.serverName)
      if (route === undefined || !mayCome(route.from, address)) return refuse()
      timer.cancel()
      lead(socket, route, heard)
    }
    socket.on('data', hear).on('end', leave)
  }

  const listen = ({ address, port, routes }: TlsListener, key: string): void => {
    const held = { server: createServer({ allowHalfOpen: true, highWaterMark: helloBytesMax }), routes }
    servers.set(key, held)
    held.server.on('connection', (socket) => take(socket, () => held.routes))
    held.server.on('error', (error: NodeJS.ErrnoException) => {
      // It is tried anew with the next word of the agent.
      say(`${key} can't be listened at: ${error.code ?? error.message}`)
      if (servers.get(key) === held) servers.delete(key)
      held.server.close()
    })
    held.server.listen({ host: address, port, backlog: 511 })
  }

  const closeAll = (keys: Iterable<string>): void => {
    for (const key of keys) {
      servers.get(key)?.server.close()
      servers.delete(key)
    }
  }

  return {
    follow(listeners) {
      const wanted = new Map(listeners.map((one) => [formatEndpoint(one.address, one.port) as string, one]))
      closeAll([...servers.keys()].filter((key) => !wanted.has(key)))
      for (const [key, one] of wanted) {
        const held = servers.get(key)
        if (held === undefined) listen(one, key)
        else held.routes = one.routes
      }
    },
    close: () => closeAll([...servers.keys()]),
  }
}
