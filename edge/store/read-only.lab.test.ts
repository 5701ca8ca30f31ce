// A disk that takes no writes, for real: a small file system that is full, and one that turned read-only. Needs root.

import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { change, shown } from './conformance.fake.ts'
import { openStore } from './sqlite.ts'

const test = suite('store on a bad disk')
const log = memoryLog()

function onDisk(kib: number, run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', directory])
  try {
    run(directory)
  } finally {
    execFileSync('umount', [directory])
    rmSync(directory, { recursive: true })
  }
}

function fill(directory: string): void {
  const file = openSync(join(directory, 'filling'), 'a')
  try {
    for (let written = 1; written > 0; ) written = writeSync(file, Buffer.alloc(4_096))
  } catch (error) {
    assert.is((error as { code?: string }).code, 'ENOSPC')
  } finally {
    closeSync(file)
  }
}

function failure(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

if (process.getuid?.() === 0) {
  test('a full disk: the old set is read, a new one is refused and loses nothing', () => {
    onDisk(600, (directory) => {
      const path = join(directory, 'state.db')
      const first = openStore(path, { log }).store
      first.saveSet(change(1, { 'node/a': 'x'.repeat(2_000) }, 'all'))
      first.close()
      fill(directory)
      const { rebuilt, store } = openStore(path, { log })
      assert.is(rebuilt, undefined)
      assert.is(store.volatile, undefined)
      assert.is(
        failure(() => store.saveSet(change(2, { 'node/b': 'y'.repeat(20_000) }, []))),
        'failed',
      )
      assert.match(shown(store), /^head 1 @1\.1 \| node\/a=x+$/)
      rmSync(join(directory, 'filling'))
      store.saveSet(change(3, { 'node/c': '3' }, ['node/a']))
      assert.is(shown(store), 'head 3 @1.3 | node/c=3')
      store.close()
    })
  })

  test('a damaged database on a full disk: an empty one in memory', () => {
    onDisk(600, (directory) => {
      const path = join(directory, 'state.db')
      writeFileSync(path, 'noise '.repeat(1_000))
      fill(directory)
      const { rebuilt, store } = openStore(path, { log })
      assert.match(rebuilt ?? '', /damaged-1/)
      assert.ok(store.volatile !== undefined)
      store.saveSet(change(1, { 'node/a': '1' }, 'all'))
      assert.is(shown(store), 'head 1 @1.1 | node/a=1')
      store.close()
    })
  })

  test('a disk that turned read-only: the set is there, with what stood in the log only', () => {
    onDisk(4_096, (directory) => {
      const path = join(directory, 'state.db')
      const first = openStore(path, { log }).store
      first.saveSet(change(1, { 'node/a': '1' }, 'all'))
      // Killed: the log is not folded into the file.
      execFileSync('cp', ['-r', directory, `${directory}-copy`])
      first.close()
      execFileSync('cp', ['-r', `${directory}-copy/.`, directory])
      rmSync(`${directory}-copy`, { recursive: true })
      assert.ok(readdirSync(directory).includes('state.db-wal'))
      execFileSync('mount', ['-o', 'remount,ro', directory])
      const { rebuilt, store } = openStore(path, { log })
      assert.is(rebuilt, undefined)
      assert.ok(store.volatile !== undefined)
      assert.is(shown(store), 'head 1 @1.1 | node/a=1')
      store.set('boot', '2')
      store.saveSet(change(2, { 'node/b': '2' }, []))
      assert.is(shown(store), 'head 2 @1.2 | node/a=1 node/b=2')
      store.close()
    })
  })
}

test.run()
