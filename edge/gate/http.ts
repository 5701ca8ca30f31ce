// Takes connections of HTTP/1.1 and leads each request by its own host and path, so that none goes where only an earlier one of
// the same connection should. Requests are read and written by Node's own parser, strictly, and each goes to its service by a
// connection of its own: what one client sends is never in front of what another does. Bodies pass as they come, both ways.

import {
  createServer,
  type IncomingMessage,
  ServerResponse as Response,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Server, Socket } from 'node:net'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import {
  gateHeadBytesMax,
  gateHelloMs,
  gateIdleMs,
  gateKeepAliveMs,
  gateRequestsWaitingMax,
} from '../../shared/service-limits.ts'
import { type Admission, sourceOf } from './admission.ts'
import { ambiguity, isWebSocket, valuesOf } from './http-headers.ts'
import { httpRoutesFor, pickByWeight, readAsked } from './http-match.ts'
import { passOn, tell } from './http-pass.ts'
import { type HttpRoute, mayCome } from './listener.ts'
import { createServersAt, type ServersAt } from './listening.ts'
import { locationOf } from './redirect.ts'
import type { OnLed } from './told.ts'

/** Of a connection that says nothing, until it is asked whether it is still there. */
const KEEPALIVE_MS = 60_000
/** How often Node looks whose head takes too long. */
const LOOK_EVERY_MS = 2_000

const options: ServerOptions = {
  maxHeaderSize: gateHeadBytesMax,
  headersTimeout: gateHelloMs,
  // Of a whole request with its body, which may be a long upload: a connection that is silent is ended below.
  requestTimeout: 0,
  keepAliveTimeout: gateKeepAliveMs,
  connectionsCheckingInterval: LOOK_EVERY_MS,
  insecureHTTPParser: false,
  requireHostHeader: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEPALIVE_MS,
  shouldUpgradeCallback: ({ method, rawHeaders }) => isWebSocket(method, rawHeaders),
}

/** What is under way on a connection, and how much waits behind it. */
interface Turn {
  last: Promise<void>
  waiting: number
  /** Nothing more is answered on it. */
  over: boolean
}

/** When nothing more is to be said, or nobody is left to hear it. */
function ended(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  response.once('close', () => resolve(undefined))
  return promise
}

export function createHttpGate(
  clock: Pick<Clock, 'after'>,
  admission: Admission,
  say: (text: string) => void,
  onLed: OnLed,
  entropy: Pick<Entropy, 'fraction'>,
): ServersAt<HttpRoute> {
  const turns = new WeakMap<Socket, Turn>()

  const lead = (request: IncomingMessage, response: ServerResponse, routes: readonly HttpRoute[], first?: Buffer) => {
    const { httpVersion, method = '', rawHeaders, socket, url = '' } = request
    response.sendDate = false
    const [host = ''] = valuesOf(rawHeaders, 'host')
    const asked = ambiguity(rawHeaders, httpVersion, true) === undefined ? readAsked(url, host) : undefined
    // Node leaves out what came in one piece with a change of protocol that is not made: nothing is read behind it.
    if (first === undefined && valuesOf(rawHeaders, 'upgrade').length > 0) response.shouldKeepAlive = false
    // Whoever is unclear once is not believed again on that connection.
    if (asked === undefined) return tell(request, response, 400, { close: true })
    const source = sourceOf(socket)
    const address = parseAddress(source)
    const meant = httpRoutesFor(routes, { ...asked, method, rawHeaders }).filter(({ from }) => mayCome(from, address))
    const route = pickByWeight(meant, entropy.fraction())
    if (route === undefined) return tell(request, response, 404)
    const { answer, redirect } = route
    if (answer !== undefined) return tell(request, response, answer)
    if (redirect !== undefined) {
      const location = locationOf(redirect, asked, socket.localPort ?? 0)
      return tell(request, response, redirect.status, { location })
    }
    const client = { host, source }
    return passOn({
      request,
      response,
      route,
      target: asked.target,
      client,
      clock,
      onLed,
      ...(first && { first }),
    })
  }

  /** One after the other, as the answers are; whoever sends many before the first answer is not served. */
  const inTurn = async (socket: Socket, response: ServerResponse, act: () => void): Promise<void> => {
    const turn = turns.get(socket) ?? { last: Promise.resolve(), waiting: 0, over: false }
    turns.set(socket, turn)
    if (turn.waiting >= gateRequestsWaitingMax) {
      socket.destroy()
      return
    }
    turn.waiting++
    const [before, over] = [turn.last, ended(response)]
    const { promise, resolve } = Promise.withResolvers<undefined>()
    turn.last = promise
    await before
    // What stands behind the last request is nobody's, as after one that was not clear.
    if (!socket.destroyed && !turn.over) {
      act()
      await over
      turn.over = !response.shouldKeepAlive
    }
    turn.waiting--
    resolve(undefined)
  }

  const refuseOthers = (socket: Socket, routes: readonly HttpRoute[]): void => {
    socket.on('error', () => socket.destroy())
    // It may be gone already.
    if (socket.remoteAddress === undefined) return
    const source = sourceOf(socket)
    const address = parseAddress(source)
    if (routes.some(({ from }) => mayCome(from, address)) && admission.admit(socket, source)) return
    socket.resetAndDestroy()
  }

  const serve = (routes: () => readonly HttpRoute[]): Server => {
    const server = createServer(options)
    // All that fit into the head: what is beyond would be left out without a word.
    server.maxHeadersCount = 0
    server.timeout = gateIdleMs
    server.prependListener('connection', (socket: Socket) => refuseOthers(socket, routes()))
    server.on('request', (request, response) => {
      void inTurn(request.socket, response, () => lead(request, response, routes()))
    })
    server.on('upgrade', (request, socket: Socket, first: Buffer) => {
      socket.on('error', () => socket.destroy())
      // What was asked before would be answered in the midst of it.
      if ((turns.get(socket)?.waiting ?? 0) > 0) return void socket.destroy()
      const response = new Response(request)
      response.shouldKeepAlive = false
      response.assignSocket(socket)
      response.once('finish', () => socket.destroySoon())
      lead(request, response, routes(), first)
    })
    return server
  }

  return createServersAt(serve, clock, say)
}
