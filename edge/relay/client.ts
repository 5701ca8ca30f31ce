// The node's side of a UDP relay: binds sessions from WireGuard's own port, keeps them, and binds anew where it must.
//
// A session that is bound stays in use while it is bound again: the relay forwards on, and gives the same port.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type Binding, createBinding, type RelayClientOptions, type RelayEvents } from './binding.ts'
import { isRelayFrame, parseRelayFrame } from './frames.ts'

export interface RelayClient {
  /** Binds at once and for good, until `release`. One binding per relay, endpoint and peer. */
  bind(relay: NodeId, at: Endpoint, peer: NodeId, events: RelayEvents): Binding
  /** What came to the control socket; false where it is no frame of a relay. */
  receive(bytes: Uint8Array, source: Endpoint): boolean
  /** Own addresses or links changed: every session is bound again from where this node is now. */
  networkChanged(): void
  close(): void
}

export function createRelayClient(options: RelayClientOptions): RelayClient {
  const { clock } = options
  const bindings = new Set<Binding>()
  let last = 0

  /** Rises for ever, over restarts as long as the clock does not go back by more than a relay remembers. */
  const nextCounter = (): number => {
    last = Math.max(last + 1, Math.floor(clock.now()))
    return last
  }

  return {
    bind(relay, at, peer, events) {
      const binding = createBinding({
        ...options,
        relay,
        at,
        peer,
        nextCounter,
        events,
        onReleased: (one) => bindings.delete(one),
      })
      bindings.add(binding)
      return binding
    },
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
