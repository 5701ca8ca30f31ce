// The networks that are live: each with its publisher, its link to the broker, and the records of the signing keys.

import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { keyIdOf, trustedKeys } from '../../shared/record/envelope.ts'
import { openKeyCertificate } from '../../shared/record/keys.ts'
import { encodeRecord, type RecordSet } from '../../shared/record/record.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { FlowDesk } from '../flows/desk.ts'
import type { HubEvent, HubOptions } from '../hub.ts'
import type { HubStore, NetworkState } from '../store/hub-store.ts'
import { createCapabilities } from './capabilities.ts'
import { createNetworkLink, type NetworkLink } from './network.ts'
import { Publisher } from './publisher.ts'
import { Replies } from './replies.ts'

export interface LiveNetwork {
  readonly state: NetworkState
  readonly publisher: Publisher
  readonly link: NetworkLink
}

export interface Networks {
  get(name: Name): LiveNetwork | undefined
  all(): readonly LiveNetwork[]
  /** Makes a network live; its link starts with the others, or at once if they have. */
  open(state: NetworkState): LiveNetwork
  /** The network is no more: what the broker keeps of it goes, too. */
  drop(name: Name): Promise<void>
  /** Records of the keys that sign heads, and of the roots that led to theirs; part of every network. */
  keyRecords(): RecordSet
  start(): void
  stop(): Promise<void>
  flush(): Promise<void>
}

export interface NetworksOptions extends HubOptions {
  readonly store: HubStore
  readonly fleet: Fleet
  readonly emit: (event: HubEvent) => void
  readonly flows: Pick<FlowDesk, 'hear'> | undefined
  /** Takes in answers to commands. */
  readonly onAnswer: (node: NodeId, payload: Uint8Array) => void
}

export function createNetworks(options: NetworksOptions): Networks {
  const { clock, emit, fleet, keyCertificates, roots = [], sha256, signer, store, verify } = options
  const live = new Map<Name, LiveNetwork>()
  let running = false

  const root = fromBase64(options.anchor.rootKey)
  const certified = keyCertificates.map((envelope) => ({
    envelope,
    publicKey: openKeyCertificate(envelope, root, verify, sha256),
  }))
  const trusted = trustedKeys([...certified.map((key) => key.publicKey), signer.publicKey], sha256)
  const keyRecords = new Map<string, Uint8Array>(
    certified.map(({ envelope, publicKey }) => {
      const id = `key/${keyIdOf(publicKey, sha256)}`
      return [id, encodeRecord({ kind: 'key', id, body: { envelope: toBase64(envelope) } })]
    }),
  )

  for (const link of roots) {
    const id = `root/${link.link.serial}`
    keyRecords.set(id, encodeRecord({ kind: 'root', id, body: link }))
  }

  const open = (state: NetworkState): LiveNetwork => {
    const held = live.get(state.name)
    if (held !== undefined) return held
    const publisher = new Publisher({
      ...options,
      trusted,
      network: state,
      clock,
      onRevision: (version) => emit({ type: 'published', network: state.name, version }),
    })
    const replies = new Replies(state.id, publisher, { ...options, store })
    const capabilities = createCapabilities({ ...options, network: state, publisher, fleet })
    const link = createNetworkLink({ ...options, network: state, publisher, replies, capabilities, fleet })
    const made = { state, publisher, link }
    live.set(state.name, made)
    for (const [id, bytes] of keyRecords) publisher.set(id, bytes)
    if (running) link.start()
    return made
  }

  return {
    get: (name) => live.get(name),
    all: () => [...live.values()],
    open,
    async drop(name) {
      const gone = live.get(name)
      live.delete(name)
      gone?.publisher.close()
      await gone?.link.stop(true)
    },
    keyRecords: () => keyRecords,
    start() {
      running = true
      for (const { link } of live.values()) link.start()
    },
    async stop() {
      running = false
      for (const { publisher, link } of live.values()) {
        // What waits is stored; the broker has it or gets it from the next start, and must not keep this one from ending.
        publisher.sign()
        await link.stop()
        publisher.close()
      }
    },
    async flush() {
      for (const { publisher } of live.values()) await publisher.flush()
    },
  }
}
