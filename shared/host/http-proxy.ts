// Through a proxy to where it alone may go: HTTP CONNECT (RFC 9110 §9.3.6). What runs inside is TLS to a pinned peer, so a
// proxy that opens it is refused like any other stranger.

import { connect, type Socket } from 'node:net'
import { toBase64, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { proxyAnswerBytesMax } from '../limits.ts'
import { peek } from './peek.ts'

export interface HttpProxy {
  readonly host: string
  readonly port: number
  /** `user:password`, where it asks for one (RFC 7617). */
  readonly credentials?: string
}

/** `http://proxy:3128`, or `http://user:password@proxy:3128`. The text is not repeated in errors: it may hold a password. */
export function parseProxy(text: string): HttpProxy {
  const url = URL.parse(text)
  const remedy = 'Write it like http://proxy.example.org:3128 or http://user:password@proxy.example.org:3128.'
  const rest = url === null ? '' : `${url.pathname}${url.search}${url.hash}`
  if (url === null || url.protocol !== 'http:' || url.hostname === '' || !['', '/'].includes(rest)) {
    throw new HoldfastError('invalid', 'this is not the address of an HTTP proxy', { remedy })
  }
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  // A line break would be one of the request.
  if (/[\r\n\0]/.test(credentials))
    throw new HoldfastError('invalid', 'user or password of the proxy is none', { remedy })
  return {
    host: url.hostname.replaceAll(/[[\]]/g, ''),
    port: url.port === '' ? 80 : Number(url.port),
    ...(credentials === ':' ? {} : { credentials }),
  }
}

/** Without user and password, as people may be told. */
export function proxyText({ host, port }: HttpProxy): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function refusal(status: number, where: string, proxy: string): HoldfastError {
  const what = `the proxy ${proxy} does not lead to ${where}: status ${status}`
  if (status === 407) {
    return new HoldfastError(
      'unauthenticated',
      `the proxy ${proxy} wants a user and a password, or others than these`,
      {
        remedy: 'Set them in the config file: proxy: http://user:password@host:port.',
      },
    )
  }
  return new HoldfastError('unreachable', what, {
    remedy: `Let the proxy pass CONNECT to ${where}, without opening TLS.`,
  })
}

/** Status of an answer to CONNECT, without its head; `more` while it is not whole. */
function readAnswer(bytes: Uint8Array): { readonly value: number; readonly skip: number } | 'more' {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  if (end < 0 && bytes.length < proxyAnswerBytesMax) return 'more'
  const status = end < 0 ? undefined : /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(`${text}\r`)?.[1]
  return { value: Number(status ?? 0), skip: end + 4 }
}

/** A TCP connection to the target, made by the proxy. The caller bounds the time: it destroys what `onSocket` told it of. */
export async function connectThroughProxy(
  proxy: HttpProxy,
  target: { readonly host: string; readonly port: number },
  onSocket: (socket: Socket) => void,
): Promise<Socket> {
  const where = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`
  const socket = connect({ host: proxy.host, port: proxy.port })
  onSocket(socket)
  const failed = new Promise<never>((_, reject) => {
    socket.once('error', (cause) =>
      reject(
        new HoldfastError('unreachable', `cannot reach the proxy ${proxyText(proxy)}: ${cause.message}`, {
          remedy: 'Check the address of the proxy in the config file, and the proxy.',
          cause,
        }),
      ),
    )
  })
  const { credentials } = proxy
  const login = credentials === undefined ? '' : `Proxy-Authorization: Basic ${toBase64(utf8(credentials))}\r\n`
  socket.write(`CONNECT ${where} HTTP/1.1\r\nHost: ${where}\r\n${login}\r\n`)
  const status = await Promise.race([peek(socket, readAnswer), failed])
  if (status !== undefined && status >= 200 && status < 300) return socket
  socket.destroy()
  if (status === undefined || status === 0) {
    throw new HoldfastError('unreachable', `what answers at ${proxyText(proxy)} is no HTTP proxy`, {
      remedy: 'Check the address of the proxy in the config file.',
    })
  }
  throw refusal(status, where, proxyText(proxy))
}
