// A store in memory that outlives its agent and fails like a disk: full, worn out, or cut off in the middle of a write.

import { sameBytes } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { journalRowsMax } from '../../shared/limits.ts'
import type { Version } from '../../shared/record/head.ts'
import type { HeldSet, JournalEntry, SetChange, Store } from './store.ts'

/** Where the power goes in a write of a set: before it counts, or after it counts but before the caller hears. */
export type Tear = 'before' | 'after'

export class PowerCut extends HoldfastError {
  constructor() {
    super('failed', 'the power was cut in the middle of a write')
  }
}

function copyOf({ head, version, records }: HeldSet): HeldSet {
  return { head: head.slice(), version, records: new Map([...records].map(([id, bytes]) => [id, bytes.slice()])) }
}

export class MemoryStore implements Store {
  /** Every write fails as on a full disk. */
  full = false
  /** The next write of a set throws `PowerCut`. */
  tear: Tear | undefined
  /** The next write of a set is stored with one bit flipped, as worn flash does. */
  flip = false
  /** Writes so far, by kind: what a test of flash wear counts. */
  readonly writes = { set: 0, good: 0, fact: 0, value: 0, journal: 0 }
  #head: { envelope: Uint8Array; version: Version } | undefined
  #records = new Map<string, Uint8Array>()
  #waiting: HeldSet | undefined
  #good: HeldSet | undefined
  readonly #facts = new Map<NodeId, Uint8Array>()
  readonly #values = new Map<string, string>()
  #journal: JournalEntry[] = []

  loadSet(): HeldSet | undefined {
    if (this.#head === undefined) return undefined
    return { head: this.#head.envelope, version: this.#head.version, records: new Map(this.#records) }
  }

  saveSet(change: SetChange): void {
    this.#count('set')
    const { tear } = this
    this.tear = undefined
    if (tear === 'before') throw new PowerCut()
    const records = new Map(change.del === 'all' ? [] : this.#records)
    if (change.del !== 'all') for (const id of change.del) records.delete(id)
    for (const [id, bytes] of change.put) records.set(id, bytes.slice())
    const head = change.head.slice()
    if (this.flip) head[head.length - 1] = (head.at(-1) ?? 0) ^ 1
    this.flip = false
    if (!sameBytes(head, change.head)) {
      throw new HoldfastError('corrupt', 'the set of records does not read back as it was written')
    }
    this.#head = { envelope: head, version: change.version }
    this.#records = records
    this.#waiting = undefined
    if (tear === 'after') throw new PowerCut()
  }

  loadWaiting(): HeldSet | undefined {
    return this.#waiting
  }

  saveWaiting(set: HeldSet): void {
    this.#count('set')
    this.#waiting = copyOf(set)
  }

  loadGood(): HeldSet | undefined {
    return this.#good
  }

  saveGood(set: HeldSet): void {
    this.#count('good')
    this.#good = copyOf(set)
  }

  loadFacts(): ReadonlyMap<NodeId, Uint8Array> {
    return new Map(this.#facts)
  }

  saveFact(node: NodeId, envelope: Uint8Array): void {
    this.#count('fact')
    this.#facts.set(node, envelope.slice())
  }

  deleteFacts(nodes: readonly NodeId[]): void {
    this.#count('fact')
    for (const node of nodes) this.#facts.delete(node)
  }

  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: string): void {
    if (this.#values.get(key) === value) return
    this.#count('value')
    this.#values.set(key, value)
  }

  journal(entry: JournalEntry): void {
    this.#count('journal')
    this.#journal.push(entry)
    if (this.#journal.length > journalRowsMax) this.#journal = this.#journal.slice(-journalRowsMax)
  }

  loadJournal(limit: number): readonly JournalEntry[] {
    return this.#journal.slice(-limit)
  }

  close(): void {
    // What is kept outlives whoever used it.
  }

  /** Changes a stored record behind the agent's back. */
  damageRecord(id: string): void {
    const bytes = this.#records.get(id)?.slice()
    if (bytes === undefined) throw new HoldfastError('not-found', `no record ${id} to damage`)
    const middle = bytes.length >> 1
    bytes[middle] = (bytes[middle] ?? 0) ^ 1
    this.#records.set(id, bytes)
  }

  #count(kind: keyof MemoryStore['writes']): void {
    if (this.full) throw new HoldfastError('failed', 'cannot write: database or disk is full')
    this.writes[kind] += 1
  }
}
