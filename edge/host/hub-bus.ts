// The bus to the hub as this host makes it: proven ways to the broker, and who this device is there.

import type { Duplex } from 'node:stream'
import type { Bus, BusFactory, Clock, Entropy, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { HubContact } from '../../shared/host/hub-anchor.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import type { FindOut } from '../../shared/host/pinned-tls.ts'
import { parseHubUrl } from '../../shared/wire/hub-url.ts'
import { type DeviceKeys, loadKeys } from '../enrol/device-keys.ts'
import type { Download } from '../enrol/download.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
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

export type Asking = Pick<HubBusOptions, 'clock' | 'files' | 'out' | 'settings' | 'store'>

function contactOf({ hubUrl }: Identity, { clock, out, settings, store }: Asking): HubContact {
  return { hub: parseHubUrl(hubUrl), proxy: proxyOf(settings), out, clock, floor: readTimeFloor(store) }
}

function keysIn(files: StateFiles): DeviceKeys {
  const keys = loadKeys(files)
  if (keys === undefined) throw new HoldfastError('not-found', `there is no device key in ${files.directory}`)
  return keys
}

/** How this device asks the hub by itself. */
function askingHub(asking: Asking): Pick<LogInOptions, 'askLogIn' | 'askAuthority'> {
  const { files } = asking
  // Loaded only where it is needed: most devices never do.
  const exchange = () => import('../enrol/hub-exchange.ts')
  return {
    askLogIn: async (identity) => (await exchange()).requestLogIn(contactOf(identity, asking), identity, keysIn(files)),
    async askAuthority(identity) {
      const { root, rootSerial } = readRoot(identity.anchor.rootKey, openLockFile(files.rootPin))
      const pinned = { key: root, serial: rootSerial }
      return (await exchange()).fetchAuthority(contactOf(identity, asking), identity.anchor, pinned)
    },
  }
}

/** Fetches builds from the hub, by whatever way this device goes to it. */
export function createDownload(
  asking: Asking,
): (file: { readonly sha256: string; readonly from: number }) => Promise<Download> {
  return async (file) => {
    const { openDownload } = await import('../enrol/download.ts')
    // As it is on the disk: the hub may have another authority by now.
    const identity = loadIdentity(asking.files)
    if (identity === undefined) throw new HoldfastError('not-found', 'this device has left its network')
    return openDownload(contactOf(identity, asking), identity, keysIn(asking.files), file)
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
