// What leads connections on by what clients ask for: by name for TLS, by host and path for HTTP, at own addresses.

import type { Clock, Entropy } from '../../shared/effects.ts'
import { createAdmission } from './admission.ts'
import type { GateListener, HttpListener, HttpRoute, TlsListener } from './listener.ts'
import type { ServersAt } from './listening.ts'
import { createTlsGate } from './tls.ts'
import type { OnLed } from './told.ts'

export interface Gate {
  /** Those that are not among them are closed; connections that are open go on. */
  follow(listeners: readonly GateListener[]): Promise<void>
  close(): void
}

const isHttp = (one: GateListener): one is HttpListener => one.protocol === 'HTTP'
const isTls = (one: GateListener): one is TlsListener => one.protocol === 'TLS'

/** `say`: for people who look for a fault; without names that were asked for. `onLed`: for whom a service is asked. */
export function createGate(
  { clock, entropy }: { readonly clock: Pick<Clock, 'after'>; readonly entropy: Pick<Entropy, 'fraction'> },
  say: (text: string) => void,
  onLed: OnLed,
): Gate {
  const admission = createAdmission()
  const tls = createTlsGate(clock, admission, say, onLed)
  let http: ServersAt<HttpRoute> | undefined
  return {
    async follow(listeners) {
      const byHost = listeners.filter(isHttp)
      // Not loaded where nothing asks for it.
      if (byHost.length > 0) http ??= (await import('./http.ts')).createHttpGate(clock, admission, say, onLed, entropy)
      tls.follow(listeners.filter(isTls))
      http?.follow(byHost)
    },
    close() {
      tls.close()
      http?.close()
    },
  }
}
