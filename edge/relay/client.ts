// The node's side of a UDP relay: binds sessions from WireGuard's own port, keeps them, and binds anew where it must.
//
// A session that is bound stays in use while it is bound again: the relay forwards on, and gives the same port.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import { relayCallsOutMax } from '../../shared/limits.ts'
import { createBinding } from './binding.ts'
import type { Binding, BindingOptions, RelayClientOptions, RelayEvents } from './bound.ts'
import { isRelayFrame, parseRelayFrame } from './frames.ts'
import type { Home, Offer } from './home-calls.ts'

export interface RelayClient {
  /** Binds at once and for good, until `release`. One binding per relay, endpoint and peer. */
  bind(relay: NodeId, at: Endpoint, peer: NodeId, events: RelayEvents): Binding
  /**
   * Keeps a session with the relay itself, by which this node can be called while it rests, and calls others in half the time
   * of a bind. `onWanted`: the peer waits there, and `bind` for it is quick now.
   */
  settle(relay: NodeId, at: Endpoint, events: RelayEvents, onWanted: (peer: NodeId) => void): Binding
  /** What came to the control socket; false where it is no frame of a relay. */
  receive(bytes: Uint8Array, source: Endpoint): boolean
  /** Own addresses or links changed: every session is bound again from where this node is now. */
  networkChanged(): void
  close(): void
}

/** An end that was not heard at the session port by then is bound as any other. */
const OFFER_MS = 10_000

export function createRelayClient(options: RelayClientOptions): RelayClient {
  const { clock } = options
  const bindings = new Set<Binding>()
  /** Sessions that peers brought about, by relay and peer, until they are bound. */
  const offers = new Map<string, { readonly offer: Offer; readonly at: number }>()
  let last = 0

  /** Rises for ever, over restarts as long as the clock does not go back by more than a relay remembers. */
  const nextCounter = (): number => {
    last = Math.max(last + 1, Math.floor(clock.now()))
    return last
  }

  const homeAt = (at: Endpoint): Home | undefined => {
    for (const binding of bindings) {
      const home = binding.at === at ? binding.home() : undefined
      if (home !== undefined) return home
    }
    return undefined
  }

  const offered = (relay: NodeId, peer: NodeId): Offer | undefined => {
    const held = offers.get(`${relay} ${peer}`)
    offers.delete(`${relay} ${peer}`)
    return held !== undefined && clock.monotonic() - held.at < OFFER_MS ? held.offer : undefined
  }

  const take = (relay: NodeId, peer: NodeId, offer: Offer): void => {
    const held = [...bindings].find((one) => one.relay === relay && one.peer === peer)
    if (held !== undefined) return held.accept(offer)
    const [oldest] = offers.keys()
    if (offers.size >= relayCallsOutMax && oldest !== undefined) offers.delete(oldest)
    offers.set(`${relay} ${peer}`, { offer, at: clock.monotonic() })
  }

  const open = (binding: Pick<BindingOptions, 'relay' | 'at' | 'peer' | 'events' | 'home' | 'onWanted' | 'offer'>) => {
    const made = createBinding({ ...options, ...binding, nextCounter, onReleased: (one) => bindings.delete(one) })
    bindings.add(made)
    return made
  }

  return {
    bind: (relay, at, peer, events) =>
      open({ relay, at, peer, events, home: () => homeAt(at), offer: offered(relay, peer) }),
    settle: (relay, at, events, onWanted) =>
      open({
        relay,
        at,
        peer: relay,
        events,
        onWanted(peer, offer) {
          if (offer !== undefined) take(relay, peer, offer)
          onWanted(peer)
        },
      }),
    receive(bytes, source) {
      if (!isRelayFrame(bytes)) return false
      const frame = parseRelayFrame(bytes)
      if (frame === undefined) return true
      for (const binding of bindings) if (binding.hears(source)) binding.receive(frame)
      return true
    },
    networkChanged() {
      for (const binding of bindings) binding.renew()
    },
    close() {
      for (const binding of bindings) binding.release()
    },
  }
}
