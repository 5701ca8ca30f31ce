// The real store: power cuts, damage and a full disk, on files in a temporary directory.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { change, defineConformance, shown } from './conformance.fake.ts'
import { openStore } from './sqlite.ts'

const test = suite('sqlite store')
const log = memoryLog()
const root = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
let count = 0
const fresh = (): string => join(root, `${count++}.db`)
test.after(() => rmSync(root, { recursive: true, force: true }))

defineConformance(test, () => {
  const path = fresh()
  return { open: () => openStore(path, { log }).store }
})

/** A database with 300 records, closed; pages enough to damage one in the middle. */
function filled(): string {
  const path = fresh()
  const { store } = openStore(path, { log })
  const put = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`node/n${i}`, 'x'.repeat(200)]))
  store.saveSet(change(7, put, 'all'))
  store.close()
  return path
}

function damaged(path: string): string[] {
  const name = path.split('/').at(-1) ?? ''
  return readdirSync(root)
    .filter((file) => file.startsWith(`${name}.damaged-`))
    .sort()
}

test('nobody else may read it, nor its log', () => {
  const path = fresh()
  const { store } = openStore(path, { log })
  store.saveSet(change(1, { 'node/a': '1' }, 'all'))
  for (const file of [path, `${path}-wal`]) assert.is(statSync(file).mode & 0o777, 0o600, file)
  store.close()
  chmodSync(path, 0o644)
  openStore(path, { log }).store.close()
  assert.is(statSync(path).mode & 0o777, 0o600)
})

test('who only looks at a damaged database leaves it where it is', () => {
  const path = fresh()
  writeFileSync(path, 'noise '.repeat(2_000))
  assert.throws(
    () => openStore(path, { log, look: true }),
    (error: unknown) => isHoldfastError(error, 'corrupt'),
  )
  assert.equal(damaged(path), [])
  assert.is(readFileSync(path, 'utf8').length, 12_000)
})

test('a power cut right after saveSet keeps the set: what lies on disk then is enough', () => {
  const path = fresh()
  const { store } = openStore(path, { log })
  store.saveSet(change(1, { 'node/a': '1' }, 'all'))
  store.saveSet(change(2, { 'node/b': '2' }, []))
  // The files as they are without closing: what a machine finds that lost power.
  const copy = fresh()
  copyFileSync(path, copy)
  copyFileSync(`${path}-wal`, `${copy}-wal`)
  store.close()
  const { store: after, rebuilt } = openStore(copy, { log })
  assert.is(rebuilt, undefined)
  assert.is(shown(after), 'head 2 @1.2 | node/a=1 node/b=2')
  after.close()
})

test('a log cut off in the middle of a transaction leaves the set before it', () => {
  const path = fresh()
  const { store } = openStore(path, { log })
  store.saveSet(change(1, { 'node/a': '1' }, 'all'))
  const before = statSync(`${path}-wal`).size
  store.saveSet(change(2, { 'node/b': 'y'.repeat(20_000) }, []))
  const copy = fresh()
  copyFileSync(path, copy)
  const whole = readFileSync(`${path}-wal`)
  store.close()
  for (const cut of [before + 1, before + 5_000, whole.length - 1]) {
    writeFileSync(`${copy}-wal`, whole.subarray(0, cut))
    const { store: after, rebuilt } = openStore(copy, { log })
    assert.is(rebuilt, undefined)
    assert.is(shown(after), 'head 1 @1.1 | node/a=1', `cut at ${cut}`)
    after.close()
  }
})

const damage: Readonly<Record<string, (path: string) => void>> = {
  'a bad header': (path) => {
    const bytes = readFileSync(path)
    bytes.fill(0xff, 0, 100)
    writeFileSync(path, bytes)
  },
  'a page of noise': (path) => {
    const bytes = readFileSync(path)
    bytes.fill(0xa5, 4_096 * 3, 4_096 * 4)
    writeFileSync(path, bytes)
  },
  'a file cut short': (path) => writeFileSync(path, readFileSync(path).subarray(0, 9_000)),
  'another program’s database': (path) => {
    rmSync(path)
    const db = new Database(path)
    db.exec('CREATE TABLE bills (id INTEGER)')
    db.close()
  },
  'a layout of the future': (path) => {
    const db = new Database(path)
    db.pragma('user_version = 99')
    db.close()
  },
  'plain text': (path) => writeFileSync(path, 'not a database at all\n'.repeat(100)),
}

for (const [what, harm] of Object.entries(damage)) {
  test(`${what} is set aside and an empty database takes its place`, () => {
    const path = filled()
    harm(path)
    const { store, rebuilt } = openStore(path, { log })
    assert.match(rebuilt ?? '', /damaged-1/)
    assert.is(store.loadSet(), undefined)
    assert.is(damaged(path).length, 1)
    store.saveSet(change(8, { 'node/a': '1' }, 'all'))
    store.close()
    const again = openStore(path, { log })
    assert.is(again.rebuilt, undefined)
    assert.is(shown(again.store), 'head 8 @1.8 | node/a=1')
    again.store.close()
  })
}

test('at most two damaged databases are kept', () => {
  const path = filled()
  for (let n = 1; n <= 4; n++) {
    writeFileSync(path, `noise ${n}`.repeat(1_000))
    openStore(path, { log }).store.close()
  }
  const name = path.split('/').at(-1)
  assert.equal(damaged(path), [`${name}.damaged-3`, `${name}.damaged-4`])
})

test('an empty file is a new database, not a damaged one', () => {
  const path = fresh()
  writeFileSync(path, '')
  const { store, rebuilt } = openStore(path, { log })
  assert.is(rebuilt, undefined)
  assert.is(store.loadSet(), undefined)
  store.close()
})

test('a full disk is reported as failed and loses nothing that was held', () => {
  const path = fresh()
  const { store } = openStore(path, { log, pagesMax: 20 })
  store.saveSet(change(1, { 'node/a': '1' }, 'all'))
  assert.throws(
    () => store.saveSet(change(2, { 'node/b': 'z'.repeat(100_000) }, ['node/a'])),
    (error: { code?: string; remedy?: string }) => error.code === 'failed' && /space/.test(error.remedy ?? ''),
  )
  assert.is(shown(store), 'head 1 @1.1 | node/a=1')
  store.saveSet(change(3, { 'node/c': '3' }, []))
  assert.is(shown(store), 'head 3 @1.3 | node/a=1 node/c=3')
  store.close()
})

test('a second agent on the same state is turned away', () => {
  const path = fresh()
  const { store } = openStore(path, { log })
  store.set('boot', '1')
  const other = new Database(path, { timeout: 0 })
  assert.throws(() => other.prepare('SELECT 1 FROM value').get(), /locked/)
  other.close()
  store.close()
})

test('an unchanged value or record is not written again', () => {
  const path = fresh()
  const { store } = openStore(path, { log })
  store.set('floor', '5')
  store.saveSet(change(1, { 'node/a': 'x'.repeat(3_000), 'node/b': 'y'.repeat(3_000) }, 'all'))
  const before = statSync(`${path}-wal`).size
  store.set('floor', '5')
  assert.is(statSync(`${path}-wal`).size, before)
  store.close()
  assert.not.ok(existsSync(`${path}-wal`))
})

test.run()
