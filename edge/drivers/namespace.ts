// The network namespace that the mesh side of a network lives in (network_namespaces(7)): interface, addresses, routes, tables
// of nft, and the sockets at mesh addresses. The host's own, or one for a further network of this device, whose addresses may be
// anybody's then. WireGuard's own packets, and all that speaks with hub and relays, are the host's in either case.

import type { Socket as Datagrams } from 'node:dgram'
import { existsSync, readFileSync } from 'node:fs'
import { connect, type Server, type Socket } from 'node:net'
import { hostNetns } from './bpf-program.ts'
import type { Run } from './command.ts'
import { hasIpv6, readForwarding, switchForwardingOn } from './forwarding.ts'

export interface Place {
  readonly address: string
  readonly port: number
}

export interface Connecting {
  readonly host: string
  readonly port: number
  readonly localAddress?: string | undefined
}

/** Makers of sockets inside. */
export interface Sockets {
  /** What can't be bound is told by the socket's `error`. Without a place: wherever the kernel likes, of the socket's family. */
  readonly bindUdp: (socket: Datagrams, place: Place | { readonly family: 4 | 6 }) => void
  /** The same of a server. */
  readonly listen: (server: Server, place: Place) => void
  /** A socket that connects. Rejects only where none could be made. */
  readonly connect: (to: Connecting) => Promise<Socket>
}

export interface Namespace extends Sockets {
  /** Undefined for the host's own. */
  readonly name?: string
  /** Its number, as in /proc/PID/ns/net; undefined where there is none of the name. */
  readonly id: () => string | undefined
  /** Runs a program inside. */
  readonly run: Run
  /** The words that start a program inside. */
  readonly words: (program: string, args: readonly string[]) => readonly [string, ...string[]]
  /** A file below /proc/net; throws where it can't be read. */
  readonly procNet: (file: string) => string
  readonly hasIpv6: () => boolean
  readonly forwarding: () => readonly (4 | 6)[]
  readonly forward: (family: 4 | 6) => void
  /** Programs inside ask name servers there; of one of its own alone. */
  readonly tellNames?: (addresses: readonly string[]) => void
  /** It goes, with all that is in it; of one of its own alone. */
  readonly remove?: () => Promise<void>
}

export const hostSockets: Sockets = {
  bindUdp(socket, place) {
    if ('family' in place) socket.bind({ port: 0, exclusive: true })
    else socket.bind({ ...place, exclusive: true })
  },
  listen: (server, { address, port }) => void server.listen({ host: address, port, exclusive: true }),
  connect: async ({ host, localAddress, port }) =>
    connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) }),
}

export function hostNamespace(run: Run): Namespace {
  return {
    ...hostSockets,
    id: hostNetns,
    run,
    words: (program, args) => [program, ...args],
    procNet: (file) => readFileSync(`/proc/self/net/${file}`, 'latin1'),
    hasIpv6,
    forwarding: readForwarding,
    forward: switchForwardingOn,
  }
}

/** False where the kernel was started without the family, or the host has switched it off before. */
export function kernelHasIpv6(): boolean {
  return existsSync('/proc/sys/net/ipv6')
}
