// One network on its way to the agents: changed records become a revision that is signed, stored, then published.
//
// Changes that come together become one revision. What was stored is published again at every connect, so a crash between
// the two loses nothing; what was not stored was never seen by anybody.

import type { Bus, Clock, Log, Sha256, Signer, Timer, Verify } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { deltaBytesMax } from '../../shared/limits.ts'
import { encodeDelta } from '../../shared/record/delta.ts'
import { keyIdOf, sameEnvelope, type TrustedKeys } from '../../shared/record/envelope.ts'
import type { Version } from '../../shared/record/head.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import type { RecordSet } from '../../shared/record/record.ts'
import { topics } from '../../shared/wire/topics.ts'
import { nextVersion, sign } from '../sign/sign.ts'
import type { HubStore, NetworkState, Revision } from '../store/hub-store.ts'
import { checkHeld } from './held-set.ts'
import { checkRoom, type Size, sizeOf } from './room.ts'

export interface PublisherOptions {
  readonly network: NetworkState
  readonly store: HubStore
  readonly signer: Signer
  /** Keys whose heads may lie in the store: the present one and those before it. */
  readonly trusted: TrustedKeys
  readonly sha256: Sha256
  readonly verify: Verify
  readonly clock: Clock
  readonly log: Log
  /** Called when a revision is on the disk. */
  readonly onRevision: (version: Version) => void
}

/** Changes that follow each other within this time are one revision: a person's `apply`, a pod that restarts. */
const GATHER_MS = 30
/** A full disk or a broker that takes nothing is not asked more often than this. */
const RETRY_MS = 1_000

export class Publisher {
  readonly #options: PublisherOptions
  readonly #tree: MerkleTree
  readonly #records: Map<string, Uint8Array>
  /** Records that differ from the last revision; undefined is a removal. */
  readonly #changed = new Map<string, Uint8Array | undefined>()
  readonly #changedAt: Map<string, Version>
  /** What the set amounts to once everything that waits is signed. */
  #size: Size
  #version: Version
  #head: Uint8Array | undefined
  /** A head that agents could not verify, or of an epoch that is over, is replaced even if no record changed. */
  #outdated: boolean
  #timer: Timer | undefined
  #retry: Timer | undefined
  #bus: Bus | undefined
  #closed = false
  #publishing: Promise<void> = Promise.resolve()

