// What is known without the agent: the cache, read under the agent's lock so that nothing is read half-written.

import { timeText } from '../../shared/cli/words.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { type OverrideView, viewOverride } from '../../shared/override/report.ts'
import { formatVersion, noVersion, type Version } from '../../shared/record/head.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { lockState } from '../host/lock.ts'
import { openLockFile } from '../host/lock-file.ts'
import { readTimeFloor } from '../host/time-floor.ts'
import type { Identity } from '../identity.ts'
import type { MirrorView } from '../mirror/order.ts'
import { loadMirror } from '../mirror/shelf.ts'
import { loadShelf } from '../override/shelf.ts'
import { ageS } from '../report/cut-off.ts'
import { recallContact } from '../report/mode.ts'
import { openStore } from '../store/sqlite.ts'
import type { JournalEntry, Store } from '../store/store.ts'
import { pinnedRootStatus, type RootStatus } from '../trust/own-root.ts'
import type { Cli } from './context.ts'
import { mirrorLines } from './mirror-line.ts'
import { overrideLine } from './override-line.ts'
import { agoText } from './words.ts'

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
  /** `lastContact`: when the last run heard of it, milliseconds since the Unix epoch. */
  readonly hub?: { readonly url: string; readonly lastContact?: number }
  readonly rootKey?: RootStatus
  readonly revision: { readonly held: Version; readonly lastGood: Version }
  readonly records: number
  readonly timeFloor: number
  /** As the agent left them: what was in force then is in the kernel still. */
  readonly overrides: readonly OverrideView[]
  /** As the agent left it: the kernel goes on with it until it ends. */
  readonly mirror?: MirrorView
  readonly journal: readonly JournalEntry[]
}

function identityPart(identity: Identity | undefined, lastContact: number | undefined): Partial<CachedStatus> {
  if (identity === undefined) return {}
  const { name, nodeId, network, hubUrl } = identity
  const hub = { url: hubUrl, ...(lastContact === undefined ? {} : { lastContact }) }
  return { node: name, nodeId, network: network.name, hub }
}

function rootPart(cli: Cli, identity: Identity | undefined): Pick<CachedStatus, 'rootKey'> {
  if (identity === undefined) return {}
  return { rootKey: pinnedRootStatus(identity, openLockFile(cli.files.rootPin), sha256) }
}

interface Cached extends Pick<CachedStatus, 'revision' | 'records' | 'timeFloor' | 'overrides' | 'mirror' | 'journal'> {
  readonly lastContact?: number
}

/** `busy` where an agent holds the lock. */
function readCache(cli: Cli): Cached | 'busy' | undefined {
  try {
    return withStore(cli, (store) => ({
      ...summary(store),
      ...mirrorIn(cli, store),
      overrides: overridesIn(cli, store),
    }))
  } catch (error) {
    if (isHoldfastError(error, 'conflict')) return 'busy'
    throw error
  }
}

/** Verified, as the agent does it. */
function overridesIn(cli: Cli, store: Store): readonly OverrideView[] {
  const identity = loadIdentity(cli.files)
  const keys = loadKeys(cli.files)
  if (identity === undefined || keys === undefined) return []
  const { deviceKey: key, deviceKeys: formerKeys } = keys
  const speaker = { network: identity.network.id, node: identity.nodeId, key, formerKeys, verify, sha256 }
  return loadShelf(store, speaker, () => undefined).map(({ told }) => viewOverride(told))
}

/** The kernel itself ends it. */
function mirrorIn({ clock }: Cli, store: Store): Pick<Cached, 'mirror'> {
  try {
    const mirror = loadMirror(store)?.mirror
    return mirror === undefined || mirror.expiresAt <= clock.now() ? {} : { mirror }
  } catch {
    // Nothing that the agent would go on with.
    return {}
  }
}

function summary(store: Store): Omit<Cached, 'overrides' | 'mirror'> {
  const set = store.loadWaiting() ?? store.loadSet()
  const held = set?.version ?? noVersion
  const lastContact = recallContact(store)?.lastContact
  return {
    revision: { held, lastGood: store.loadGood()?.version ?? held },
    records: set?.records.size ?? 0,
    timeFloor: readTimeFloor(store),
    journal: store.loadJournal(10),
    ...(lastContact === undefined ? {} : { lastContact }),
  }
}

export function cachedStatus(cli: Cli): CachedStatus {
  const identity = loadIdentity(cli.files)
  const cached = readCache(cli)
  const revision = { held: noVersion, lastGood: noVersion }
  const nothing: Cached = { revision, records: 0, timeFloor: 0, overrides: [], journal: [] }
  const { lastContact, ...known } = cached === undefined || cached === 'busy' ? nothing : cached
  return {
    agent: cached === 'busy' ? 'starting' : 'down',
    joined: identity !== undefined,
    ...identityPart(identity, lastContact),
    ...rootPart(cli, identity),
    ...known,
  }
}

function contactText(lastContact: number | undefined, nowMs: number): string {
  return lastContact === undefined ? '' : `, last heard ${timeText(lastContact)}${agoText(ageS(lastContact, nowMs))}`
}

export function cachedText(status: CachedStatus, nowMs: number): string {
  if (!status.joined) return 'this device has not joined a network\n'
  const held = status.overrides.filter(({ state }) => state === 'active')
  const stuck = ['          the kernel keeps it until the agent is started again']
  const lines = [
    ...held.map((one) => overrideLine(one, nowMs)),
    ...(held.length === 0 || status.agent !== 'down' ? [] : stuck),
    ...(status.mirror === undefined ? [] : mirrorLines(status.mirror, nowMs)),
    `node      ${status.node} (${status.nodeId}) in ${status.network}`,
    `agent     ${status.agent === 'down' ? 'not running; the kernel keeps what it was last told' : 'starting or stopping'}`,
    `hub       ${status.hub?.url}${contactText(status.hub?.lastContact, nowMs)}`,
    `revision  held ${formatVersion(status.revision.held)}, last good ${formatVersion(status.revision.lastGood)}, ${status.records} records`,
    ...status.journal.map(({ at, event, detail }) => `          ${timeText(at)} ${event} ${detail}`),
  ]
  return `${lines.join('\n')}\n`
}
