// Requests to the hub that this page came from. What a person typed is never lost by it: a session that ended is told to who
// listens, and the request can be made again.

import { type ErrorCode, HoldfastError } from '../../../shared/errors.ts'
import type { Session } from '../model/session.ts'

/** A hub that says nothing for so long is not there, milliseconds; a what-if over a week of flows takes some seconds. */
const ANSWER_MS_MAX = 30_000

/** What was read, and what the hub calls it. */
export interface Held<T> {
  readonly value: T
  readonly tag: string | undefined
}

export interface Http {
  get<T>(path: string): Promise<T>
  /** The very one that is held, where the hub has nothing else to say. */
  getIfNew<T>(path: string, held: Held<T> | undefined): Promise<Held<T>>
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>
  /** Resolves once the stream is open. */
  stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}

interface Words {
  readonly code?: ErrorCode
  readonly message?: string
  readonly field?: string
  readonly line?: number
  readonly remedy?: string
}

function codeOf(status: number): ErrorCode {
  const codes: Readonly<Record<number, ErrorCode>> = {
    401: 'unauthenticated',
    403: 'forbidden',
    404: 'not-found',
    409: 'conflict',
    413: 'too-large',
    429: 'rate-limited',
    503: 'unreachable',
  }
  return codes[status] ?? 'failed'
}

/** What the hub says is wrong; a proxy between may say something else altogether. */
async function errorOf(response: Response): Promise<HoldfastError> {
  let words: Words = {}
  try {
    words = (await response.json()) as Words
  } catch {
    words = { message: `the answer was ${response.status}, and not in words of the hub` }
  }
  const { code = codeOf(response.status), message = 'the hub refused', ...detail } = words
  return new HoldfastError(code, message, detail)
}

/** `session`: of whoever is signed in now. `onEnd`: the hub no longer knows it. */
export function createHttp(session: () => Session | undefined, onEnd: () => void): Http {
  const ask = async (method: string, path: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    const csrf = session()?.csrf
    if (method !== 'GET' && csrf !== undefined) headers.set('x-csrf-token', csrf)
    let response: Response
    try {
      response = await fetch(path, { ...init, method, headers, credentials: 'same-origin', cache: 'no-store' })
    } catch (cause) {
      throw new HoldfastError('unreachable', 'the hub does not answer', {
        cause,
        remedy: 'Nothing is lost: try again once it is back.',
      })
    }
    if (response.ok || response.status === 304) return response
    const error = await errorOf(response)
    if (error.code === 'unauthenticated' && path !== '/api/v1/session') onEnd()
    throw error
  }

  const json = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const isText = typeof body === 'string'
    const response = await ask(method, path, {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      headers: body === undefined ? {} : { 'content-type': isText ? 'application/yaml' : 'application/json' },
    })
    return (response.status === 204 ? undefined : await response.json()) as T
  }

  return {
    get: (path) => json('GET', path),
    async getIfNew<T>(path: string, held: Held<T> | undefined) {
      const headers = held?.tag === undefined ? {} : { 'if-none-match': held.tag }
      const response = await ask('GET', path, { signal: AbortSignal.timeout(ANSWER_MS_MAX), headers })
      if (response.status === 304 && held !== undefined) return held
      return { value: (await response.json()) as T, tag: response.headers.get('etag') ?? undefined }
    },
    send: (method, path, body) => json(method, path, body),
    async stream(path, signal) {
      const response = await ask('GET', path, { signal })
      if (response.body === null) throw new HoldfastError('unreachable', 'the hub sent no stream')
      return chunks(response.body)
    },
  }
}

/** Safari reads streams, and does not iterate over them. */
async function* chunks(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    void reader.cancel().catch(() => undefined)
  }
}
