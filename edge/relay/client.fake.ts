// A relay client that binds everything it is asked to at one session port, a moment later, and remembers what it was told.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
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
  return {
    bind(relay, at, peer, events) {
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
        hears: () => false,
        trouble: () => undefined,
        receive: () => undefined,
        renew: () => undefined,
        release() {
          timer.cancel()
          bound = false
          log.push(`release ${at}`)
        },
      }
    },
    receive: () => false,
    networkChanged: () => void log.push('network changed'),
    close: () => void log.push('close'),
  }
}
