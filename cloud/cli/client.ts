// The command line's way to the hub: HTTPS to a pinned authority, JSON in and out, errors as the hub states them.

import { X509Certificate } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import * as v from 'valibot'
import { fromUtf8 } from '../../shared/bytes.ts'
import { type FlagValues, textFlag } from '../../shared/cli/parse.ts'
import { type ErrorCode, HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import { eventHeartbeatS, snapshotBytesMax } from '../../shared/limits.ts'
import { refuseWaiting } from '../replica/leader-note.ts'
import { dataPaths } from '../serve/data-directory.ts'

export interface Client {
  get<T>(path: string): Promise<T>
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>
  /** A file, of at most so many bytes. */
  download(path: string, bytesMax: number): Promise<Uint8Array>
  /** Resolves when the stream ends; rejects where it breaks, also by `signal`. */
  events(handlers: EventHandlers, signal?: AbortSignal): Promise<void>
}

export interface EventHandlers {
  /** Whatever changes from now on is an event: who lists now misses nothing. */
  readonly onOpen: () => void
  readonly onEvent: (type: string, data: unknown) => void
}

const TIMEOUT_MS = 30_000
/** Heartbeats that an event stream may miss, milliseconds. */
const SILENCE_MS = 3 * eventHeartbeatS * 1_000
export const dataDefault = '/var/lib/holdfast-hub'

interface Target {
  readonly host: string
  readonly port: number
  readonly token: string
  readonly authorityDer: Uint8Array
}

/** `flag`, or the content of the file in the data directory. */
function want(flag: string | undefined, path: string, what: string): string {
  const value = flag ?? readIfThere(path)?.trim()
  if (value !== undefined && value !== '') return value
  throw new HoldfastError('not-found', `${what} is not known: there is no ${path}`, {
    remedy:
      'On the hub’s machine give its --data; elsewhere set HOLDFAST_HUB_URL, HOLDFAST_HUB_TOKEN and HOLDFAST_HUB_CA.',
  })
}

function targetOf(flags: FlagValues): Target {
  const paths = dataPaths(textFlag(flags, 'data') ?? dataDefault)
  if (textFlag(flags, 'url') === undefined) refuseWaiting(paths.root)
  const url = want(textFlag(flags, 'url'), paths.cliUrl, 'the address of the hub')
  const parsed = URL.parse(url)
  if (parsed === null || parsed.protocol !== 'https:') {
    throw new HoldfastError('usage', `"${url.slice(0, 120)}" is not like https://hub.example.org:8443`)
  }
  const caFile = textFlag(flags, 'ca') ?? `${paths.tls}/authority.crt`
  const pem = want(readIfThere(caFile), caFile, 'the authority of the hub')
  return {
    host: parsed.hostname.replaceAll(/[[\]]/g, ''),
    port: parsed.port === '' ? 443 : Number(parsed.port),
    token: want(textFlag(flags, 'token'), paths.cliToken, 'a token'),
    authorityDer: new X509Certificate(pem).raw,
  }
}

async function ask(target: Target, method: string, path: string, body?: string): Promise<IncomingMessage> {
  const { authorityDer, host, port, token } = target
  const pin = { authorityDer, now: systemClock.now(), floor: 0 }
  const { socket } = await connectPinned({ host, port, timeoutMs: TIMEOUT_MS, ...pin })
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        createConnection: () => socket,
        method,
        path,
        headers: {
          host: `${host.includes(':') ? `[${host}]` : host}:${port}`,
          authorization: `Bearer ${token}`,
          connection: 'close',
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        },
      },
      resolve,
    )
    outgoing.once('error', (cause) =>
      reject(new HoldfastError('unreachable', `the hub did not answer: ${cause.message}`, { cause })),
    )
    outgoing.end(body)
  })
}

async function bytesOf(answer: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of answer as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > bytesMax) throw new HoldfastError('too-large', 'the answer of the hub is too long')
    parts.push(part)
  }
  return Buffer.concat(parts)
}

async function textOf(answer: IncomingMessage): Promise<string> {
  return fromUtf8(await bytesOf(answer, snapshotBytesMax))
}

const failure = v.object({
  code: v.string(),
  message: v.string(),
  field: v.optional(v.string()),
  line: v.optional(v.number()),
  remedy: v.optional(v.string()),
})

function jsonOf(text: string, status: number): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HoldfastError('invalid', `what answers there (status ${status}) is not a hub`, { cause })
  }
}

function check(value: unknown, status: number): void {
  if (status < 400) return
  const said = v.safeParse(failure, value)
  if (!said.success) throw new HoldfastError('failed', `the hub answered with status ${status}`)
  const { code, message, field, line, remedy } = said.output
  throw new HoldfastError(code as ErrorCode, message, {
    ...(field === undefined ? {} : { field }),
    ...(line === undefined ? {} : { line }),
    ...(remedy === undefined ? {} : { remedy }),
  })
}

async function exchange<T>(target: Target, method: string, path: string, body?: unknown): Promise<T> {
  const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await ask(target, method, path, payload)
  const status = answer.statusCode ?? 0
  const value = jsonOf(await textOf(answer), status)
  check(value, status)
  return value as T
}

/** One block of an event stream to its type and data; undefined for a comment. */
export function parseEvent(block: string): { readonly type: string; readonly data: unknown } | undefined {
  const field = (name: string): string | undefined =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
  const data = field('data')
  return data === undefined ? undefined : { type: field('event') ?? 'message', data: JSON.parse(data) as unknown }
}

async function follow(answer: IncomingMessage, { onEvent, onOpen }: EventHandlers): Promise<void> {
  onOpen()
  let text = ''
  answer.setEncoding('utf8')
  for await (const part of answer as AsyncIterable<string>) {
    text += part
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parseEvent(block)
      if (event !== undefined) onEvent(event.type, event.data)
    }
  }
}

export function openClient(flags: FlagValues): Client {
  // Looked up each time: a hub on this machine may come back at another port.
  const target = (): Target => targetOf(flags)
  target()
  return {
    get: (path) => exchange(target(), 'GET', path),
    send: (method, path, body) => exchange(target(), method, path, body),
    async download(path, bytesMax) {
      const answer = await ask(target(), 'GET', path)
      const status = answer.statusCode ?? 0
      if (status !== 200) check(jsonOf(await textOf(answer), status), status)
      return await bytesOf(answer, bytesMax)
    },
    async events(handlers, signal) {
      const answer = await ask(target(), 'GET', '/api/v1/events')
      const status = answer.statusCode ?? 0
      if (status !== 200) check(jsonOf(await textOf(answer), status), status)
      signal?.addEventListener('abort', () => answer.destroy())
      // A hub that is there says so now and then; a line that died says nothing.
      answer.socket.setTimeout(SILENCE_MS, () =>
        answer.destroy(new HoldfastError('unreachable', 'the hub fell silent')),
      )
      try {
        await follow(answer, handlers)
      } catch (cause) {
        if (cause instanceof HoldfastError) throw cause
        throw new HoldfastError('unreachable', `the hub is gone: ${(cause as Error).message}`, { cause })
      }
    },
  }
}
