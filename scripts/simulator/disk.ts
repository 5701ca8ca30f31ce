// A store in memory that outlives its agent and fails like a disk: full, cut off in mid-write, or damaged while asleep.

import type { HeldSet, JournalEntry, Store } from '../../edge/store/store.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { journalRowsMax } from '../../shared/limits.ts'

export interface Disk {
  readonly store: Store
  /** Writes fail while true. */
  full: boolean
  /** The next write of a set: the power goes before it counts, or after. The agent hears nothing more. */
  tear: 'before' | 'after' | undefined
  /** Flips a bit of one stored record. */
  damage(choice: number): boolean
  wipe(): void
  journalRows(): number
}

/** `died` is called when a torn write takes the machine down; it must not return. */
export function createDisk(died: () => never): Disk {
  let held: HeldSet | undefined
  let facts = new Map<NodeId, Uint8Array>()
  let values = new Map<string, string>()
  let journal: JournalEntry[] = []

  const write = (change: () => void): void => {
    if (disk.full) throw new HoldfastError('failed', 'no space left on the device')
    change()
  }
  const store: Store = {
    loadSet: () => held,
    saveSet: (next) =>
      write(() => {
        const { tear } = disk
        disk.tear = undefined
        if (tear === 'before') died()
        const records = new Map(next.del === 'all' ? [] : (held?.records ?? []))
        if (next.del !== 'all') for (const id of next.del) records.delete(id)
        for (const [id, bytes] of next.put) records.set(id, bytes.slice())
        held = { head: next.head.slice(), version: next.version, records }
        if (tear === 'after') died()
      }),
    loadFacts: () => new Map(facts),
    saveFact: (node, envelope) => write(() => facts.set(node, envelope.slice())),
    deleteFacts: (nodes) => write(() => nodes.forEach((node) => facts.delete(node))),
    get: (key) => values.get(key),
    set: (key, value) => write(() => values.set(key, value)),
    journal: (entry) =>
      write(() => {
        journal.push(entry)
        journal = journal.slice(-journalRowsMax)
      }),
    loadJournal: (limit) => journal.slice(-limit),
    close: () => undefined,
  }
  const disk: Disk = {
    store,
    full: false,
    tear: undefined,
    damage(choice) {
      const ids = [...(held?.records.keys() ?? [])]
      const id = ids[choice % Math.max(1, ids.length)]
      const bytes = id === undefined ? undefined : held?.records.get(id)?.slice()
      if (held === undefined || id === undefined || bytes === undefined) return false
      bytes[choice % bytes.length] = (bytes[choice % bytes.length] ?? 0) ^ 1
      held = { ...held, records: new Map(held.records).set(id, bytes) }
      return true
    },
    wipe() {
      held = undefined
      facts = new Map()
      values = new Map()
      journal = []
    },
    journalRows: () => journal.length,
  }
  return disk
}
