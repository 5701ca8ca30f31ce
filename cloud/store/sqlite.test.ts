// The real store: what survives a power cut, and that damage is said aloud instead of papered over.

import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { defineConformance, NET, revision, shown, storedPolicy } from './conformance.fake.ts'
import { openHubStore } from './sqlite.ts'

const test = suite('hub sqlite store')
const log = memoryLog()
const root = mkdtempSync(join(tmpdir(), 'holdfast-hub-store-'))
let count = 0
const fresh = (): string => join(root, `${count++}.db`)
test.after(() => rmSync(root, { recursive: true, force: true }))

defineConformance(test, () => openHubStore(fresh(), log))

function filled(): string {
  const path = fresh()
  const store = openHubStore(path, log)
  const put = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`node/n${i}`, 'x'.repeat(200)]))
  store.saveRevision(NET, revision(1, put))
  for (let i = 0; i < 100; i++) store.putResource(storedPolicy(`p${i}`))
  store.close()
  return path
}

test('nobody else may read it', () => {
  assert.is(statSync(filled()).mode & 0o777, 0o600)
})

test('a database of the first layout becomes one of today, with what devices said last', () => {
  const path = filled()
  const old = new Database(path)
  old.exec('ALTER TABLE last_word DROP COLUMN override')
  old.exec('ALTER TABLE audit DROP COLUMN whence')
  old.exec('DROP TABLE command')
  old.prepare('INSERT INTO last_word VALUES (?, ?, ?, ?, ?, ?)').run('aaaaaaaaaaaaaaaa', 5, null, null, null, null)
  old.pragma('user_version = 1')
  old.close()
  const store = openHubStore(path, log)
  assert.equal(store.lastWords(), [{ nodeId: 'aaaaaaaaaaaaaaaa', lastSeen: 5 }])
  const [word] = store.lastWords()
  assert.ok(word)
  store.putLastWords([{ ...word, override: Uint8Array.of(7) }])
  assert.equal(store.lastWords()[0]?.override, Uint8Array.of(7))
  assert.is(store.resources().length, 100)
  assert.equal(store.commands(), [])
  store.close()
})

test('a power cut right after a revision keeps it', () => {
  const path = fresh()
  const store = openHubStore(path, log)
  store.saveRevision(NET, revision(1, { 'node/a': '1' }))
  store.saveRevision(NET, revision(2, { 'node/b': '2' }))
  const copy = fresh()
  copyFileSync(path, copy)
  copyFileSync(`${path}-wal`, `${copy}-wal`)
  store.close()
  const after = openHubStore(copy, log)
  assert.is(shown(after), 'head 1.2 | node/a=1@1 node/b=2@2')
  after.close()
})

test('a log cut off in the middle of a revision leaves the one before', () => {
  const path = fresh()
  const store = openHubStore(path, log)
  store.saveRevision(NET, revision(1, { 'node/a': '1' }))
  const before = statSync(`${path}-wal`).size
  store.saveRevision(NET, revision(2, { 'node/b': 'y'.repeat(20_000) }))
  const copy = fresh()
  copyFileSync(path, copy)
  const whole = readFileSync(`${path}-wal`)
  store.close()
  for (const cut of [before + 1, before + 5_000, whole.length - 1]) {
    writeFileSync(`${copy}-wal`, whole.subarray(0, cut))
    const after = openHubStore(copy, log)
    assert.is(shown(after), 'head 1.1 | node/a=1@1', `cut at ${cut}`)
    after.close()
  }
})

const damage: Readonly<Record<string, (path: string) => void>> = {
  'a bad header': (path) => {
    const bytes = readFileSync(path)
    bytes.fill(0xff, 0, 100)
    writeFileSync(path, bytes)
  },
  'pages of noise': (path) => {
    const bytes = readFileSync(path)
    bytes.fill(0xa5, 4_096 * 3, 4_096 * 8)
    writeFileSync(path, bytes)
  },
  'a file cut short': (path) => writeFileSync(path, readFileSync(path).subarray(0, 9_000)),
  'a file of no length': (path) => writeFileSync(path, ''),
  'plain text': (path) => writeFileSync(path, 'not a database at all\n'.repeat(100)),
}

for (const [what, harm] of Object.entries(damage)) {
  test(`${what} stops the hub with a remedy, and the file stays as it is`, () => {
    const path = filled()
    harm(path)
    const before = readFileSync(path)
    const fault = { code: '', remedy: '' }
    try {
      openHubStore(path, log).close()
    } catch (error) {
      Object.assign(fault, error)
    }
    assert.is(fault.code, 'corrupt')
    assert.match(fault.remedy, /holdfast-hub restore/)
    assert.ok(before.equals(readFileSync(path)))
  })
}

test('a row that does not parse is corruption too', () => {
  const path = filled()
  const db = new Database(path)
  db.exec(`UPDATE resource SET json = '{"half' WHERE name = 'p7'`)
  db.close()
  const store = openHubStore(path, log)
  assert.throws(
    () => store.resources(),
    (error: { code?: string }) => error.code === 'corrupt',
  )
  store.close()
})

test('a database of a newer hub is not touched, and the remedy is not to restore', () => {
  const path = filled()
  const db = new Database(path)
  db.pragma('user_version = 99')
  db.close()
  assert.throws(
    () => openHubStore(path, log),
    (error: { code?: string; remedy?: string }) => error.code === 'unsupported' && !/restore/.test(error.remedy ?? ''),
  )
})

test('a directory that is not there is told apart from damage', () => {
  assert.throws(
    () => openHubStore(join(root, 'nowhere', 'hub.db'), log),
    (error: { code?: string; remedy?: string }) => error.code === 'failed' && /directory/.test(error.remedy ?? ''),
  )
})

test('a first start that was cut off leaves nothing that a second would stumble over', () => {
  const path = fresh()
  writeFileSync(`${path}.new`, 'half a database')
  chmodSync(`${path}.new`, 0o600)
  const store = openHubStore(path, log)
  store.saveRevision(NET, revision(1, { 'node/a': '1' }))
  assert.is(shown(store), 'head 1.1 | node/a=1@1')
  store.close()
})

test.run()
