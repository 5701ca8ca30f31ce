// A hub's databases and their mirror, on a cluster in memory: as a replica has them, without the rest of a hub.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { type AccessStore, openAccessStore } from '../access/access-store.ts'
import { scratch } from '../broker/broker.fake.ts'
import { NET, revision, storedPolicy } from '../store/conformance.fake.ts'
import type { HubStore } from '../store/hub-store.ts'
import { openHubStore } from '../store/sqlite.ts'
import { claimState } from './claim.ts'
import type { FakeCluster } from './cluster-store.fake.ts'
import { type StateHead, unpackHead } from './head.ts'
import { createJournal } from './journal.ts'
import { readKeyFiles } from './key-files.ts'
import { layState } from './lay-state.ts'
import { createMirror, type Mirror } from './mirror.ts'
import { patientStore } from './patience.ts'
import { createStateCopy } from './state-copy.ts'

export const BASE = 'hub-state'
export const directory = scratch('hf-mirror-')
let count = 0

export interface MirroredHub {
  readonly data: string
  readonly store: HubStore
  readonly access: AccessStore
  readonly mirror: Mirror
  readonly clock: FakeClock
  readonly fenced: string[]
  /** Lets all that is due happen, and whatever follows from it. */
  pass(): Promise<void>
  close(): void
}

/** A hub on `cluster`: it takes over what is there, as a replica does. `migrate`: as it is opened. */
export async function openMirroredHub(
  cluster: FakeCluster,
  writer = 'a'.repeat(26),
  migrate: (db: Database.Database) => void = () => undefined,
): Promise<MirroredHub> {
  const data = join(directory.path, String(++count))
  // Test files share a process, and each takes all of it away at its end.
  mkdirSync(data, { recursive: true })
  const [clock, log, fenced] = [new FakeClock(), memoryLog(), [] as string[]]
  const objects = patientStore(cluster.open(), clock)
  const copy = createStateCopy(objects, BASE)
  await copy.refresh()
  const state = copy.state()
  const claimed = state === undefined ? undefined : await claimState(objects, state.stored, state.head, writer)
  if (state === undefined) writeFileSync(join(data, 'root.key'), `key of ${count}`)
  else layState(data, state)
  const journal = createJournal(state?.head.buckets ?? 1, () => mirror.touched())
  const mirror = createMirror({
    store: objects,
    base: BASE,
    writer,
    claimed,
    journal,
    files: () => readKeyFiles(data),
    clock,
    log,
    holdsLease: async () => cluster.lease?.holder === writer,
    onFenced: (reason) => void fenced.push(reason),
  })
  const layout = state?.head.layout
  const store = openHubStore(join(data, 'hub.db'), log, (db) => {
    migrate(db)
    journal.follow('hub', db, layout?.hub)
  })
  const access = openAccessStore(join(data, 'access.db'), (db) => journal.follow('access', db, layout?.access))
  mirror.begin()
  return {
    data,
    store,
    access,
    mirror,
    clock,
    fenced,
    pass: () => clock.advanceAsync(15_000),
    close() {
      mirror.close()
      store.close()
      access.close()
    },
  }
}

export function headOf(cluster: FakeCluster): StateHead {
  assert.ok(cluster.head)
  return unpackHead(BASE, cluster.head.head)
}

/** Every row of what is mirrored, as text; audit and revisions in order. */
export function content({ data }: Pick<MirroredHub, 'data'>): string {
  const tables = [
    'value',
    'resource',
    'enrolment',
    'allocation',
    'token',
    'network',
    'head',
    'record',
    'revision',
    'audit',
  ]
  const hub = new Database(join(data, 'hub.db'), { readonly: true })
  const access = new Database(join(data, 'access.db'), { readonly: true })
  const rows = [
    ...tables.map((table) => hub.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all()),
    ...['credential', 'api_token'].map((table) => access.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()),
  ]
  hub.close()
  access.close()
  return JSON.stringify(rows)
}

/** `audited`: with rows of the audit log, which have other columns in older layouts. */
export function fill({ access, store }: MirroredHub, audited = true): void {
  store.putNetwork({ name: parseName('default'), id: NET, epoch: 1 })
  store.putValue('v', 'ü "quoted"\n')
  for (let n = 1; n <= 40; n++) {
    store.transaction(() => {
      store.putResource(storedPolicy(`p-${n}`))
      store.saveRevision(NET, revision(n, { [`policy/p-${n}`]: 'x'.repeat(n) }))
      if (audited) store.putAudit({ at: n, actor: 'a', verb: 'put', target: `policy/p-${n}`, detail: '' })
    })
  }
  access.putCredential({ node: 'aaaaaaaaaaaaaaaa' as never, network: NET, passwordHash: new Uint8Array(32).fill(9) })
  access.putApiToken({ id: 'abc', name: 'me', role: 'admin', createdAt: 1, expiresAt: undefined }, new Uint8Array(32))
}

/** What becomes of all that was committed so far. */
export async function outcome(hub: MirroredHub): Promise<string> {
  const settled = hub.mirror.settled().then(
    () => 'settled',
    (error: unknown) => (isHoldfastError(error, 'unreachable') ? 'refused' : describeError(error)),
  )
  await hub.pass()
  return settled
}
