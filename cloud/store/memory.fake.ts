// The hub's store without a disk, that can be full on demand. Objects pass through structuredClone, as through a disk;
// signed bytes do not, because nobody changes them.

import { HoldfastError } from '../../shared/errors.ts'
import { auditRowsMax, deltasKeptMax } from '../../shared/limits.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import { isAsked } from '../audit.fake.ts'
import type { AuditEntry, AuditQuery, AuditRow } from '../audit.ts'
import type { KeptCommand } from '../commands/asked.ts'
import type { Stored } from '../hub.ts'
import type {
  Allocation,
  Enrolment,
  HubStore,
  LastWord,
  NetworkState,
  Published,
  Revision,
  TokenRecord,
} from './hub-store.ts'

class Table<T> {
  rows = new Map<string, T>()
  readonly #keyOf: (row: T) => string

  constructor(keyOf: (row: T) => string) {
    this.#keyOf = keyOf
  }

  put(row: T): void {
    this.rows.set(this.#keyOf(row), structuredClone(row))
  }

  all(): readonly T[] {
    return [...this.rows].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map((entry) => structuredClone(entry[1]))
  }
}

export class MemoryHubStore implements HubStore {
  /** Set, the next revision is not stored and an error is thrown, as of a disk that is full. */
  full = false
  readonly #values = new Table<readonly [string, string]>(([name]) => name)
  readonly #resources = new Table<Stored>(({ resource }) => `${resource.kind}/${resource.metadata.name}`)
  readonly #enrolments = new Table<Enrolment>(({ name }) => name)
  readonly #allocations = new Table<Allocation>(({ network, owner }) => `${network}/${owner}`)
  readonly #tokens = new Table<TokenRecord>(({ id }) => id)
  readonly #networks = new Table<NetworkState>(({ name }) => name)
  readonly #words = new Table<LastWord>(({ nodeId }) => nodeId)
  readonly #published = new Table<{ readonly id: string } & Published>(({ id }) => id)
  readonly #revisions = new Table<{ readonly id: string; readonly list: readonly Revision[] }>(({ id }) => id)
  readonly #audit = new Table<{ readonly id: 'all'; readonly list: readonly AuditRow[] }>(({ id }) => id)

  readonly #commands = new Table<KeptCommand>(({ view }) => view.id)
  readonly #files = new Table<{ readonly id: string; readonly bytes: Uint8Array }>(({ id }) => id)

  readonly #tables: readonly { rows: Map<string, unknown> }[] = [
    this.#values,
    this.#resources,
    this.#enrolments,
    this.#allocations,
    this.#tokens,
    this.#networks,
    this.#words,
    this.#published,
    this.#revisions,
    this.#audit,
    this.#commands,
    this.#files,
  ]

  commands(): readonly KeptCommand[] {
    return [...this.#commands.all()].sort((a, b) => a.view.createdAt - b.view.createdAt)
  }

  putCommand(command: KeptCommand, bytes?: Uint8Array): void {
    this.#commands.put(command)
    if (bytes !== undefined) this.#files.put({ id: command.view.id, bytes })
  }

  commandFile(id: string): Uint8Array | undefined {
    return this.#files.rows.get(id)?.bytes
  }

  dropCommandFile(id: string): void {
    this.#files.rows.delete(id)
  }

  deleteCommand(id: string): void {
    this.#commands.rows.delete(id)
    this.#files.rows.delete(id)
  }

  transaction<T>(run: () => T): T {
    const before = this.#tables.map((table) => new Map(table.rows))
    try {
      return run()
    } catch (error) {
      for (const [index, table] of this.#tables.entries()) table.rows = before[index] ?? new Map()
      throw error
    }
  }

  value(name: string): string | undefined {
    return this.#values.rows.get(name)?.[1]
  }

  putValue(name: string, value: string): void {
    this.#values.put([name, value])
  }

  resources = (): readonly Stored[] => this.#resources.all()
  putResource = (stored: Stored): void => this.#resources.put(stored)
  deleteResource = (kind: string, name: string): void => void this.#resources.rows.delete(`${kind}/${name}`)

  enrolments = (): readonly Enrolment[] => this.#enrolments.all()
  putEnrolment = (enrolment: Enrolment): void => this.#enrolments.put(enrolment)
  deleteEnrolment = (name: string): void => void this.#enrolments.rows.delete(name)

  allocations = (): readonly Allocation[] => this.#allocations.all()
  putAllocation = (allocation: Allocation): void => this.#allocations.put(allocation)
  deleteAllocation = (network: string, owner: string): void => void this.#allocations.rows.delete(`${network}/${owner}`)

  tokens = (): readonly TokenRecord[] => this.#tokens.all()
  putToken = (token: TokenRecord): void => this.#tokens.put(token)
  deleteToken = (id: string): void => void this.#tokens.rows.delete(id)

  networks = (): readonly NetworkState[] => this.#networks.all()
  putNetwork = (state: NetworkState): void => this.#networks.put(state)

  published(id: string): Published | undefined {
    const row = this.#published.rows.get(id)
    if (row === undefined) return undefined
    const { version, head, records, changedAt } = row
    return { version, head, records: new Map(records), changedAt: new Map(changedAt) }
  }

  saveRevision(id: string, revision: Revision): void {
    if (this.full) throw new HoldfastError('failed', 'no space left on the device')
    const held = this.#published.rows.get(id)
    const records = new Map(held?.records)
    const changedAt = new Map(held?.changedAt)
    for (const [name, bytes] of revision.put) {
      records.set(name, bytes)
      changedAt.set(name, revision.version)
    }
    for (const name of revision.del) {
      records.delete(name)
      changedAt.delete(name)
    }
    this.#published.rows.set(id, { id, version: revision.version, head: revision.head, records, changedAt })
    const list = [...(this.#revisions.rows.get(id)?.list ?? []), revision]
    const kept = list.filter(({ version }) => version.epoch === revision.version.epoch).slice(-deltasKeptMax)
    this.#revisions.rows.set(id, { id, list: kept })
  }

  revisionsSince(id: string, version: Version): readonly Revision[] {
    const list = this.#revisions.rows.get(id)?.list ?? []
    return list.filter((one) => one.version.epoch === version.epoch && compareVersion(one.version, version) > 0)
  }

  deleteNetwork(name: string, id: string): void {
    this.#networks.rows.delete(name)
    this.#published.rows.delete(id)
    this.#revisions.rows.delete(id)
  }

  lastWords = (): readonly LastWord[] => this.#words.all()
  putLastWords = (words: readonly LastWord[]): void => {
    for (const word of words) this.#words.put(word)
  }
  deleteLastWord = (node: string): void => void this.#words.rows.delete(node)

  putAudit(row: AuditRow): void {
    const list = [...(this.#audit.rows.get('all')?.list ?? []), row].slice(-auditRowsMax)
    this.#audit.rows.set('all', { id: 'all', list })
  }

  audit(limit: number, query: AuditQuery = {}): readonly AuditEntry[] {
    const all = (this.#audit.rows.get('all')?.list ?? []).map((row, index) => ({ ...row, id: index + 1 }))
    return all
      .filter((entry) => isAsked(entry, query))
      .toReversed()
      .slice(0, limit)
  }

  /** Nothing is lost: the same object is the disk of the next hub. */
  close(): void {}
}
