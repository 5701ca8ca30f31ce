// `holdfast relay`: a relay on a host that joined the network but is no part of its mesh. It knows the set that enrolment
// left, goes by capabilities for whatever is newer, and asks nobody.

import { fromBase64 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { StateFiles } from '../host/files.ts'
import { openStore } from '../store/sqlite.ts'
import { createHolding, type Holding } from '../trust/holding.ts'
import { type Anchors, firstKeyring } from '../trust/keys.ts'
import type { Forwarder } from './forwarder.ts'
import { memberSetOf } from './member-set.ts'
import { type OpenedRelay, type OpenRelayOptions, openRelay } from './open-relay.ts'
import type { TlsDuty } from './open-tls.ts'

export interface AloneOptions extends Pick<OpenRelayOptions, 'range'> {
  readonly rates: Pick<TlsDuty, 'sessionBytesPerSecond' | 'totalBytesPerSecond'>
  readonly files: StateFiles
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** Given the port once it is known. */
  readonly forwarder: (port: number) => Promise<Forwarder>
  /** Undefined: the one in the node’s record, or STUN’s. */
  readonly port: number | undefined
  /** Of the TLS relay. Undefined: the one in the node’s record, or HTTPS’s. */
  readonly tlsPort: number | undefined
}

/** STUN's own port (RFC 8489 §18.6): the one that firewalls let out most often after 443. */
const PORT = 3_478
/** What every firewall lets out. */
const TLS_PORT = 443

function readSet(files: StateFiles, anchors: Anchors, log: Log): Holding {
  const { store } = openStore(files.database, { log })
  try {
    const holding = createHolding(anchors, store, log)
    holding.load()
    return holding
  } finally {
    store.close()
  }
}

export async function openRelayAlone(options: AloneOptions): Promise<OpenedRelay> {
  const { files, log } = options
  const identity = loadIdentity(files)
  const keys = loadKeys(files)
  if (identity === undefined || keys === undefined) {
    throw new HoldfastError('not-found', `this device has not joined: nothing in ${files.directory}`, {
      remedy: 'Run `holdfast join URL --token T`, or give the right --state.',
    })
  }
  const root = fromBase64(identity.anchor.rootKey)
  const certificates = identity.keys.map((key) => fromBase64(key))
  const anchors: Anchors = { network: identity.network.id, root, certificates, verify, sha256 }
  const holding = readSet(files, anchors, log)
  const members = memberSetOf(holding)
  const me = holding.held()?.parsed?.records.nodes.find(({ nodeId }) => nodeId === identity.nodeId)
  const port = options.port ?? me?.relay?.port ?? PORT
  return openRelay({
    ...options,
    port,
    forwarder: await options.forwarder(port),
    self: identity.nodeId,
    network: identity.network.id,
    trusted: () => (holding.held()?.ring ?? firstKeyring(anchors)).keys,
    members: () => members,
    verify,
    tls: { ...options.rates, port: options.tlsPort ?? me?.relay?.tlsPort ?? TLS_PORT, signer: keys.signer },
  })
}
