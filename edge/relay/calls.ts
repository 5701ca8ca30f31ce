// Waking nodes that rest: each keeps one session with the relay itself, which holds its NAT open and has a key. A CALL by
// such a session binds both ends of the pair at once, in half the round trips of a bind, and tells the one that is called.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { concat, utf8 } from '../../shared/bytes.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Binder } from './binder.ts'
import { type Call, type CallKind, encodeCalled, type Refusal } from './frames.ts'
import { mac } from './secrets.ts'
import { type Credentials, type End, otherSide, type Session, type Sessions, sideOf } from './sessions.ts'

export interface CallsOptions {
  readonly self: NodeId
  readonly sessions: Sessions
  readonly binder: Pick<Binder, 'bind'>
  /** From a session port. */
  readonly send: (port: number, bytes: Uint8Array, to: Endpoint) => void
}

export interface Calls {
  /** An authentic CALL of `node` by its session with the relay. The answer goes to where it came from. */
  take(home: Session, frame: Call, source: Endpoint): Promise<Refusal | undefined>
  /** The node can be called from now on: peers may wait for it already. */
  found(node: NodeId): void
}

const LABEL = utf8('holdfast relay call 1')

/** The key of a session that a CALL brought about, known to the relay and to that end. */
export function pairKey(homeKey: Uint8Array, covered: Uint8Array): Uint8Array {
  return mac(homeKey, concat(LABEL, covered))
}

/** An end whose words can be checked and that was heard from. */
interface Reachable extends End {
  readonly source: Endpoint
  readonly credentials: Credentials
}

function reachable(end: End | undefined): Reachable | undefined {
  return end?.source === undefined || end.credentials === undefined ? undefined : (end as Reachable)
}

export function createCalls({ binder, self, send, sessions }: CallsOptions): Calls {
  /** Words to each end of a home, counted, so that none is heard twice. */
  const counters = new WeakMap<Credentials, number>()

  /** Gives the end its place in the pair's session, and tells it the port and, without saying it, the key. */
  const tell = async (kind: CallKind, home: Session, end: Reachable, peer: NodeId, counter: number) => {
    const { credentials, node, source, version } = end
    const { key } = credentials
    // The key follows from the frame, and the frame from the port: the end is bound with a key that is made a moment later.
    const late = { key, counter: 0 }
    const session = await binder.bind({ node, peer, source, version, credentials: late })
    if (typeof session === 'string') return session
    send(
      home.port,
      encodeCalled(kind, { port: home.port, counter, peer, pairPort: session.port }, (covered) => {
        late.key = pairKey(key, covered)
        return mac(key, covered)
      }),
      source,
    )
    return session
  }

  const want = async (node: NodeId, peer: NodeId): Promise<void> => {
    const home = sessions.of(node, self)
    const end = home === undefined ? undefined : reachable(home.ends[sideOf(home, node)])
    if (home === undefined || end === undefined) return
    const counter = (counters.get(end.credentials) ?? 0) + 1
    counters.set(end.credentials, counter)
    const held = sessions.of(node, peer)
    const bound = held !== undefined && held.ends[sideOf(held, node)] !== undefined
    const outcome = bound ? 'failed' : await tell('wanted', home, end, peer, counter)
    if (typeof outcome !== 'string') return
    // It is bound already, or can't be from here: it is for the node to see to it.
    const frame = { port: home.port, counter, peer, pairPort: 0 }
    send(
      home.port,
      encodeCalled('wanted', frame, (covered) => mac(end.credentials.key, covered)),
      end.source,
    )
  }

  return {
    async take(home, { counter, peer }, source) {
      const [a, b] = home.nodes
      const node = a === self ? b : a
      const end = reachable(home.ends[sideOf(home, node)])
      if (end === undefined || end.source !== source) return 'moved'
      if (node === self || peer === self || peer === node) return 'failed'
      const outcome = await tell('called', home, end, peer, counter)
      if (typeof outcome === 'string') return outcome
      await want(peer, node)
      return undefined
    },
    found(node) {
      for (const session of sessions.all()) {
        const side = session.nodes.indexOf(node)
        if (side !== 0 && side !== 1) continue
        const peer = session.nodes[otherSide(side)]
        if (peer !== self && session.ends[side] === undefined) want(node, peer).catch(() => undefined)
      }
    },
  }
}
