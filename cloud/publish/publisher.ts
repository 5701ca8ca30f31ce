// One network on its way to the agents: changed records become a revision that is signed, stored, then published.
//
// Changes that come together become one revision. What was stored is published again at every connect, so a crash between
// the two loses nothing; what was not stored was never seen by anybody.

import { toHex } from '../../shared/bytes.ts'
import type { Bus, Clock, Log, Sha256, Signer, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { deltaBytesMax, recordsMax } from '../../shared/limits.ts'
import { encodeDelta } from '../../shared/record/delta.ts'
import { keyIdOf, sameEnvelope } from '../../shared/record/envelope.ts'
import { signHead, type Version } from '../../shared/record/head.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import type { RecordSet } from '../../shared/record/record.ts'
import { topics } from '../../shared/wire/topics.ts'
import type { HubStore, NetworkState, Revision } from '../store/hub-store.ts'

export interface PublisherOptions {
  readonly network: NetworkState
  readonly store: HubStore
  readonly signer: Signer
  readonly sha256: Sha256
  readonly clock: Clock
  readonly log: Log
  /** Called when a revision is on the disk. */
  readonly onRevision: (version: Version) => void
}

/** Changes that follow each other within this time are one revision: a person's `apply`, a pod that restarts. */
const GATHER_MS = 30

export class Publisher {
  readonly #options: PublisherOptions
  readonly #tree: MerkleTree
  readonly #records: Map<string, Uint8Array>
  /** Records that differ from the last revision; undefined is a removal. */
  readonly #changed = new Map<string, Uint8Array | undefined>()
  #version: Version
  #head: Uint8Array | undefined
  #timer: Timer | undefined
  #bus: Bus | undefined
  #publishing: Promise<void> = Promise.resolve()

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#tree = new MerkleTree(options.sha256)
    const held = options.store.published(options.network.id)
    this.#records = new Map(held?.records)
    for (const [id, bytes] of this.#records) this.#tree.put(id, options.sha256(bytes))
    this.#head = held?.head
    this.#version = held?.version ?? { epoch: options.network.epoch, revision: 0 }
  }

  get version(): Version {
    return this.#version
  }

  get head(): Uint8Array | undefined {
    return this.#head
  }

  get records(): RecordSet {
    return this.#records
  }

  /** Makes the record what it should be; nothing happens where it already is. */
  set(id: string, bytes: Uint8Array | undefined): void {
    const held = this.#records.get(id)
    if (sameEnvelope(held, bytes)) this.#changed.delete(id)
    else this.#changed.set(id, bytes)
    if (this.#changed.size > 0) this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#gathered())
  }

  /** Signs, stores and hands to the broker what has changed so far. */
  async flush(): Promise<void> {
    this.#gathered()
    await this.#publishing
  }

  /** A new epoch needs a head of its own even if no record changed. */
  reissueIfOutdated(): void {
    if (this.#head !== undefined && this.#version.epoch < this.#options.network.epoch) this.#issue()
  }

  /** From now on revisions go through `bus`; the current head is published at once. */
  connected(bus: Bus): void {
    this.#bus = bus
    this.#publishHead()
  }

  disconnected(): void {
    this.#bus = undefined
  }

  #gathered(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#changed.size === 0) return
    try {
      this.#issue()
    } catch (error) {
      this.#forgetUnstored()
      this.#options.log.error('a revision could not be stored; it is tried again', { reason: describeError(error) })
      this.#timer = this.#options.clock.after(1_000, () => this.#gathered())
    }
  }

  /** Takes back from the tree what was never stored: a change that is undone before the next try must leave no trace. */
  #forgetUnstored(): void {
    for (const id of this.#changed.keys()) {
      const held = this.#records.get(id)
      if (held === undefined) this.#tree.delete(id)
      else this.#tree.put(id, this.#options.sha256(held))
    }
  }

  #issue(): void {
    const { network, store, log } = this.#options
    const put = new Map<string, Uint8Array>()
    const del: string[] = []
    for (const [id, bytes] of [...this.#changed].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
      if (bytes === undefined) del.push(id)
      else put.set(id, bytes)
    }
    const from = this.#version
    const to: Version =
      from.epoch < network.epoch
        ? { epoch: network.epoch, revision: 1 }
        : { epoch: from.epoch, revision: from.revision + 1 }
    const head = this.#seal(to, put, del)
    const revision: Revision = { version: to, head, put, del }
    store.saveRevision(network.id, revision)
    for (const [id, bytes] of put) this.#records.set(id, bytes)
    for (const id of del) this.#records.delete(id)
    this.#changed.clear()
    this.#version = to
    this.#head = head
    log.info('revision signed', { network: network.name, revision: to.revision, put: put.size, del: del.length })
    this.#options.onRevision(to)
    this.#publishDelta(from, revision)
  }

  #seal(to: Version, put: RecordSet, del: readonly string[]): Uint8Array {
    const { network, signer, sha256, clock } = this.#options
    for (const [id, bytes] of put) this.#tree.put(id, sha256(bytes))
    for (const id of del) this.#tree.delete(id)
    if (this.#tree.size > recordsMax) {
      throw new HoldfastError(
        'too-large',
        `network ${network.name} has ${this.#tree.size} records, at most ${recordsMax} fit`,
      )
    }
    const root = toHex(this.#tree.root())
    const keyId = keyIdOf(signer.publicKey, sha256)
    const head = { network: network.id, ...to, root, count: this.#tree.size, issuedAt: clock.now(), keyId }
    return signHead(head, signer, sha256)
  }

  #publishDelta(from: Version, revision: Revision): void {
    if (from.epoch === revision.version.epoch && from.revision > 0) {
      const frame = encodeDelta({ from, to: revision.version, put: revision.put, del: revision.del }, revision.head)
      // An agent that sees only the head asks for what is missing, so a change too large to fan out is sent on request.
      if (frame.length <= deltaBytesMax) this.#send(topics.delta(this.#options.network.id), frame, false)
    }
    this.#publishHead()
  }

  #publishHead(): void {
    if (this.#head !== undefined) this.#send(topics.head(this.#options.network.id), this.#head, true)
  }

  #send(topic: string, payload: Uint8Array, retain: boolean): void {
    const sent = this.#bus?.publish({ topic, payload, retain }).catch((error: unknown) => {
      // The retained head is published again at the next connect, and agents catch up from it.
      this.#options.log.debug('not published', { topic, reason: describeError(error) })
    })
    if (sent !== undefined) this.#publishing = Promise.all([this.#publishing, sent]).then(() => undefined)
  }
}
