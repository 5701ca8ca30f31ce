// An outside broker's address as people write it, and a stream to it whose far end is proven.

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { sameBytes, toBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'

export interface BrokerAddress {
  readonly tls: boolean
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  /** PEM of the authority that issued the broker's certificate; the system's own authorities where absent. */
  readonly authority: string | undefined
}

const CONNECT_MS = 10_000

function bad(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError('invalid', message, {
    field: '--broker',
    remedy: 'Write it like mqtts://admin:PASSWORD@broker.example.org:8883?ca=/etc/holdfast/broker-ca.pem.',
    ...(cause === undefined ? {} : { cause }),
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function readAuthority(path: string): string {
  try {
    const pem = readFileSync(path, 'utf8')
    return new X509Certificate(pem).toString()
  } catch (cause) {
    throw bad(`the broker's authority ${path} cannot be read: ${(cause as Error).message}`, cause)
  }
}

export function parseBrokerUrl(text: string): BrokerAddress {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    // The text is not repeated: it holds a password.
    throw bad('this is not a URL', cause)
  }
  const tls = url.protocol === 'mqtts:'
  if (!tls && url.protocol !== 'mqtt:') throw bad('only mqtts:// and, on this machine, mqtt:// are understood')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!tls && !isLoopback(host)) throw bad('mqtt:// sends passwords in clear and is taken for loopback only')
  if (url.username === '' || url.password === '') throw bad('an administrator and a password are needed')
  for (const key of url.searchParams.keys()) if (key !== 'ca') throw bad(`"${key.slice(0, 40)}" is not known here`)
  const ca = url.searchParams.get('ca')
  return {
    tls,
    host,
    port: url.port === '' ? (tls ? 8_883 : 1_883) : Number(url.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    authority: ca === null ? undefined : readAuthority(ca),
  }
}

/**
 * What devices are told of the authority: DER, base64. Nothing where the hub itself certified the broker: they know
 * that authority already, and expect the hub's name in the certificate.
 */
export function foreignAuthority(address: BrokerAddress, hubAuthority: Uint8Array): string | undefined {
  if (address.authority === undefined) return undefined
  const der = new X509Certificate(address.authority).raw
  return sameBytes(der, hubAuthority) ? undefined : toBase64(der)
}

/** A connected stream; with TLS, to whoever holds a certificate of the authority for `serverName`, or else for the host. */
export function dialBroker(address: BrokerAddress, serverName?: string): Promise<Duplex> {
  const { authority, host, port, tls } = address
  return new Promise((resolve, reject) => {
    const socket = tls
      ? connectTls({
          host,
          port,
          ...(serverName === undefined && isIP(host) !== 0 ? {} : { servername: serverName ?? host }),
          ...(authority === undefined ? {} : { ca: authority }),
        })
      : connectTcp({ host, port })
    const fail = (cause: Error): void => {
      socket.destroy()
      reject(
        new HoldfastError('unreachable', `cannot reach the broker at ${host}:${port}: ${cause.message}`, { cause }),
      )
    }
    socket.setTimeout(CONNECT_MS, () =>
      fail(new HoldfastError('unreachable', `no answer within ${CONNECT_MS / 1_000} s`)),
    )
    socket.once('error', fail)
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      socket.setTimeout(0)
      socket.off('error', fail)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}
