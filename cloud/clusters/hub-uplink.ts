// The way from a cluster to its hub: MQTT over WebSocket on the hub's HTTPS port, which is the one that every site lets out, by
// credentials that are asked for with the cluster's key and kept nowhere.

import type { Duplex } from 'node:stream'
import { fromBase64 } from '../../shared/bytes.ts'
import type { Bus, BusFactory, Clock, Entropy, Log } from '../../shared/effects.ts'
import { fetchAnchor, type HubContact, hubTimeoutMs } from '../../shared/host/hub-anchor.ts'
import { proveForLogIn } from '../../shared/host/hub-log-in.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import { connectWebSocketPinned } from '../../shared/host/pinned-websocket.ts'
import type { Anchor, BrokerLogIn } from '../../shared/wire/enrol.ts'
import { parseHubUrl } from '../../shared/wire/hub-url.ts'
import type { ClusterKey } from './cluster-key.ts'

export interface HubUplinkOptions {
  readonly url: string
  readonly key: ClusterKey
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

const at = { challenge: '/api/v1/enrol/cluster-challenge', renew: '/api/v1/enrol/cluster' }

/** Longer than a device waits: nothing in the cluster hangs on it. */
const BACKOFF_MS_MAX = 60_000

interface Known {
  readonly anchor: Anchor
  readonly broker: BrokerLogIn
}

/** Throws `usage` where the address is none. */
export function createHubUplink({ clock, entropy, key, log, url }: HubUplinkOptions): BusFactory {
  const contact: HubContact = { hub: parseHubUrl(url), clock, floor: 0 }
  let known: Known | undefined

  const logIn = async (): Promise<Known> => {
    const anchor = await fetchAnchor(contact, key.pin)
    const broker = await proveForLogIn(contact, { anchor, nodeId: key.node, signer: key.signer }, at)
    return { anchor, broker }
  }

  const connect = async (): Promise<Duplex> => {
    known ??= await logIn()
    const { host, port } = contact.hub
    const pin = { authorityDer: fromBase64(known.anchor.tlsAuthority), now: clock.now(), floor: 0 }
    const path = known.broker.webSocketPath
    const { expired, stream } = await connectWebSocketPinned({ host, port, timeoutMs: hubTimeoutMs, path, ...pin })
    if (expired) log.warn('the certificate of the hub is past its date', { hub: contact.hub.url })
    return stream
  }

  const factory = createMqttBusFactory({
    connect,
    clientId: key.node,
    logIn: () => ({ username: key.node, password: known?.broker.password ?? '' }),
    backoff: ({ failures }, fraction) => 500 + fraction * Math.min(BACKOFF_MS_MAX, 500 * 2 ** Math.min(failures, 8)),
    clock,
    entropy,
    log,
  })
  return (options): Bus => {
    const bus = factory(options)
    return {
      ...bus,
      start: (handlers) =>
        bus.start({
          ...handlers,
          onDown(reason, code, trouble) {
            // Others are asked for at the next try: the hub was restored, or does not know this key any more.
            if (code === 'unauthenticated' || code === 'untrusted') known = undefined
            handlers.onDown(reason, code, trouble)
          },
        }),
    }
  }
}