  /** Throws `corrupt` where what the store holds is not what was signed. */
  constructor(options: PublisherOptions) {
    this.#options = options
    this.#tree = new MerkleTree(options.sha256)
    const held = options.store.published(options.network.id)
    this.#records = new Map(held?.records)
    this.#changedAt = new Map(held?.changedAt)
    this.#size = sizeOf(this.#records)
    for (const [id, bytes] of this.#records) this.#tree.put(id, options.sha256(bytes))
    this.#head = held?.head
    this.#version = held?.version ?? { epoch: options.network.epoch, revision: 0 }
    const signedBy = held === undefined ? undefined : checkHeld(held, this.#tree, options)
    this.#outdated =
      held !== undefined &&
      (signedBy !== keyIdOf(options.signer.publicKey, options.sha256) || held.version.epoch < options.network.epoch)
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

  /** False while a change waits to be signed. */
  get isSigned(): boolean {
    return this.#changed.size === 0
  }

  /** The revision that last changed the record; `unsigned` while a change waits; undefined where there is no record. */
  changedAt(id: string): Version | 'unsigned' | undefined {
    return this.#changed.has(id) ? 'unsigned' : this.#changedAt.get(id)
  }

  /** Throws `too-large` where the set would outgrow what agents accept. */
  checkRoom(changes: ReadonlyMap<string, Uint8Array | undefined>): void {
    checkRoom(this.#options.network.name, this.#size, changes, (id) => this.#wanted(id))
  }

  /** Makes the record what it should be; nothing happens where it already is. */
  set(id: string, bytes: Uint8Array | undefined): void {
    if (this.#closed) return
    const held = this.#records.get(id)
    const before = this.#wanted(id)
    this.#size = {
      count: this.#size.count + (bytes === undefined ? 0 : 1) - (before === undefined ? 0 : 1),
      bytes: this.#size.bytes + (bytes?.length ?? 0) - (before?.length ?? 0),
    }
    if (sameEnvelope(held, bytes)) this.#changed.delete(id)
    else this.#changed.set(id, bytes)
    if (this.#changed.size > 0) this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#gathered())
  }

  /** Makes the whole set what it should be: what a crash left behind goes, too. */
  reset(records: RecordSet): void {
    for (const id of this.#records.keys()) if (!records.has(id)) this.set(id, undefined)
    for (const [id, bytes] of records) this.set(id, bytes)
  }

  /** Signs and stores what has changed so far; false if the store would not take it, which is tried again. */
  sign(): boolean {
    this.#gathered()
    return this.#changed.size === 0 && !this.#outdated
  }

  /** As `sign`, and waits until the broker has it or the link is down. */
  async flush(): Promise<void> {
    this.#gathered()
    await this.#publishing
  }

  /** Nothing is signed or published from now on. */
  close(): void {
    this.#closed = true
    this.#bus = undefined
    this.#timer?.cancel()
    this.#retry?.cancel()
  }

  /** From now on revisions go through `bus`; the current head is published at once. */
  connected(bus: Bus): void {
    this.#bus = bus
    this.#publishHead()
  }

  disconnected(): void {
    this.#bus = undefined
    this.#retry?.cancel()
    this.#retry = undefined
  }

  #wanted(id: string): Uint8Array | undefined {
    return this.#changed.has(id) ? this.#changed.get(id) : this.#records.get(id)
  }

  #gathered(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#closed || (this.#changed.size === 0 && !this.#outdated)) return
    try {
      this.#issue()
    } catch (error) {
      this.#forgetUnstored()
      this.#options.log.error('a revision could not be stored; it is tried again', { reason: describeError(error) })
      this.#timer = this.#options.clock.after(RETRY_MS, () => this.#gathered())
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
    const { clock, log, network, sha256, signer, store } = this.#options
    const put = new Map<string, Uint8Array>()
    const del: string[] = []
    for (const [id, bytes] of [...this.#changed].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
      if (bytes === undefined) del.push(id)
      else put.set(id, bytes)
    }
    const from = this.#version
    const to = nextVersion(from, network.epoch)
    for (const [id, bytes] of put) this.#tree.put(id, sha256(bytes))
    for (const id of del) this.#tree.delete(id)
    const head = sign(this.#tree, to, clock.now(), { network, signer, sha256 })
    const revision: Revision = { version: to, head, put, del }
    store.saveRevision(network.id, revision)
    for (const [id, bytes] of put) {
      this.#records.set(id, bytes)
      this.#changedAt.set(id, to)
    }
    for (const id of del) {
      this.#records.delete(id)
      this.#changedAt.delete(id)
    }
    this.#changed.clear()
    this.#outdated = false
    this.#version = to
    this.#head = head
    log.info('revision signed', { network: network.name, revision: to.revision, put: put.size, del: del.length })
    this.#options.onRevision(to)
    this.#publishDelta(from, revision)
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
    if (this.#head === undefined) return
    this.#send(topics.head(this.#options.network.id), this.#head, true, () => {
      // The link is up, so no connect will publish it again: without another try agents would wait for the next change.
      this.#retry ??= this.#options.clock.after(RETRY_MS, () => {
        this.#retry = undefined
        this.#publishHead()
      })
    })
  }

  #send(topic: string, payload: Uint8Array, retain: boolean, onRefused: () => void = () => undefined): void {
    const bus = this.#bus
    if (bus === undefined) return
    const sent = bus.publish({ topic, payload, retain }).catch((error: unknown) => {
      this.#options.log.debug('not published', { topic, reason: describeError(error) })
      if (this.#bus === bus && !this.#closed) onRefused()
    })
    this.#publishing = Promise.all([this.#publishing, sent]).then(() => undefined)
  }
}
