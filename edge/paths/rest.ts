// Peers that rest: WireGuard is pointed at the waker for them, and its first word goes out by every way that opens.
//
// A way that no NAT can close stays as it is, so that WireGuard finds the peer even when this process is gone: a LAN, and
// the public endpoint that the peer's record names.

import { type Endpoint, isLoopback } from '../../shared/address/endpoint.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { OpenLoopback } from '../relay/tls-wire.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { FrameSocket } from './doors.ts'
import type { Pair } from './engine-pair.ts'
import type { Names } from './names.ts'
import type { CandidateView, PathView } from './path.ts'
import type { Pointer } from './pointer.ts'
import { createWaker } from './waker.ts'

export interface RestOptions {
  readonly loopback?: OpenLoopback | undefined
  readonly clock: Clock
  readonly log: Log
  readonly names: Names
  readonly pointer: Pointer
  readonly socket: FrameSocket
  readonly byKey: ReadonlyMap<WgKey, Pair>
  readonly onWoken: (pair: Pair) => void
}

export interface Rest {
  start(): Promise<void>
  park(pair: Pair): void
  /**
   * WireGuard has nowhere to go for the peer yet: where it may be pointed, so that its first word is noticed, and goes to
   * whatever place answers first. Undefined where it knows a place, or nobody can notice.
   */
  expect(entry: Pick<PeerEntry, 'member' | 'wireguardAt'>): Endpoint | undefined
  /** The peer is known to be at other places: what waits for it goes there, too. */
  offer(pair: Pair): void
  /** WireGuard's endpoint is where peers that rest are parked. */
  isParking(endpoint: Endpoint | undefined): boolean
  /** What waits for the peer goes out to `endpoint`, where it may be or just answered. */
  flush(pair: Pair | undefined, endpoint: Endpoint): void
  forget(peer: WgKey): void
  /** The peer has another key; where it rests, it goes on resting. */
  rename(from: WgKey, to: WgKey): void
  /** Points WireGuard of those that are parked back at their last way: the kernel alone does what it can. */
  stop(parked: Iterable<Pair>): void
}

/** Ways that need no knock from inside; what comes early to another may make its NAT give the peer a new port. */
const OPEN: ReadonlySet<CandidateView['source']> = new Set(['lan', 'public', 'portmap', 'asked'])

export function createRest(options: RestOptions): Rest {
  const { clock, names, pointer, socket } = options
  const parked = new Set<WgKey>()
  let openEndpoint: Endpoint | undefined

  const flush: Rest['flush'] = (pair, endpoint) => {
    const held = pair === undefined ? undefined : waker.held(pair.entry.member.wgKey)
    if (held !== undefined) socket.send(held, endpoint)
  }

  const mayHear = ({ inUse, kind, source, state }: CandidateView): boolean =>
    inUse || state === 'valid' || (kind !== 'tls' && OPEN.has(source))

  const waker = createWaker({
    open: options.loopback,
    clock,
    log: options.log,
    onWanted(peer) {
      const pair = options.byKey.get(peer)
      if (pair !== undefined) offer(pair)
    },
  })

  const forget: Rest['forget'] = (peer) => {
    parked.delete(peer)
    waker.expect(peer, false)
  }

  const staysOpen = ({ entry }: Pair, { candidates, inUse }: PathView): boolean => {
    const { publicEndpoint } = entry.member
    if (inUse === undefined) return false
    if (publicEndpoint !== undefined && names.resolve(publicEndpoint) === inUse.endpoint) return true
    return (
      inUse.kind === 'lan' && candidates.some(({ endpoint, source }) => endpoint === inUse.endpoint && source === 'lan')
    )
  }

  const offer: Rest['offer'] = (pair) => {
    const { wgKey } = pair.entry.member
    if (!parked.has(wgKey) || waker.held(wgKey) === undefined) return
    const { candidates } = pair.paths.view()
    options.onWoken(pair)
    for (const one of candidates) if (mayHear(one)) flush(pair, one.endpoint)
  }

  return {
    async start() {
      if (openEndpoint !== undefined) return
      await waker.start()
      openEndpoint = waker.endpoint()
    },
    expect({ member: { wgKey }, wireguardAt }) {
      // What an earlier run left on loopback leads nowhere any more.
      if (openEndpoint === undefined || (wireguardAt !== undefined && !isLoopback(wireguardAt))) return undefined
      waker.expect(wgKey, true)
      parked.add(wgKey)
      return openEndpoint
    },
    offer,
    park(pair) {
      const { wgKey } = pair.entry.member
      if (openEndpoint === undefined || staysOpen(pair, pair.paths.view())) return
      waker.expect(wgKey, true)
      parked.add(wgKey)
      pointer.point({ wgKey, endpoint: openEndpoint })
    },
    isParking: (endpoint) => endpoint !== undefined && endpoint === openEndpoint,
    flush,
    forget,
    rename(from, to) {
      const rests = parked.has(from)
      forget(from)
      if (!rests) return
      waker.expect(to, true)
      parked.add(to)
    },
    stop(pairs) {
      for (const pair of pairs) {
        const { wgKey } = pair.entry.member
        const { candidates, inUse, mode } = pair.paths.view()
        const last = inUse?.endpoint ?? candidates.find(({ kind }) => kind !== 'tls')?.endpoint
        const waits = mode === 'idle' || inUse === undefined
        if (last !== undefined && waits && parked.has(wgKey)) pointer.point({ wgKey, endpoint: last })
      }
      waker.stop()
      openEndpoint = undefined
    },
  }
}
