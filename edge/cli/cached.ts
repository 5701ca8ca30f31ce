// What is known without the agent: the cache, read under the agent's lock so that nothing is read half-written.

import { isHoldfastError } from '../../shared/errors.ts'
import { formatVersion, noVersion, type Version } from '../../shared/record/head.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { lockState } from '../host/lock.ts'
import { readTimeFloor } from '../host/time-floor.ts'
import type { Identity } from '../identity.ts'
import { openStore } from '../store/sqlite.ts'
import type { JournalEntry, Store } from '../store/store.ts'
import type { Cli } from './context.ts'
import { timeText } from './words.ts'

/** Runs `read` on the store of an agent that is not running. Throws `conflict` if one is after all. */
export function withStore<T>(cli: Cli, read: (store: Store) => T): T | undefined {
  if (!cli.probe.exists(cli.files.database)) return undefined
  const lock = lockState(cli.files.lock, cli.log)
  try {
    const { store } = openStore(cli.files.database, { log: cli.log, look: true })
    try {
      return read(store)
    } finally {
      store.close()
    }
  } finally {
    lock.release()
  }
}

export interface CachedStatus {
  /** `starting`: one holds the state but does not answer yet, or no longer. */
  readonly agent: 'down' | 'starting'
  readonly joined: boolean
  readonly node?: string
  readonly nodeId?: string
  readonly network?: string
  readonly hub?: { readonly url: string }
  readonly revision: { readonly held: Version; readonly lastGood: Version }
  readonly records: number
  readonly timeFloor: number
  readonly journal: readonly JournalEntry[]
}

function identityPart(identity: Identity | undefined): Partial<CachedStatus> {
  if (identity === undefined) return {}
  const { name, nodeId, network, hubUrl } = identity
  return { node: name, nodeId, network: network.name, hub: { url: hubUrl } }
}

type Cached = Pick<CachedStatus, 'revision' | 'records' | 'timeFloor' | 'journal'>

/** `busy` where an agent holds the lock. */
function readCache(cli: Cli): Cached | 'busy' | undefined {
  try {
    return withStore(cli, summary)
  } catch (error) {
    if (isHoldfastError(error, 'conflict')) return 'busy'
    throw error
  }
}

function summary(store: Store): Cached {
  const set = store.loadWaiting() ?? store.loadSet()
  const held = set?.version ?? noVersion
  return {
    revision: { held, lastGood: store.loadGood()?.version ?? held },
    records: set?.records.size ?? 0,
    timeFloor: readTimeFloor(store),
    journal: store.loadJournal(10),
  }
}

export function cachedStatus(cli: Cli): CachedStatus {
  const identity = loadIdentity(cli.files)
  const cached = readCache(cli)
  const nothing: Cached = { revision: { held: noVersion, lastGood: noVersion }, records: 0, timeFloor: 0, journal: [] }
  return {
    agent: cached === 'busy' ? 'starting' : 'down',
    joined: identity !== undefined,
    ...identityPart(identity),
    ...(cached === undefined || cached === 'busy' ? nothing : cached),
  }
}

export function cachedText(status: CachedStatus): string {
  if (!status.joined) return 'this device has not joined a network\n'
  const lines = [
    `node      ${status.node} (${status.nodeId}) in ${status.network}`,
    `agent     ${status.agent === 'down' ? 'not running; the kernel keeps what it was last told' : 'starting or stopping'}`,
    `hub       ${status.hub?.url}`,
    `revision  held ${formatVersion(status.revision.held)}, last good ${formatVersion(status.revision.lastGood)}, ${status.records} records`,
    ...status.journal.map(({ at, event, detail }) => `          ${timeText(at)} ${event} ${detail}`),
  ]
  return `${lines.join('\n')}\n`
}
