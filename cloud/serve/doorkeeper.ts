// Who may stay at a TLS port of the hub: so many connections in all and of each source, none that dawdles before TLS, and
// the true source of what a relay in front passes on.

import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Cidr, contains, hostCidr, parseAddress } from '../../shared/address/cidr.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { createConnectionCount } from '../../shared/host/connection-count.ts'
import { type Peeked, peek } from '../../shared/host/peek.ts'
import { plainAddress, readProxyHeader } from '../../shared/wire/proxy-header.ts'

export interface DoorOptions {
  readonly max: number
  /** Not of those below while they name no source: they stand for many, or are this very machine. */
  readonly perSourceMax: number
  /** Whose word on the source of a connection is taken (PROXY protocol). */
  readonly proxies: readonly Cidr[]
  readonly clock: Clock
  readonly log: Log
}

/** A header is in the first packet. */
const HEADER_MS = 5_000
const itself = Symbol('itself')

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress'>
const keyOf = ({ localAddress, remoteAddress, remotePort }: Ends): string =>
  `${remoteAddress} ${remotePort} ${localAddress}`

function isWithin(address: string, block: Cidr): boolean {
  try {
    return contains(block, hostCidr(parseAddress(address)))
  } catch {
    return false
  }
}

/** The source as a proxy in front names it, or that it names none. Undefined where the connection ended. */
async function toldSource(socket: Socket, clock: Clock): Promise<string | typeof itself | undefined> {
  const timer = clock.after(HEADER_MS, () => socket.destroy())
  const read = (bytes: Uint8Array): Peeked<string | typeof itself> | 'more' => {
    const header = readProxyHeader(bytes)
    if (header === 'more') return header
    return header === 'none' ? { value: itself, skip: 0 } : { value: header.source ?? itself, skip: header.length }
  }
  const source = await peek(socket, read)
  timer.cancel()
  return source
}

/** Stands in front of TLS. From then on `remoteAddress` of a TLS socket is the true source. */
export function keepDoor(server: Server, { clock, log, max, perSourceMax, proxies }: DoorOptions): void {
  const [secure] = server.listeners('connection')
  if (secure === undefined) return
  const count = createConnectionCount(max, perSourceMax)
  const ofProxies = createConnectionCount(max, max)
  const sources = new Map<string, string>()
  let refused = 0

  const letIn = (socket: Socket, source: string, counts = count): void => {
    const leave = counts.enter(source)
    if (leave === undefined) {
      // One line for each power of two: a flood fills no disk.
      refused += 1
      if ((refused & (refused - 1)) === 0) log.warn('too many connections', { source, refused, open: counts.size })
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    sources.set(key, source)
    socket.once('close', () => {
      leave()
      sources.delete(key)
    })
    Reflect.apply(secure, server, [socket])
  }

  const judge = async (socket: Socket, own: string): Promise<void> => {
    const source = await toldSource(socket, clock)
    if (source === undefined) socket.destroy()
    else if (source === itself) letIn(socket, own, ofProxies)
    else letIn(socket, source)
  }

  server.removeListener('connection', secure as () => void)
  server.on('connection', (socket: Socket) => {
    socket.on('error', (error) => log.debug('a connection failed', { why: error.message }))
    const own = plainAddress(socket.remoteAddress ?? 'unknown')
    if (!proxies.some((block) => isWithin(own, block))) return letIn(socket, own)
    void judge(socket, own)
  })
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const source = sources.get(keyOf(socket))
    if (source !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: source })
  })
}
