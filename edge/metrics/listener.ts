// A port for a Prometheus that scrapes over the network. Off unless people name an address: it tells whoever reaches it which
// peers this node has, how they are reached and how much they talk, and it asks nobody for a password.

import { createServer } from 'node:http'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { metricsConnectionsMax } from '../../shared/limits.ts'
import { metricsContentType } from '../../shared/metrics-text.ts'

export interface MetricsListenerOptions {
  readonly host: string
  readonly port: number
  readonly text: () => Promise<string>
  readonly clock: Clock
  readonly log: Log
  /** The port is open. */
  readonly onOpen?: (port: number) => void
}

export interface MetricsListener {
  close(): Promise<void>
}

/** An address of the mesh is there once the agent has made it, and a port that was taken may come free. */
const AGAIN_MS = 5_000
/** A scrape is one small request. */
const REQUEST_MS_MAX = 5_000
const HEADER_BYTES_MAX = 8 << 10

function createScrapeServer({ log, text }: Pick<MetricsListenerOptions, 'log' | 'text'>) {
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
    request.resume()
    // One answer a connection: who stays would keep others out.
    response.setHeader('connection', 'close')
    if (request.url?.split('?')[0] !== '/metrics')
      response.writeHead(404).end('this port has /metrics and nothing else\n')
    else if (request.method !== 'GET') response.writeHead(405, { allow: 'GET' }).end()
    else {
      text().then(
        (body) =>
          response.writeHead(200, { 'content-type': metricsContentType, 'cache-control': 'no-store' }).end(body),
        (error: unknown) => {
          log.debug('metrics were not to be had', { reason: describeError(error) })
          response.writeHead(500).end()
        },
      )
    }
  })
  server.maxConnections = metricsConnectionsMax
  server.headersTimeout = REQUEST_MS_MAX
  server.requestTimeout = REQUEST_MS_MAX
  server.timeout = 2 * REQUEST_MS_MAX
  // Looked for as often as a request may last.
  server.setTimeout(2 * REQUEST_MS_MAX, (socket) => socket.destroy())
  return server
}

/** Goes on trying where the port can't be had yet: metrics are a convenience, and never keep an agent from running. */
export function listenForScrapes(options: MetricsListenerOptions): MetricsListener {
  const { clock, host, log, onOpen, port } = options
  const server = createScrapeServer(options)
  let waiting: Timer | undefined
  let told = false
  let closed = false
  const open = (): void => void server.listen({ host, port })
  server.on('listening', () => {
    const at = server.address()
    const opened = typeof at === 'object' && at !== null ? at.port : port
    log.info('metrics can be scraped', { host, port: opened })
    onOpen?.(opened)
  })
  server.on('error', (error) => {
    if (closed) return
    if (!told) log.warn('the port for metrics does not open; it is tried again', { host, port, reason: error.message })
    told = true
    waiting = clock.after(AGAIN_MS, open)
  })
  open()
  return {
    close: () =>
      new Promise((resolve) => {
        closed = true
        waiting?.cancel()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
