// The local API: HTTP on a unix socket in the state directory, for the CLI and for scripts on the device.

import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { concat } from '../../shared/bytes.ts'
import type { Log } from '../../shared/effects.ts'
import { type ErrorCode, HoldfastError, isHoldfastError } from '../../shared/errors.ts'

/** Answers one request; what it returns is sent as JSON, undefined means that it answered by itself. */
export type Handler = (query: URLSearchParams, response: ServerResponse, body: Uint8Array) => unknown

export interface LocalRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly handle: Handler
  /** Of a route that takes a body. */
  readonly bodyBytesMax?: number
  /** Changes what this node enforces: only for whom nobody but the kernel let in; see `refuseLoosened`. */
  readonly order?: true
}

export interface LocalServer {
  close(): Promise<void>
}

/** CLI calls at once; each is one person or script. */
const CONNECTIONS_MAX = 32

const STATUS: Partial<Record<ErrorCode, number>> = {
  invalid: 400,
  'too-large': 413,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  exhausted: 409,
  unreachable: 503,
}

export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly field?: string
  readonly remedy?: string
}

export function errorBody(error: unknown): ErrorBody {
  if (!isHoldfastError(error))
    return { code: 'failed', message: error instanceof Error ? error.message : String(error) }
  const { code, field, message, remedy } = error
  return { code, message, ...(field === undefined ? {} : { field }), ...(remedy === undefined ? {} : { remedy }) }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Uint8Array>) {
    bytes += part.length
    if (bytes > bytesMax) throw new HoldfastError('too-large', `more than ${bytesMax} bytes were sent`)
    parts.push(part)
  }
  return concat(...parts)
}

/**
 * The kernel lets root and the socket's owner connect, nobody else, for as long as its mode says so. Where somebody has opened
 * it to more people, to look at the status, those may go on looking and must not order.
 */
function refuseLoosened(path: string): void {
  const { mode, uid } = lstatSync(path)
  if ((mode & 0o077) === 0 && uid === process.getuid?.()) return
  throw new HoldfastError('forbidden', `${path} is open to more than its owner: who asks cannot be told`, {
    remedy: 'Close it with `chmod 600`, or restart the agent, and try again as root.',
  })
}

async function answer(
  socket: string,
  routes: readonly LocalRoute[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = URL.parse(request.url ?? '', 'http://agent')
  const there = routes.filter((known) => known.path === url?.pathname)
  const route = there.find(({ method }) => method === request.method) ?? there[0]
  // A body that nobody asked for is read away unseen.
  if (route?.bodyBytesMax === undefined || route.method !== request.method) request.resume()
  if (url === null || route === undefined) {
    throw new HoldfastError('not-found', `the agent has no ${url?.pathname ?? 'such'} to offer`, {
      remedy: 'The CLI and the agent may be of different versions: restart the agent.',
    })
  }
  if (route.method !== request.method) {
    return send(response.setHeader('allow', route.method), 405, { error: errorBody(`use ${route.method}`) })
  }
  if (route.order === true) refuseLoosened(socket)
  const body = route.bodyBytesMax === undefined ? new Uint8Array(0) : await readBody(request, route.bodyBytesMax)
  const answered: unknown = await route.handle(url.searchParams, response, body)
  if (answered !== undefined) send(response, 200, answered)
}

/** Serves `routes` at `path`. The caller holds the state directory's lock, so a socket that lies there is nobody's. */
export async function serveLocal(path: string, routes: readonly LocalRoute[], log: Log): Promise<LocalServer> {
  const server = createServer((request, response) => {
    answer(path, routes, request, response).catch((error: unknown) => {
      log.debug('a local request failed', { path: request.url, why: errorBody(error).message })
      if (response.headersSent) response.end()
      else send(response, (isHoldfastError(error) ? STATUS[error.code] : undefined) ?? 500, { error: errorBody(error) })
    })
  })
  server.maxConnections = CONNECTIONS_MAX
  server.headersTimeout = 5_000
  remove(path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) =>
      reject(new HoldfastError('failed', `cannot listen at ${path}: ${cause.message}`, { cause })),
    )
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new HoldfastError('failed', `cannot replace ${path}: ${(error as Error).message}`, { cause: error })
    }
  }
}
