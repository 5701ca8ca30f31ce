// Binding one end of a session: which port, beside which other end, and when the kernel knows of it.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { relayBindsWaitingMax, relayHeldBytesMax, relaySessionsPerNodeMax } from '../../shared/limits.ts'
import type { Version } from '../../shared/record/head.ts'
import { createRate } from '../echo/rate.ts'
import type { Forward, ForwardEnd, Forwarder } from './forwarder.ts'
import type { Refusal } from './frames.ts'
import {
  type Credentials,
  type End,
  type Family,
  familyOfEndpoint,
  otherSide,
  pairOf,
  type Session,
  type Sessions,
  type Side,
  sideOf,
} from './sessions.ts'

/** Sockets on session ports: they keep others off the port, and catch what the kernel does not forward yet. */
export interface SessionPorts {
  /** False where the port is taken by somebody else. */
  open(port: number, family: Family): Promise<boolean>
  close(port: number): void
  send(port: number, bytes: Uint8Array, to: Endpoint): void
  /** The own address that packets to `to` carry; undefined where there is no way to it. */
  localFor(to: Endpoint): Promise<Address | undefined>
}

export interface BinderOptions {
  readonly sessions: Sessions
  readonly forwarder: Forwarder
  readonly ports: SessionPorts
  /** Takes a packet for a node that is not bound here to where else it is; false where it is nowhere. */
  readonly elsewhere?: ((from: NodeId, to: NodeId, bytes: Uint8Array) => boolean) | undefined
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

/** An end without a REFRESH for so long is gone: three of them and some. */
export const sessionLifeMs = 90_000
/** Packets of nobody's at session ports, as the process sees them; the kernel lets 500 a second through to it. */
const STRANGERS = { perSecond: 100, burst: 100, sourcesMax: 1 }
const CROWDED_MS = 2_000
/** Ports tried before a bind is refused: others may sit on some of the range. */
const PORTS_TRIED_MAX = 16
const INITIATION_BYTES = 148

export interface NewEnd {
  readonly node: NodeId
  readonly peer: NodeId
  readonly source: Endpoint
  readonly version: Version
  readonly credentials: Credentials
}

export interface Binder {
  /** Gives the end its place. Packets pass once it was heard at the session port. */
  bind(end: NewEnd): Promise<Session | Refusal>
  /** The end was heard at the session port from `source`. False where the kernel does not take it. */
  confirm(session: Session, side: Side, source: Endpoint): Promise<boolean>
  /** Takes one end away; the session goes with its last end. */
  release(session: Session, side: Side): void
  /** Takes over what an earlier process left, as let in by the set at `version`. */
  adopt(forward: Forward, version: Version): Promise<void>
  /** A packet that the kernel did not forward: the other end is not bound, or both are since a moment ago. */
  stray(port: number, bytes: Uint8Array, source: Endpoint): void
}

/** The session as it is now; the session itself goes on changing. */
function forwardOf({ ends, family, nodes, port }: Session): Forward {
  const end = (side: Side): ForwardEnd | undefined => {
    const { local, source } = ends[side] ?? {}
    return source === undefined || local === undefined ? undefined : { source, local }
  }
  return { port, family, nodes, ends: [end(0), end(1)] }
}

/**
 * A WireGuard handshake's first message (§5.4.2): worth keeping, because the next one comes five seconds later. A probe that
 * arrives late would only lie about the path.
 */
function isInitiation(bytes: Uint8Array): boolean {
  return bytes.length === INITIATION_BYTES && bytes[0] === 1
}

export function createBinder(options: BinderOptions): Binder {
  const { clock, entropy, forwarder, log, ports, sessions } = options
  const mayStray = createRate(clock, STRANGERS)
  let waiting = 0
  let crowdedUntilMs = 0
  let turn: Promise<unknown> = Promise.resolve()

  const program = (session: Session): Promise<boolean> =>
    forwarder.set(forwardOf(session)).then(
      () => true,
      (error: unknown) => {
        log.error('the kernel does not take a relay session', { port: session.port, reason: describeError(error) })
        return false
      },
    )

  const drop = (session: Session): void => {
    sessions.remove(session)
    ports.close(session.port)
    forwarder.remove(session.port).catch((error: unknown) => {
      log.error('a relay session was not taken from the kernel', { port: session.port, reason: describeError(error) })
    })
  }

  const allocate = async (node: NodeId, peer: NodeId, family: Family): Promise<Session | Refusal> => {
    if (sessions.countOf(node) >= relaySessionsPerNodeMax) return 'too-many'
    let tried = 0
    for (const port of sessions.freePorts(entropy.fraction())) {
      if (await ports.open(port, family)) {
        const session: Session = {
          port,
          family,
          nodes: pairOf(node, peer),
          ends: [undefined, undefined],
          held: undefined,
        }
        sessions.add(session)
        return session
      }
      if (++tried === PORTS_TRIED_MAX) break
    }
    return 'full'
  }

  /** The session that the end belongs in; one that only this end holds may move to another family. */
  const sessionFor = async (node: NodeId, peer: NodeId, family: Family): Promise<Session | Refusal> => {
    const held = sessions.of(node, peer)
    if (held === undefined) return allocate(node, peer, family)
    if (held.family === family) return held
    if (held.ends[otherSide(sideOf(held, node))] !== undefined) return 'other-family'
    drop(held)
    return allocate(node, peer, family)
  }

  const bindNow = async ({ credentials, node, peer, source, version }: NewEnd): Promise<Session | Refusal> => {
    const local = await ports.localFor(source)
    if (local === undefined) return 'failed'
    const session = await sessionFor(node, peer, familyOfEndpoint(source))
    if (typeof session === 'string') return session
    const side = sideOf(session, node)
    const expiresAt = clock.monotonic() + sessionLifeMs
    // What passes now passes on until the end is heard from its new place.
    const before = session.ends[side]?.source
    session.ends[side] = { node, host: hostOf(source), source: before, local, expiresAt, version, credentials }
    return session
  }

  const handOver = (session: Session): void => {
    const { held } = session
    const to = held === undefined ? undefined : session.ends[otherSide(held.from)]
    if (held === undefined || to?.source === undefined) return
    session.held = undefined
    ports.send(session.port, held.bytes, to.source)
  }

  return {
    async bind(end) {
      if (waiting >= relayBindsWaitingMax) return 'busy'
      waiting += 1
      // One after the other: both ends of a pair may come at the same moment, and must meet at one port.
      const mine = turn.then(() => bindNow(end)).finally(() => (waiting -= 1))
      turn = mine.catch(() => undefined)
      return await mine
    },
    async confirm(session, side, source) {
      const end = session.ends[side]
      if (end === undefined) return false
      end.source = source
      // Two ends behind one mapping can't be: who is heard now knows better.
      const other = session.ends[otherSide(side)]
      if (other?.source === source) other.source = undefined
      // The kernel takes a moment; what waits is there before it. The answer comes by this process, unless strangers keep
      // it busy: then it has to find the kernel ready.
      if (clock.monotonic() >= crowdedUntilMs) handOver(session)
      if (!(await program(session))) return false
      handOver(session)
      return true
    },
    release(session, side) {
      session.ends[side] = undefined
      if (session.held?.from === side) session.held = undefined
      if (session.ends[otherSide(side)] === undefined) drop(session)
      else void program(session)
    },
    async adopt({ ends, family, nodes, port }, version) {
      const expiresAt = clock.monotonic() + sessionLifeMs
      const endOf = (side: Side): End | undefined => {
        const end = ends[side]
        if (end === undefined) return undefined
        const { local, source } = end
        return { node: nodes[side], host: hostOf(source), source, local, expiresAt, version, credentials: undefined }
      }
      sessions.add({ port, family, nodes, ends: [endOf(0), endOf(1)], held: undefined })
      if (!(await ports.open(port, family))) {
        log.warn('a session port is in use by another program; the kernel forwards on', { port })
      }
    },
    stray(port, bytes, source) {
      const session = sessions.at(port)
      const from = session?.ends.findIndex((end) => end?.source === source)
      if (session === undefined || (from !== 0 && from !== 1)) {
        if (!mayStray('all')) crowdedUntilMs = clock.monotonic() + CROWDED_MS
        return
      }
      if (bytes.length > relayHeldBytesMax) return
      const to = session.ends[otherSide(from)]?.source
      // The kernel is being told of both ends, or was a moment ago.
      if (to !== undefined) return ports.send(port, bytes, to)
      if (options.elsewhere?.(session.nodes[from], session.nodes[otherSide(from)], bytes) === true) return
      if (isInitiation(bytes)) session.held ??= { from, bytes: bytes.slice() }
    },
  }
}
