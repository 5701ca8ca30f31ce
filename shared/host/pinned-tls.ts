// TLS to a peer that is known by one pinned authority, and by nothing else: no system trust store, no clock.
//
// Node's own check would refuse a certificate for its dates alone, and devices wake up in 1970. So the handshake is let
// through, and the proof is made here before a byte is sent: who issued, for which name, and only then the dates.

import { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { HoldfastError } from '../errors.ts'
import { hubServerName } from '../wire/enrol.ts'
import { connectThroughProxy, type HttpProxy, proxyText } from './http-proxy.ts'

export interface TlsTarget {
  readonly host: string
  readonly port: number
  /** Name asked for and expected in the certificate; every hub bears `hubServerName`, whatever its address. */
  readonly serverName?: string
  /** Application protocols to offer (RFC 7301); none where absent. */
  readonly protocols?: readonly string[]
  /** The only way out of the site; straight to the host where absent. */
  readonly proxy?: HttpProxy | undefined
  readonly timeoutMs: number
  /** Which of several uplinks to take, where it is not for the host to say; not asked where a proxy is the way. */
  readonly out?: FindOut | undefined
}

/** The local address to connect from, where it matters, and the host's. */
export type FindOut = (
  host: string,
  port: number,
) => Promise<{ readonly local?: string; readonly address: string } | undefined>

export interface Pin {
  /** DER of the one authority that is trusted. */
  readonly authorityDer: Uint8Array
  /** Wall clock, milliseconds since the Unix epoch. */
  readonly now: number
  /** A time that is known to have passed; dates are judged at the later of the two. */
  readonly floor: number
}

export interface Proven {
  readonly socket: TLSSocket
  /** The certificate or its authority is past its date: a condition to report, never a reason to sever a site. */
  readonly expired: boolean
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

/** Handshakes over a socket that is connected, or connects. */
function handshake(target: TlsTarget, through: Socket | undefined, out: Awaited<ReturnType<FindOut>>): TLSSocket {
  const { port, protocols, timeoutMs } = target
  const host = out?.address ?? target.host
  const servername = target.serverName ?? hubServerName
  return connect({
    ...(through === undefined ? { host, port } : { socket: through }),
    ...(out?.local === undefined ? {} : { localAddress: out.local }),
    // An address must not be sent as a name (RFC 6066 §3); it is looked for in the certificate all the same.
    servername: isIP(servername) === 0 ? servername : '',
    rejectUnauthorized: false,
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
    timeout: timeoutMs,
  })
}

/** Connects and finishes the handshake; who is at the other end is NOT proven yet. */
export function connectUnproven(target: TlsTarget): Promise<TLSSocket> {
  const { host, port, proxy, timeoutMs } = target
  const where = `${host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`}${proxy === undefined ? '' : ` through the proxy ${proxyText(proxy)}`}`
  const { promise, reject, resolve } = Promise.withResolvers<TLSSocket>()
  let under: Socket | undefined
  let over = false
  const fail = (message: string, cause?: unknown): void => {
    over = true
    clearTimeout(deadline)
    under?.destroy()
    reject(
      new HoldfastError('unreachable', `cannot reach ${where}: ${message}`, {
        remedy: 'Check the address, the uplink and any firewall on the way.',
        cause,
      }),
    )
  }
  const deadline = setTimeout(() => fail(`no answer within ${timeoutMs / 1_000} s`), timeoutMs)
  const shake = (through: Socket | undefined, out?: Awaited<ReturnType<FindOut>>): void => {
    if (over) return
    const socket = handshake(target, through, out)
    under = socket
    socket.once('error', (error) => fail(error.message, error))
    socket.once('close', () => fail('the connection closed during the handshake'))
    socket.once('secureConnect', () => {
      clearTimeout(deadline)
      socket.setTimeout(0)
      socket.removeAllListeners('error').removeAllListeners('close').removeAllListeners('timeout')
      resolve(socket)
    })
  }
  if (proxy === undefined && target.out === undefined) shake(undefined)
  else if (proxy === undefined) {
    target.out?.(host, port).then(
      (out) => shake(undefined, out),
      () => shake(undefined),
    )
  } else {
    connectThroughProxy(proxy, target, (socket) => (under = socket)).then(
      (socket) => shake(socket),
      (error: unknown) => {
        clearTimeout(deadline)
        reject(error)
      },
    )
  }
  return promise
}

function untrusted(message: string): HoldfastError {
  return new HoldfastError('untrusted', message, {
    remedy:
      'Check for a proxy that opens TLS or a wrong address. If the hub was rebuilt without its root key, join again.',
  })
}

/** Throws `untrusted` unless `leaf` was issued by exactly that authority for that name. Returns whether dates have passed. */
export function judgeCertificate(
  leaf: X509Certificate,
  authority: X509Certificate,
  name: string,
  atMs: number,
): boolean {
  if (!authority.ca) throw untrusted('the pinned authority is not one that may issue certificates')
  if (leaf.ca) throw untrusted('the peer shows an authority’s own certificate')
  if (!leaf.checkIssued(authority) || !leaf.verify(authority.publicKey)) {
    throw untrusted('the peer’s certificate was not issued by the pinned authority')
  }
  const bears = isIP(name) === 0 ? leaf.checkHost(name, { subject: 'never', wildcards: false }) : leaf.checkIP(name)
  if (bears === undefined) {
    throw untrusted(`the peer’s certificate is not for ${name}`)
  }
  // Node types it as always there; a certificate without the extension has none.
  const purposes = leaf.keyUsage as readonly string[] | undefined
  if (purposes !== undefined && !purposes.includes(SERVER_AUTH)) {
    throw untrusted('the peer’s certificate is not one of a server')
  }
  return atMs > Math.min(leaf.validToDate.getTime(), authority.validToDate.getTime())
}

/** Judges the peer of a finished handshake. Throws `untrusted`, and then the socket is destroyed. */
function provePeer(socket: TLSSocket, pin: Pin, serverName: string = hubServerName): Proven {
  try {
    const leaf = socket.getPeerX509Certificate()
    if (leaf === undefined) throw untrusted('the peer shows no certificate')
    const authority = new X509Certificate(pin.authorityDer)
    return { socket, expired: judgeCertificate(leaf, authority, serverName, Math.max(pin.now, pin.floor)) }
  } catch (error) {
    socket.destroy()
    if (error instanceof HoldfastError) throw error
    throw new HoldfastError('untrusted', 'the peer’s certificate cannot be read', { cause: error })
  }
}

export async function connectPinned(options: TlsTarget & Pin): Promise<Proven> {
  return provePeer(await connectUnproven(options), options, options.serverName)
}
