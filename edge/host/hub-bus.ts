// The bus to the hub as this host makes it: proven ways to the broker, and who this device is there.

import type { BusFactory, Clock, Entropy, Log } from '../../shared/effects.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import type { FindOut } from '../../shared/host/pinned-tls.ts'
import type { Identity } from '../identity.ts'
import type { Store } from '../store/store.ts'
import { createBrokerLink } from './broker-link.ts'
import { keepaliveOf, proxyOf, type Settings } from './settings.ts'
import type { StreamCount } from './stream-count.ts'
import { readTimeFloor } from './time-floor.ts'

export interface HubBusOptions {
  readonly settings: Settings
  readonly identity: Identity
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** Which of several uplinks to take. */
  readonly out?: FindOut | undefined
  /** Counts what the link costs; absent where nobody asks. */
  readonly count?: StreamCount
  /** Told at each connection whether the hub's certificate is past its date. */
  readonly onCertificate: (expired: boolean) => void
}

export function createHubBus(options: HubBusOptions): BusFactory {
  const { clock, count, entropy, identity, log, onCertificate, out, settings, store } = options
  const floor = (): number => readTimeFloor(store)
  const open = createBrokerLink({ identity, proxy: proxyOf(settings), out, clock, floor, log, onCertificate })
  const connect = count?.counted(open) ?? open
  const { password, username } = identity.broker
  const keepaliveS = keepaliveOf(settings)
  return createMqttBusFactory({
    connect,
    clientId: identity.nodeId,
    username,
    password,
    keepaliveS,
    clock,
    entropy,
    log,
  })
}
