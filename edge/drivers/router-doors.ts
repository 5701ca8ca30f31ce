// Sockets and pages for asking a router. Everything is bound to the address on its link, so that nothing leaves by another
// one, and nothing is kept open that no question waits for.

import { createSocket, type Socket } from 'node:dgram'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Address } from '../../shared/address/cidr.ts'
import { formatEndpoint, hostOf, portOf } from '../../shared/address/endpoint.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { routerPageBytesMax, routerPageMsMax } from '../../shared/limits.ts'
import type { Page, RouterDoors } from '../portmap/doors.ts'

/** Where clients hear what routers call out (RFC 6886 §3.2.1, RFC 6887 §14.1.3); other programs of this host hear it, too. */
const CLIENT_PORT = 5_350
const ALL_HOSTS = '224.0.0.1'
/** UPnP Device Architecture 1.1 §1.3.2. */
const SEARCH_TTL = 2

function unreachable(url: URL, why: string): HoldfastError {
  return new HoldfastError('unreachable', `the router's page ${url.pathname}: ${why}`)
}

async function settled(socket: Socket, start: (done: () => void) => void): Promise<void> {
  const ready = Promise.withResolvers<void>()
  socket.once('error', ready.reject)
  try {
    start(ready.resolve)
    await ready.promise
  } catch (error) {
    socket.close()
    throw error
  }
  socket.removeListener('error', ready.reject)
}

function readAll(response: IncomingMessage, url: URL): Promise<Page> {
  const parts: Buffer[] = []
  let size = 0
  const { promise, reject, resolve } = Promise.withResolvers<Page>()
  response.on('data', (part: Buffer) => {
    size += part.length
    parts.push(part)
    if (size > routerPageBytesMax) response.destroy(unreachable(url, `more than ${routerPageBytesMax} bytes`))
  })
  response.once('error', reject)
  response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }))
  response.once('close', () => reject(unreachable(url, 'the router ended it')))
  return promise
}

export function createRouterDoors(log: Log): RouterDoors {
  return {
    async open(local, only, { onMessage, onRefused }) {
      const socket = createSocket('udp4')
      await settled(socket, (done) => socket.bind({ address: local, port: 0, exclusive: true }, done))
      if (only === undefined) {
        socket.setMulticastInterface(local)
        socket.setMulticastTTL(SEARCH_TTL)
      } else await settled(socket, (done) => socket.connect(portOf(only), hostOf(only), done))
      let open = true
      socket.on('error', (error: NodeJS.ErrnoException) => {
        log.debug('asking the router', { why: error.message })
        if (error.code === 'ECONNREFUSED') onRefused?.()
      })
      socket.on('message', (bytes, from) => {
        if (open && from.port !== 0) onMessage(bytes, formatEndpoint(from.address as Address, from.port))
      })
      socket.unref()
      return {
        send(bytes, to) {
          const done = (error: Error | null): void => {
            if (error !== null && 'code' in error && error.code === 'ECONNREFUSED') onRefused?.()
          }
          try {
            if (only === undefined) socket.send(bytes, portOf(to), hostOf(to), done)
            else socket.send(bytes, done)
          } catch (error) {
            log.debug('the router could not be asked', { to, why: describeError(error) })
          }
        },
        close() {
          if (open) socket.close()
          open = false
        },
      }
    },
    async page({ local, post, url }, signal) {
      const both = AbortSignal.any([signal, AbortSignal.timeout(routerPageMsMax)])
      const answered = Promise.withResolvers<IncomingMessage>()
      const asked: ClientRequest = request(url, {
        method: post === undefined ? 'GET' : 'POST',
        headers: post === undefined ? {} : { ...post.headers, 'Content-Length': Buffer.byteLength(post.body) },
        localAddress: local,
        agent: false,
        signal: both,
      })
      asked.once('response', answered.resolve)
      asked.on('error', answered.reject)
      asked.end(post?.body ?? '')
      try {
        return await readAll(await answered.promise, url)
      } catch (error) {
        throw error instanceof HoldfastError ? error : unreachable(url, describeError(error))
      }
    },
    async listen(onMessage) {
      const socket = createSocket({ type: 'udp4', reuseAddr: true })
      try {
        // Bound to the group: what is sent to this host alone is nobody's call.
        await settled(socket, (done) => socket.bind({ address: ALL_HOSTS, port: CLIENT_PORT }, done))
      } catch (error) {
        log.debug('the calls of routers can’t be heard', { why: describeError(error) })
        return undefined
      }
      socket.on('error', (error) => log.debug('the calls of routers', { why: error.message }))
      socket.on('message', (bytes, { address }) => onMessage(bytes, address as Address))
      socket.unref()
      return socket
    },
  }
}
