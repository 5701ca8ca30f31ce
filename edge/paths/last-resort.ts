// When a node goes to relays by TLS: while none answers over UDP, and not a minute longer than it takes to be sure of that.
//
// Where UDP is blocked altogether, a connection is kept to some relays without any payload, so that peers find this node there.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import { relayTlsHeldMax } from '../../shared/limits.ts'
import type { TlsClient } from '../relay/tls-client.ts'
import type { TlsPlace } from '../relay/tls-link.ts'

export interface LastResortOptions {
  readonly client: TlsClient
  readonly clock: Clock
  /** The relays that the pair meets at, best first. */
  readonly placesFor: (peer: NodeId) => readonly TlsPlace[]
  /** All of the network. */
  readonly all: () => readonly TlsPlace[]
  /** A relay is bound for the peer over UDP. */
  readonly hasUdp: (peer: NodeId) => boolean
  /** This node may ask relays for sessions by now; over UDP or not, none gives one before. Always where absent. */
  readonly mayAsk?: (() => boolean) | undefined
  /** No relay answers over UDP. */
  readonly isBlocked: () => boolean
  /** What is open for the peer is another than before. */
  readonly onChange: (peer: NodeId) => void
}

export interface LastResort {
  want(peer: NodeId, wanted: boolean): void
  of(peer: NodeId): readonly { readonly via: NodeId; readonly endpoint: Endpoint }[]
  /** What it follows from has changed. */
  look(): void
  /** Connections or channels came or went. */
  changed(): void
  close(): void
}

/**
 * From the moment that relays can be asked: one that answers at all has bound a session over UDP by then, three tries of a
 * second. Where UDP is known to be blocked nobody waits for this.
 */
const NO_UDP_MS = 5_000
/** Over UDP again for so long, it is believed. */
const LINGER_MS = 60_000
/** After so many tries in vain another relay is held. */
const FAILURES_MAX = 3
const LOOK_MS = 1_000

interface Wish {
  since: number
  freeSince: number | undefined
  places: readonly TlsPlace[]
  /** What was told of it. */
  text: string
}

const textOf = (places: readonly TlsPlace[]): string =>
  places.map(({ deviceKey, host, port }) => `${deviceKey} ${host} ${port}`).join()

export function createLastResort(options: LastResortOptions): LastResort {
  const { client, clock } = options
  const wishes = new Map<NodeId, Wish>()
  let held: readonly TlsPlace[] = []
  let freeSince: number | undefined
  let timer: Timer | undefined

  const toHold = (): readonly TlsPlace[] => {
    const joined = new Set(client.joined())
    const rank = ({ relay }: TlsPlace): number => {
      if (joined.has(relay)) return 0
      return client.failures(relay) < FAILURES_MAX ? 1 : 2
    }
    return options
      .all()
      .toSorted((a, b) => rank(a) - rank(b) || compareText(a.relay, b.relay))
      .slice(0, relayTlsHeldMax)
  }

  const hold = (now: number, blocked: boolean): void => {
    if (blocked) freeSince = undefined
    else freeSince ??= now
    const next = blocked ? toHold() : held
    const kept = freeSince === undefined || now - freeSince < LINGER_MS ? next : []
    if (textOf(kept) === textOf(held)) return
    held = kept
    client.hold(held)
  }

  const lead = (peer: NodeId, wish: Wish, now: number, blocked: boolean): void => {
    if (options.mayAsk?.() === false) wish.since = now
    const needed = blocked || (now - wish.since >= NO_UDP_MS && !options.hasUdp(peer))
    if (needed) wish.freeSince = undefined
    else wish.freeSince ??= now
    const open = needed || (wish.places.length > 0 && now - (wish.freeSince ?? now) < LINGER_MS)
    const places = open ? options.placesFor(peer) : []
    if (textOf(places) === textOf(wish.places)) return
    wish.places = places
    client.want(peer, places)
    tell(peer, wish)
  }

  const tell = (peer: NodeId, wish: Wish): void => {
    const text = client
      .of(peer)
      .map(({ endpoint }) => endpoint)
      .join()
    if (text === wish.text) return
    wish.text = text
    options.onChange(peer)
  }

  const look = (): void => {
    const now = clock.monotonic()
    const blocked = options.isBlocked()
    hold(now, blocked)
    for (const [peer, wish] of wishes) lead(peer, wish, now, blocked)
    timer?.cancel()
    timer = wishes.size > 0 || held.length > 0 ? clock.after(LOOK_MS, look) : undefined
  }

  return {
    want(peer, wanted) {
      if (wanted === wishes.has(peer)) return
      if (wanted) wishes.set(peer, { since: clock.monotonic(), freeSince: undefined, places: [], text: '' })
      else {
        wishes.delete(peer)
        client.want(peer, [])
      }
      look()
    },
    of: (peer) => client.of(peer),
    look,
    changed() {
      for (const [peer, wish] of wishes) tell(peer, wish)
    },
    close() {
      timer?.cancel()
      wishes.clear()
      client.close()
    },
  }
}
