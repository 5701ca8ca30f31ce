// Passes one request on to a service and its answer back, as they come, each side no faster than the other takes it. Where the
// service can't be reached, or says what is no answer, the client is told by a status.

import { request as ask, type ClientRequest, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream'
import type { Clock } from '../../shared/effects.ts'
import { gateHeadBytesMax, gateIdleMs } from '../../shared/service-limits.ts'
import { ambiguity, type Client, changed, endToEnd, requestHeaders, valuesOf } from './http-headers.ts'
import type { HttpRoute } from './listener.ts'
import { reach } from './reach.ts'
import { splice } from './tls.ts'
import type { OnLed } from './told.ts'

export interface Passing {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly route: Pick<HttpRoute, 'to' | 'requestHeaders' | 'responseHeaders'>
  /** As it is asked of the service. */
  readonly target: string
  readonly client: Client
  readonly clock: Pick<Clock, 'after'>
  readonly onLed: OnLed
  /** A WebSocket is to begin; this came behind the head. */
  readonly first?: Buffer
}

const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

function hasBody({ rawHeaders }: IncomingMessage): boolean {
  const [length = '0'] = valuesOf(rawHeaders, 'content-length')
  return valuesOf(rawHeaders, 'transfer-encoding').length > 0 || Number(length) > 0
}

/** Answers in the gateway's own name. A body that nobody asked for ends the connection, rather than being read to its end. */
export function tell(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  { close = false, location }: { readonly close?: boolean; readonly location?: string } = {},
): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  if (close || hasBody(request)) response.shouldKeepAlive = false
  const text = `${status} ${STATUS_CODES[status] ?? 'Refused'}\n`
  const about = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(text.length)]
  const where = location === undefined ? ['Cache-Control', 'no-store'] : ['Location', location]
  response.writeHead(status, [...about, ...where])
  response.end(text)
}

/** How long the message is, said anew as it was read. */
function framing({ method = '', rawHeaders }: IncomingMessage): readonly string[] {
  if (valuesOf(rawHeaders, 'transfer-encoding').length > 0) return ['Transfer-Encoding', 'chunked']
  return valuesOf(rawHeaders, 'content-length').length > 0 || BODILESS.has(method) ? [] : ['Content-Length', '0']
}

function switched(back: IncomingMessage): boolean {
  const [protocol, ...others] = valuesOf(back.rawHeaders, 'upgrade')
  return back.statusCode === 101 && others.length === 0 && protocol?.toLowerCase() === 'websocket'
}

/** As the client is told them. */
function headersOf({ rawHeaders }: IncomingMessage, { responseHeaders = {} }: Passing['route']): string[] {
  return changed(endToEnd(rawHeaders), responseHeaders)
}

function headOf101(back: IncomingMessage, route: Passing['route']): string {
  const pairs = [...headersOf(back, route), 'Connection', 'Upgrade', 'Upgrade', 'websocket']
  const lines = Array.from({ length: pairs.length / 2 }, (_, at) => `${pairs[2 * at]}: ${pairs[2 * at + 1]}\r\n`)
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`
}

function answerWith(back: IncomingMessage, { request, response, route }: Passing): void {
  if (ambiguity(back.rawHeaders, back.httpVersion, false) !== undefined) {
    back.destroy()
    return tell(request, response, 502)
  }
  // What is left of the request is nobody's.
  if (!request.complete) response.shouldKeepAlive = false
  response.writeHead(back.statusCode ?? 502, headersOf(back, route))
  pipeline(back, response, () => undefined)
}

function begin({ client, first, request, route, target }: Passing, inside: Socket): ClientRequest {
  const { method = 'GET', rawHeaders } = request
  const switching = first === undefined ? ['Connection', 'close'] : ['Connection', 'Upgrade', 'Upgrade', 'websocket']
  const headers = [...requestHeaders(rawHeaders, client, route.requestHeaders), ...framing(request), ...switching]
  const asking = ask({
    createConnection: () => inside,
    method,
    path: target,
    headers,
    setHost: false,
    insecureHTTPParser: false,
    maxHeaderSize: gateHeadBytesMax,
    timeout: gateIdleMs,
  })
  asking.maxHeadersCount = 0
  return asking
}

function exchange(passing: Passing, inside: Socket): void {
  const { first, onLed, request, response, route } = passing
  let asking: ClientRequest
  try {
    asking = begin(passing, inside)
  } catch {
    // A header that may be read and not be written.
    inside.destroy()
    return tell(request, response, 400, { close: true })
  }
  onLed(inside, request.socket)
  asking.on('timeout', () => void asking.destroy())
  asking.on('error', () => {
    request.unpipe(asking)
    // An answer that is under way ends as that of the service does.
    if (!response.headersSent) tell(request, response, 502)
  })
  asking.once('response', (back) => answerWith(back, passing))
  asking.once('upgrade', (back, service: Socket, more: Buffer) => {
    const { socket } = request
    if (first === undefined || !switched(back)) {
      service.destroy()
      return tell(request, response, 502)
    }
    response.detachSocket(socket)
    socket.write(Buffer.concat([Buffer.from(headOf101(back, route), 'latin1'), more]))
    splice(socket, service, first)
  })
  response.once('close', () => void asking.destroy())
  if (first === undefined) request.pipe(asking)
  else asking.end()
}

export function passOn(passing: Passing): void {
  const { clock, request, response, route } = passing
  request.on('error', () => undefined)
  const reaching = reach(route.to, clock, (outcome) => {
    if (outcome === 'refused') tell(request, response, 503)
    else if (outcome === 'silent') tell(request, response, 504)
    else exchange(passing, outcome)
  })
  response.once('close', () => reaching.cancel())
}
