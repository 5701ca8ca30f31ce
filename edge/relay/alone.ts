// `holdfast relay`: a relay on a host that joined the network but is no part of its mesh. It opens with the set it keeps,
// without asking anybody, and follows the hub where there is one: whoever is removed loses what it has here at once.

import type { BusFactory, Clock, Entropy, Log, Timer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { StatusReport } from '../../shared/wire/report.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { StateFiles } from '../host/files.ts'
import { openLockFile } from '../host/lock-file.ts'
import type { Identity } from '../identity.ts'
import { createHealth } from '../report/health.ts'
import { tellLock } from '../report/lock-health.ts'
import { createKeepsakes } from '../store/keepsakes.ts'
import { openStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { createHolding } from '../trust/holding.ts'
import { firstKeyring } from '../trust/keys.ts'
import { createOwnLock } from '../trust/own-lock.ts'
import { anchorsOf, createOwnRoot } from '../trust/own-root.ts'
import { keepRoot } from '../trust/root-pin.ts'
import { type AloneLink, createAloneLink } from './alone-link.ts'
import type { Forwarder } from './forwarder.ts'
import { createMemberSets } from './member-set.ts'
import { type OpenedRelay, type OpenRelayOptions, openRelay } from './open-relay.ts'
import type { TlsDuty } from './open-tls.ts'
import { createOwnRelay } from './own-relay.ts'

export interface AloneOptions extends Pick<OpenRelayOptions, 'range'> {
  readonly rates: Pick<TlsDuty, 'sessionBytesPerSecond' | 'totalBytesPerSecond'>
  readonly behind?: TlsDuty['behind']
  readonly files: StateFiles
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly host: StatusReport['host']
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  /** To the hub, as the device that joined. */
  readonly bus: (identity: Identity, store: Store, onCertificate: (expired: boolean) => void) => BusFactory
  /** Given the port once it is known. */
  readonly forwarder: (port: number) => Promise<Forwarder>
  /** Undefined: the one in the node’s record, or STUN’s. */
  readonly port: number | undefined
  /** Of the TLS relay. Undefined: the one in the node’s record, or HTTPS’s. */
  readonly tlsPort: number | undefined
}

export interface RelayAlone {
  /** Of the relay as it was opened at the start. */
  readonly port: number
  tlsPort(): number | undefined
  metrics(): ReturnType<OpenedRelay['metrics']> | undefined
  link(): ReturnType<AloneLink['state']>
  /** Closes the sockets and says goodbye; what is bound is forwarded on. */
  close(): Promise<void>
}

/** STUN's own port (RFC 8489 §18.6): the one that firewalls let out most often after 443. */
const PORT = 3_478
/** What every firewall lets out. */
const TLS_PORT = 443
/** A port that was taken is tried again, and what is wrong is told, in so long. */
const LOOK_MS = 5_000

function enrolled(files: StateFiles) {
  const identity = loadIdentity(files)
  const keys = loadKeys(files)
  if (identity !== undefined && keys !== undefined) return { identity, keys }
  throw new HoldfastError('not-found', `this device has not joined: nothing in ${files.directory}`, {
    remedy: 'Run `holdfast join URL --token T`, or give the right --state.',
  })
}

/** The set that is kept, with what watches over it. */
function openState({ clock, files, log }: AloneOptions, { identity }: ReturnType<typeof enrolled>) {
  const opened = openStore(files.database, { log })
  const { store } = opened
  const health = createHealth({ clock })
  const keep = createKeepsakes(store, clock, health, log)
  const root = createOwnRoot({ identity, store, rootFile: openLockFile(files.rootPin), sha256 }, keep)
  const anchors = anchorsOf(identity, root.anchors, { sha256, verify })
  const holding = createOwnLock(
    { store, lockFile: openLockFile(files.membershipLock) },
    { anchors, keep },
    keepRoot(createHolding(anchors, store, log), root),
  )
  const rebuilt = holding.load() ?? opened.rebuilt
  if (rebuilt !== undefined) health.raise('database-rebuilt', rebuilt)
  return { anchors, health, holding, keep, store }
}

/** Throws where the relay can't be opened now; later the same is a condition, and tried again. */
export async function openRelayAlone(options: AloneOptions): Promise<RelayAlone> {
  const { behind, clock, log, rates } = options
  const device = enrolled(options.files)
  const { identity, keys } = device
  const state = openState(options, device)
  const { anchors, health, holding, store } = state
  const first = Promise.withResolvers<OpenedRelay>()
  let now: OpenedRelay | undefined
  const told = (code: 'relay-closed' | 'relay-tls-closed') => (why: string | undefined) =>
    why === undefined ? health.clear(code) : health.raise(code, why)

  const open = async (port: number, tlsPort: number | undefined): Promise<OpenedRelay> => {
    const tls = {
      ...rates,
      port: tlsPort ?? TLS_PORT,
      behind,
      signer: keys.signer,
      onTrouble: told('relay-tls-closed'),
    }
    const made = openRelay({
      ...options,
      port,
      forwarder: await options.forwarder(port),
      self: identity.nodeId,
      network: identity.network.id,
      trusted: () => (holding.held()?.ring ?? firstKeyring(anchors)).keys,
      members: createMemberSets(holding, identity.nodeId),
      verify,
      tls,
    })
    made.then(first.resolve, first.reject)
    now = await made
    return now
  }
  const relay = createOwnRelay({ open, log, onTrouble: told('relay-closed') })
  const follow = (): void => {
    tellLock(health, holding)
    const me = holding.inForce()?.parsed.records.nodes.find(({ nodeId }) => nodeId === identity.nodeId)?.relay
    relay.follow(options.port ?? me?.port ?? PORT, options.tlsPort ?? me?.tlsPort ?? TLS_PORT)
  }
  follow()
  let opened: OpenedRelay
  try {
    opened = await first.promise
  } catch (error) {
    relay.close()
    store.close()
    throw error
  }
  const onCertificate = (expired: boolean): void =>
    expired ? health.raise('hub-certificate-expired') : health.clear('hub-certificate-expired')
  const link = createAloneLink({
    ...options,
    ...state,
    identity,
    boot: state.keep.nextBoot(),
    bus: options.bus(identity, store, onCertificate),
    onIntent: follow,
  })
  link.start()
  let timer: Timer
  const look = (): void => {
    follow()
    link.tell()
    timer = clock.after(LOOK_MS, look)
  }
  timer = clock.after(LOOK_MS, look)
  return {
    port: opened.port,
    tlsPort: () => now?.tlsPort(),
    metrics: () => relay.metrics(),
    link: () => link.state(),
    async close() {
      timer.cancel()
      relay.close()
      await link.stop()
      store.close()
    },
  }
}
