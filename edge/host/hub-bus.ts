// The bus to the hub as this host makes it: proven ways to the broker, and who this device is there.

import type { Duplex } from 'node:stream'
import type { Bus, BusFactory, Clock, Entropy, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import type { FindOut } from '../../shared/host/pinned-tls.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import type { HubContact } from '../enrol/hub-exchange.ts'
import { parseHubUrl } from '../enrol/hub-url.ts'
import type { Identity } from '../identity.ts'
import type { Store } from '../store/store.ts'
import { readRoot } from '../trust/root-pin.ts'
import { createBrokerLink } from './broker-link.ts'
import type { StateFiles } from './files.ts'
import { openLockFile } from './lock-file.ts'
import { createLogIn, type LogIn, type LogInOptions } from './log-in.ts'
import { keepaliveOf, proxyOf, type Settings } from './settings.ts'
import type { StreamCount } from './stream-count.ts'
import { readTimeFloor } from './time-floor.ts'

export interface HubBusOptions {
  readonly settings: Settings
  readonly files: StateFiles
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

/** How this device asks the hub by itself. */
function askingHub({
  clock,
  files,
  out,
  settings,
  store,
}: HubBusOptions): Pick<LogInOptions, 'askLogIn' | 'askAuthority'> {
  // Loaded only where it is needed: most devices never do.
  const exchange = () => import('../enrol/hub-exchange.ts')
  const contactOf = ({ hubUrl }: Identity): HubContact => ({
    hub: parseHubUrl(hubUrl),
    proxy: proxyOf(settings),
    out,
    clock,
    floor: readTimeFloor(store),
  })
  return {
    async askLogIn(identity) {
      const keys = loadKeys(files)
      if (keys === undefined) throw new HoldfastError('not-found', `there is no device key in ${files.directory}`)
      return (await exchange()).requestLogIn(contactOf(identity), identity, keys)
    },
    async askAuthority(identity) {
      const { root, rootSerial } = readRoot(identity.anchor.rootKey, openLockFile(files.rootPin))
      return (await exchange()).fetchAuthority(contactOf(identity), identity.anchor, { key: root, serial: rootSerial })
    },
  }
}

/** A refusal leads to the hub, whose answer leads back at once. */
function watched(bus: Bus, logIn: LogIn): Bus {
  return {
    ...bus,
    start: (handlers) =>
      bus.start({
        ...handlers,
        onUp() {
          logIn.accepted()
          handlers.onUp()
        },
        onDown(reason, code, trouble) {
          handlers.onDown(reason, code, trouble)
          if (code === 'unauthenticated') void logIn.refused()
          if (code === 'untrusted') void logIn.distrusted()
        },
      }),
  }
}

export function createHubBus(options: HubBusOptions): BusFactory {
  const { clock, count, log, onCertificate, out, settings, store } = options
  const floor = (): number => readTimeFloor(store)
  const openAs = (identity: Identity): (() => Promise<Duplex>) =>
    createBrokerLink({ identity, proxy: proxyOf(settings), out, clock, floor, log, onCertificate })
  let { identity } = options
  let open = openAs(identity)
  const connect = (): Promise<Duplex> => (count?.counted(open) ?? open)()
  return (wanted) => {
    const bus = createMqttBusFactory({
      ...options,
      connect,
      clientId: identity.nodeId,
      logIn: () => identity.broker,
      keepaliveS: keepaliveOf(settings),
    })(wanted)
    const onRenewed = (next: Identity): void => {
      identity = next
      open = openAs(next)
      bus.nudge()
    }
    const logIn = createLogIn({ ...options, ...askingHub(options), onRenewed })
    return watched(bus, logIn)
  }
}
