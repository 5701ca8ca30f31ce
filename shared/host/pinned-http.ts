// One HTTP exchange in JSON over a socket whose peer is proven: what a device says to its hub before and beside MQTT.

import { type IncomingMessage, request } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { fromUtf8 } from '../bytes.ts'
import type { Clock, Timer } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { httpBodyMax } from '../limits.ts'
import { systemClock } from './clock.ts'
import { connectPinned, type Pin, type TlsTarget } from './pinned-tls.ts'

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes the answer may have; `httpBodyMax` where absent. */
  readonly bodyMax?: number
  /** Longest silence; an answer that is on its way may take longer, for a first snapshot of megabytes comes over LTE. */
  readonly timeoutMs: number
}

/** A whole exchange, milliseconds: 2 MB at 64 kbit/s take four minutes; whoever drips bytes is left after this. */
const EXCHANGE_MS_MAX = 10 * 60_000

export interface Answer {
  readonly status: number
  /** Parsed JSON; undefined where the body is empty. */
  readonly body: unknown
  readonly retryAfterS?: number
}

/** `heard` is told of each part. */
async function gather(response: IncomingMessage, bodyMax: number, heard: () => void): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Uint8Array>) {
    heard()
    length += part.length
    if (length > bodyMax) throw new HoldfastError('too-large', `the answer has more than ${bodyMax} bytes`)
    parts.push(part)
  }
  return fromUtf8(Buffer.concat(parts))
}

function parseBody(text: string, status: number): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HoldfastError('invalid', `the answer (status ${status}) is not JSON: is a hub at this address?`, {
      cause,
    })
  }
}

/** Sends one request over `socket` and closes it. The caller has proven the peer, or does not care who it is. */
export async function exchange(
  socket: TLSSocket,
  host: string,
  wanted: Exchange,
  clock: Pick<Clock, 'after'> = systemClock,
): Promise<Answer> {
  const silence = new AbortController()
  const patience = (): Timer => clock.after(wanted.timeoutMs, () => silence.abort())
  let timer = patience()
  const heard = (): void => {
    timer.cancel()
    timer = patience()
  }
  const signal = AbortSignal.any([silence.signal, AbortSignal.timeout(EXCHANGE_MS_MAX)])
  const payload = wanted.body === undefined ? undefined : JSON.stringify(wanted.body)
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(
        {
          createConnection: () => socket,
          method: wanted.method,
          path: wanted.path,
          signal,
          headers: {
            host,
            accept: 'application/json',
            connection: 'close',
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
            ...wanted.headers,
          },
        },
        resolve,
      )
      outgoing.once('error', reject)
      outgoing.end(payload)
    })
    const status = response.statusCode ?? 0
    const body = parseBody(await gather(response, wanted.bodyMax ?? httpBodyMax, heard), status)
    const retryAfterS = Number(response.headers['retry-after'])
    return { status, body, ...(Number.isFinite(retryAfterS) ? { retryAfterS } : {}) }
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    const waitedMs = silence.signal.aborted ? wanted.timeoutMs : EXCHANGE_MS_MAX
    const why = signal.aborted ? `no answer within ${waitedMs / 1_000} s` : (error as Error).message
    throw new HoldfastError('unreachable', `the exchange with ${host} failed: ${why}`, { cause: error })
  } finally {
    timer.cancel()
    socket.destroy()
  }
}

/** Connects to a pinned peer and makes one exchange. */
export async function requestPinned(
  options: TlsTarget & Pin & Exchange,
): Promise<Answer & { readonly expired: boolean }> {
  const { socket, expired } = await connectPinned(options)
  const host = options.host.includes(':') ? `[${options.host}]:${options.port}` : `${options.host}:${options.port}`
  return { ...(await exchange(socket, host, options)), expired }
}
