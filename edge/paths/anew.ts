// Begins anew with a peer whose WireGuard takes no handshake of ours. WireGuard takes none that claims to be older than one it
// had (WireGuard paper §5.1), and remembers for as long as it knows the peer: after a clock that ran ahead for an hour, for
// decades perhaps, on both ends if it ran ahead on both. Beside WireGuard they understand each other all the same. The one
// that tries in vain says so, and each takes the other out of WireGuard and sets it again, which forgets that time.

import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { WireguardDoor } from './doors.ts'
import type { Pair } from './engine-pair.ts'
import { SESSION_MS } from './pacing.ts'

/** One try of WireGuard (paper §5.4.2); it makes one each 5 s. */
const TRY_BYTES = 148
/** So many tries that nobody took are no lost packets. */
const TRIES = 3
/** A peer without a session that calls is waiting for one if it still calls so much later, … */
const CALLS_MS = 8_000
/** … and it is another time if it called before that. */
const CALLS_APART_MS = 60_000
/** What this can't mend is tried again, ever more seldom. */
const AGAIN_MS = 30_000
const AGAIN_MAX_MS = 10 * 60_000

export interface AnewOptions {
  readonly wireguard: Pick<WireguardDoor, 'renew'>
  readonly clock: Clock
  readonly log: Log
  /** Asks the peer for a joint attempt. */
  readonly call: (pair: Pair) => void
  /** Sends a packet through the tunnel. */
  readonly nudge: (address: Address) => void
}

type Counters = Pick<PeerEntry, 'rxBytes' | 'txBytes'>

export interface Anew {
  /** What WireGuard shows of the pair, each turn. */
  look(pair: Pair, counters: Counters): void
  /** The peer called. */
  called(pair: Pair): void
  forget(node: NodeId): void
}

interface Vain extends Counters {
  rxBytes: number
  txBytes: number
  tries: number
  /** First call since there is no session. */
  calledAt: number
  againAt: number
  againMs: number
}

export function createAnew({ call, clock, log, nudge, wireguard }: AnewOptions): Anew {
  const vain = new Map<NodeId, Vain>()

  // A handshake of a time to come is of a clock that was wrong.
  const hasSession = ({ handshakeAt }: Pair): boolean => Math.abs(clock.now() - handshakeAt) < SESSION_MS
  const answers = ({ paths }: Pair): boolean => paths.isAwake(clock.monotonic()) && paths.way() !== undefined

  const stateOf = ({ entry, node }: Pair, { rxBytes, txBytes }: Counters = entry): Vain => {
    const known = vain.get(node)
    if (known !== undefined) return known
    const fresh = { rxBytes, txBytes, tries: 0, calledAt: Number.NEGATIVE_INFINITY, againAt: 0, againMs: AGAIN_MS }
    vain.set(node, fresh)
    return fresh
  }

  const begin = async ({ entry: { member }, node }: Pair, state: Vain, now: number): Promise<void> => {
    state.againAt = now + state.againMs
    state.againMs = Math.min(2 * state.againMs, AGAIN_MAX_MS)
    const { addresses, name, wgKey } = member
    log.warn('a peer answers, but WireGuard gets no session with it: begins anew', { peer: name })
    try {
      await wireguard.renew(wgKey)
      if (vain.has(node) && addresses[0] !== undefined) nudge(addresses[0])
    } catch (error) {
      log.warn('WireGuard did not begin anew', { peer: name, why: describeError(error) })
    }
  }

  return {
    look(pair, { rxBytes, txBytes }) {
      if (hasSession(pair)) return void vain.delete(pair.node)
      const state = stateOf(pair, { rxBytes, txBytes })
      const isTry = txBytes - state.txBytes >= TRY_BYTES
      const isHeard = rxBytes !== state.rxBytes || !answers(pair)
      state.rxBytes = rxBytes
      state.txBytes = txBytes
      if (isHeard) state.tries = 0
      else if (isTry) state.tries += 1
      if (!isTry || state.tries < TRIES) return
      call(pair)
      const now = clock.monotonic()
      if (now >= state.againAt) void begin(pair, state, now)
    },
    called(pair) {
      if (hasSession(pair) || !answers(pair)) return
      const [state, now] = [stateOf(pair), clock.monotonic()]
      const sinceMs = now - state.calledAt
      if (sinceMs > CALLS_APART_MS) state.calledAt = now
      else if (sinceMs >= CALLS_MS && now >= state.againAt) void begin(pair, state, now)
    },
    forget: (node) => void vain.delete(node),
  }
}
