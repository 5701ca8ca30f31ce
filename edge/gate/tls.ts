// Takes connections of TLS, reads whom they ask for, and passes them on as they are: what they say stays between the client and
// the service, whose key is not here. Everything that somebody outside may use up has a bound.

import { createServer, type Server, type Socket } from 'node:net'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import { gateHelloMs, gateIdleMs } from '../../shared/service-limits.ts'
import { type Admission, sourceOf } from './admission.ts'
import { helloBytesMax, readHello } from './client-hello.ts'
import { mayCome, routeFor, type TlsRoute } from './listener.ts'
import { createServersAt, type ServersAt } from './listening.ts'
import { reach, type Unreached } from './reach.ts'
import type { OnLed } from './told.ts'

/** A fatal `unrecognized_name` (RFC 6066 §3), of no version that anybody would argue about. */
const UNRECOGNIZED = Buffer.from([21, 3, 1, 0, 2, 2, 112])
/** Of a connection that says nothing, until it is asked whether it is still there. */
const KEEPALIVE_MS = 60_000

/** Both ways, each closed when the other side closes it. */
export function splice(outside: Socket, inside: Socket, first: Buffer): void {
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
export function createTlsGate(
  clock: Pick<Clock, 'after'>,
  admission: Admission,
  say: (text: string) => void,
  onLed: OnLed,
): ServersAt<TlsRoute> {
  const lead = (socket: Socket, { to }: TlsRoute, first: Buffer): void => {
    const giveUp = (): void => {
      reaching.cancel()
      socket.resetAndDestroy()
    }
    const found = (outcome: Socket | Unreached): void => {
      if (typeof outcome === 'string') return giveUp()
      socket.off('error', giveUp).off('close', giveUp)
      onLed(outcome, socket)
      splice(socket, outcome, first)
    }
    const reaching = reach(to, clock, found, { allowHalfOpen: true })
    socket.once('error', giveUp).once('close', giveUp)
  }

  const take = (socket: Socket, routes: () => readonly TlsRoute[]): void => {
    socket.on('error', () => socket.destroy())
    // It may be gone already.
    if (socket.remoteAddress === undefined) return
    const source = sourceOf(socket)
    const address = parseAddress(source)
    if (!routes().some(({ from }) => mayCome(from, address)) || !admission.admit(socket, source)) {
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

  const serve = (routes: () => readonly TlsRoute[]): Server => {
    const server = createServer({ allowHalfOpen: true, highWaterMark: helloBytesMax })
    return server.on('connection', (socket) => take(socket, routes))
  }

  return createServersAt(serve, clock, say)
}
