// The sessions of a relay: one per pair of nodes, each with a port of its own and two ends that come and go.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf } from '../../shared/address/endpoint.ts'
import { compareText } from '../../shared/bytes.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Version } from '../../shared/record/head.ts'

export type Family = 4 | 6
export type Side = 0 | 1

/** What only the process that took the bind knows; gone after a restart, until the end binds again. */
export interface Credentials {
  readonly key: Uint8Array
  /** Highest counter of a REFRESH. */
  counter: number
}

export interface End {
  readonly node: NodeId
  /** The address that it proved by the challenge; its port may differ for every port of the relay (symmetric NAT). */
  readonly host: string
  /** Where it comes from to the session port; undefined until its first REFRESH there. */
  source: Endpoint | undefined
  /** The relay's own address that this end talks to. */
  readonly local: Address
  /** Monotonic milliseconds. */
  expiresAt: number
  /** The network's revision that let it in: its capability's, or the relay's own where an earlier process knew that one. */
  readonly version: Version
  readonly credentials: Credentials | undefined
}

export interface Session {
  readonly port: number
  readonly family: Family
  /** In the order of their ids. */
  readonly nodes: readonly [NodeId, NodeId]
  readonly ends: [End | undefined, End | undefined]
  /** A datagram of one end that waits for the other. */
  held: { readonly from: Side; readonly bytes: Uint8Array } | undefined
}

export interface Sessions {
  readonly size: number
  all(): Iterable<Session>
  at(port: number): Session | undefined
  of(node: NodeId, peer: NodeId): Session | undefined
  countOf(node: NodeId): number
  /** Ports that no session has, from `start` (0 to 1) of the range on. */
  freePorts(start: number): Iterable<number>
  add(session: Session): void
  remove(session: Session): void
}

export interface PortRange {
  readonly first: number
  readonly count: number
}

/**
 * Above the ports that Linux gives to outgoing connections (net.ipv4.ip_local_port_range, 32768 to 60999) and inside the
 * range that IANA leaves to everybody: a session port never meets a socket that somebody else opened by chance.
 */
export const defaultSessionPorts: PortRange = { first: 61_000, count: 1_024 }

export function isInRange(port: number, { count, first }: PortRange): boolean {
  return port >= first && port < first + count
}

export function familyOfEndpoint(endpoint: Endpoint): Family {
  return hostOf(endpoint).includes(':') ? 6 : 4
}

export function pairOf(a: NodeId, b: NodeId): readonly [NodeId, NodeId] {
  return compareText(a, b) < 0 ? [a, b] : [b, a]
}

export function sideOf(session: Pick<Session, 'nodes'>, node: NodeId): Side {
  return session.nodes[0] === node ? 0 : 1
}

export function otherSide(side: Side): Side {
  return side === 0 ? 1 : 0
}

export function createSessions(range: PortRange): Sessions {
  const byPort = new Map<number, Session>()
  const byPair = new Map<string, Session>()
  const counts = new Map<NodeId, number>()
  const key = (nodes: readonly [NodeId, NodeId]): string => nodes.join(' ')

  const count = (session: Session, by: 1 | -1): void => {
    for (const node of session.nodes) {
      const next = (counts.get(node) ?? 0) + by
      if (next === 0) counts.delete(node)
      else counts.set(node, next)
    }
  }

  return {
    get size() {
      return byPort.size
    },
    all: () => byPort.values(),
    at: (port) => byPort.get(port),
    of: (node, peer) => byPair.get(key(pairOf(node, peer))),
    countOf: (node) => counts.get(node) ?? 0,
    *freePorts(start) {
      const offset = Math.floor(start * range.count)
      for (let i = 0; i < range.count; i++) {
        const port = range.first + ((offset + i) % range.count)
        if (!byPort.has(port)) yield port
      }
    },
    add(session) {
      byPort.set(session.port, session)
      byPair.set(key(session.nodes), session)
      count(session, 1)
    },
    remove(session) {
      if (byPort.get(session.port) !== session) return
      byPort.delete(session.port)
      byPair.delete(key(session.nodes))
      count(session, -1)
    },
  }
}
