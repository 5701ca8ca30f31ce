// A relay client that binds everything it is asked to at one session port, a moment later, and remembers what it was told.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Binding } from './bound.ts'
import type { RelayClient } from './client.ts'

/** Until a bind is answered. */
const BIND_MS = 40

export interface FakeRelayClientOptions {
  readonly clock: Clock
  readonly endpoint: Endpoint
  readonly seenAs: Endpoint
  readonly isUp: () => boolean
  readonly log: string[]
}

export function createFakeRelayClient({ clock, endpoint, isUp, log, seenAs }: FakeRelayClientOptions): RelayClient {
  const bind: RelayClient['bind'] = (relay, at, peer, events) => {
    log.push(`bind ${at}`)
    let bound = false
    const timer = clock.after(BIND_MS, () => {
      bound = isUp()
      if (bound) events.onBound(endpoint, seenAs)
    })
    return {
      relay,
      at,
      peer,
      endpoint: () => (bound ? endpoint : undefined),
      place: () => (bound ? endpoint : undefined),
      hears: () => false,
      trouble: () => undefined,
      receive: () => undefined,
      accept: () => undefined,
      home: () => undefined,
      renew: () => undefined,
      release() {
        timer.cancel()
        bound = false
        log.push(`release ${at}`)
      },
    }
  }
  const inert = (relay: NodeId, at: Endpoint): Binding => ({
    relay,
    at,
    peer: relay,
    endpoint: () => undefined,
    place: () => undefined,
    hears: () => false,
    trouble: () => undefined,
    receive: () => undefined,
    accept: () => undefined,
    home: () => undefined,
    renew: () => undefined,
    release: () => undefined,
  })
  return {
    bind,
    // Called are peers of a relay that runs; here each end binds by itself.
    settle: (relay, at) => inert(relay, at),
    receive: () => false,
    networkChanged: () => void log.push('network changed'),
    close: () => void log.push('close'),
  }
}
