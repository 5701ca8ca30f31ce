// What the agent keeps across restarts. Synchronous: one process, one small database, and no state half-written.

import type { Fact } from '../../shared/fact/fact.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Version } from '../../shared/record/head.ts'
import type { RecordSet } from '../../shared/record/record.ts'

/** A verified set of records with the head that vouches for it. */
export interface HeldSet {
  /** The head's envelope, as received. */
  readonly head: Uint8Array
  readonly version: Version
  readonly records: RecordSet
}

/** Changes that lead from the set that is held to the one that `head` vouches for. */
export interface SetChange {
  readonly head: Uint8Array
  readonly version: Version
  readonly put: RecordSet
  /** Ids to remove; `all` replaces the whole set. */
  readonly del: readonly string[] | 'all'
}

export interface HeldFact {
  readonly envelope: Uint8Array
  readonly fact: Fact
}

export interface JournalEntry {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly event: string
  readonly detail: string
}

export interface Store {
  /** Set where nothing survives a reboot because the disk takes no writes: why. */
  readonly volatile?: string
  /** The set as it lies in the store, read back and not yet verified again; undefined before the first. */
  loadSet(): HeldSet | undefined
  /** One transaction; after it returns, a power cut keeps the change. Throws `corrupt` or `failed`, then nothing changed. */
  saveSet(change: SetChange): void
  /** A newer verified set that this agent does not understand; `saveSet` supersedes it. */
  loadWaiting(): HeldSet | undefined
  /** As durable as `saveSet`; leaves the set alone. */
  saveWaiting(set: HeldSet): void
  /** The last set that has proven itself here, as `saveGood` left it; nothing supersedes it but the next one. */
  loadGood(): HeldSet | undefined
  /** As durable as `saveSet`; writes only what differs from the one before. */
  saveGood(set: HeldSet): void
  loadFacts(): ReadonlyMap<NodeId, Uint8Array>
  saveFact(node: NodeId, envelope: Uint8Array): void
  deleteFacts(nodes: readonly NodeId[]): void
  /** Small values by name: boot counter, time floor, path memory. */
  get(key: string): string | undefined
  set(key: string, value: string): void
  journal(entry: JournalEntry): void
  loadJournal(limit: number): readonly JournalEntry[]
  close(): void
}
