// Binding one end of a session: which port, beside which other end, and when the kernel knows of it.

import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { relayBindsWaitingMax, relayHeldBytesMax, relaySessionsPerNodeMax } from '../../shared/limits.ts'
import type { Forward, Forwarder } from './forwarder.ts'
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
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

/** An end without a REFRESH for so long is gone: three of them and some. */
export const sessionLifeMs = 90_000
/** Ports tried before a bind is refused: others may sit on some of the range. */
const PORTS_TRIED_MAX = 16

export interface NewEnd {
  readonly node: NodeId
  readonly peer: NodeId
  readonly source: Endpoint
  /** Made once the port is known. */
  readonly credentials: (port: number) => Credentials
}

export interface Binder {
  bind(end: NewEnd): Promise<Session | Refusal>
  /** Takes one end away; the session goes with its last end. */
  release(session: Session, side: Side): void
  /** Takes over what an earlier process left. */
  adopt(forward: Forward): Promise<void>
  /** A packet that reached the process although its end is bound: the other end is not. */
  stray(port: number, bytes: Uint8Array, source: Endpoint): void
}

/** The session as it is now; the session itself goes on changing. */
function forwardOf({ ends, family, nodes, port }: Session): Forward {
  return { port, family, nodes, ends: [ends[0], ends[1]] }
}

export function createBinder(options: BinderOptions): Binder {
  const { clock, entropy, forwarder, log, ports, sessions } = options
  let waiting = 0
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

  /** Two ends behind one mapping can't be: the newer knows better. */
  const place = (session: Session, side: Side, end: End): void => {
    session.ends[side] = end
    const other = otherSide(side)
    if (session.ends[other]?.source === end.source) session.ends[other] = undefined
  }

  const bindNow = async ({ credentials, node, peer, source }: NewEnd): Promise<Session | Refusal> => {
    const local = await ports.localFor(source)
    if (local === undefined) return 'failed'
    const session = await sessionFor(node, peer, familyOfEndpoint(source))
    if (typeof session === 'string') return session
    const expiresAt = clock.monotonic() + sessionLifeMs
    place(session, sideOf(session, node), { node, source, local, expiresAt, credentials: credentials(session.port) })
    return session
  }

  const handOver = (session: Session): void => {
    const { held } = session
    const to = held === undefined ? undefined : session.ends[otherSide(held.from)]
    if (held === undefined || to === undefined) return
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
      const session = await mine
      if (typeof session === 'string') return session
      if (!(await program(session))) return 'failed'
      handOver(session)
      return session
    },
    release(session, side) {
      session.ends[side] = undefined
      if (session.held?.from === side) session.held = undefined
      if (session.ends[otherSide(side)] === undefined) drop(session)
      else void program(session)
    },
    async adopt({ ends, family, nodes, port }) {
      const expiresAt = clock.monotonic() + sessionLifeMs
      const endOf = (side: Side): End | undefined => {
        const end = ends[side]
        return end === undefined ? undefined : { ...end, node: nodes[side], expiresAt, credentials: undefined }
      }
      sessions.add({ port, family, nodes, ends: [endOf(0), endOf(1)], held: undefined })
      if (!(await ports.open(port, family))) {
        log.warn('a session port is in use by another program; the kernel forwards on', { port })
      }
    },
    stray(port, bytes, source) {
      const session = sessions.at(port)
      const from = session?.ends.findIndex((end) => end?.source === source)
      if (session === undefined || (from !== 0 && from !== 1) || bytes.length > relayHeldBytesMax) return
      const to = session.ends[otherSide(from)]
      // The kernel was told of both ends a moment ago.
      if (to !== undefined) ports.send(port, bytes, to.source)
      else session.held ??= { from, bytes: bytes.slice() }
    },
  }
}
