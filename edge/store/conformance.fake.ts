// What every store must do, run against each of them.

import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { journalRowsMax } from '../../shared/limits.ts'
import type { HeldSet, SetChange, Store } from './store.ts'

export interface Subject {
  readonly open: () => Store
}

export type Define = (name: string, run: () => void) => void

const NODE = parseNodeId('aaaaaaaaaaaaaaaa')
const OTHER = parseNodeId('bbbbbbbbbbbbbbbb')

export function change(revision: number, put: Readonly<Record<string, string>>, del: SetChange['del']): SetChange {
  return {
    head: utf8(`head ${revision}`),
    version: { epoch: 1, revision },
    put: new Map(Object.entries(put).map(([id, text]) => [id, utf8(text)])),
    del,
  }
}

function setOf(revision: number, put: Readonly<Record<string, string>>): HeldSet {
  const { head, version, put: records } = change(revision, put, 'all')
  return { head, version, records }
}

/** The set as readable text: `head 3 | node/a=1 node/b=2`. */
export function shown(store: Store, set = store.loadSet()): string {
  if (set === undefined) return 'nothing'
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
  const records = [...set.records].map(([id, bytes]) => `${id}=${text(bytes)}`).sort()
  return `${text(set.head)} @${set.version.epoch}.${set.version.revision} | ${records.join(' ')}`
}

function defineSets(define: Define, make: () => Subject): void {
  define('a store begins empty', () => {
    const store = make().open()
    assert.is(store.loadSet(), undefined)
    assert.is(store.loadFacts().size, 0)
    assert.is(store.get('boot'), undefined)
    assert.equal(store.loadJournal(10), [])
    store.close()
  })

  define('a set is kept, changed, replaced, and found again after closing', () => {
    const { open } = make()
    const store = open()
    store.saveSet(change(1, { 'node/a': '1', 'node/b': '2' }, 'all'))
    assert.is(shown(store), 'head 1 @1.1 | node/a=1 node/b=2')
    store.saveSet(change(2, { 'node/b': '3', 'node/c': '4' }, ['node/a']))
    assert.is(shown(store), 'head 2 @1.2 | node/b=3 node/c=4')
    store.saveSet(change(3, { 'node/c': '4', 'node/d': '5' }, 'all'))
    store.close()
    const again = open()
    assert.is(shown(again), 'head 3 @1.3 | node/c=4 node/d=5')
    again.close()
  })

  define('a set that waits is kept beside the set, replaced by the next, and gone with the next set', () => {
    const { open } = make()
    const store = open()
    assert.is(store.loadWaiting(), undefined)
    store.saveSet(change(1, { 'node/a': '1', 'node/b': '2' }, 'all'))
    store.saveWaiting(setOf(2, { 'node/a': '9', 'pod/x': 'new' }))
    store.saveWaiting(setOf(3, { 'node/a': '1', 'pod/y': 'newer' }))
    assert.is(shown(store), 'head 1 @1.1 | node/a=1 node/b=2')
    store.close()
    const again = open()
    assert.is(shown(again), 'head 1 @1.1 | node/a=1 node/b=2')
    assert.is(shown(again, again.loadWaiting()), 'head 3 @1.3 | node/a=1 pod/y=newer')
    again.saveSet(change(4, { 'node/a': '1' }, 'all'))
    assert.is(again.loadWaiting(), undefined)
    again.close()
  })

  define('the last good set is kept beside the set and the one that waits, whatever comes after it', () => {
    const { open } = make()
    const store = open()
    assert.is(store.loadGood(), undefined)
    store.saveSet(change(2, { 'node/a': '1', 'node/b': '2' }, 'all'))
    store.saveGood(setOf(1, { 'node/a': '1', 'node/c': '3' }))
    store.saveGood(setOf(2, { 'node/a': '1', 'node/b': '2' }))
    store.saveSet(change(3, { 'node/a': '9' }, 'all'))
    store.saveWaiting(setOf(4, { 'pod/x': 'new' }))
    store.close()
    const again = open()
    assert.is(shown(again), 'head 3 @1.3 | node/a=9')
    assert.is(shown(again, again.loadGood()), 'head 2 @1.2 | node/a=1 node/b=2')
    assert.is(shown(again, again.loadWaiting()), 'head 4 @1.4 | pod/x=new')
    again.close()
  })

  define('what the caller does to its bytes afterwards changes nothing', () => {
    const store = make().open()
    const next = change(1, { 'node/a': 'x' }, 'all')
    store.saveSet(next)
    next.put.get('node/a')?.fill(0)
    next.head.fill(0)
    assert.is(shown(store), 'head 1 @1.1 | node/a=x')
    store.close()
  })
}

function defineRest(define: Define, make: () => Subject): void {
  define('facts are kept by node, replaced and deleted', () => {
    const { open } = make()
    const store = open()
    store.saveFact(NODE, utf8('one'))
    store.saveFact(OTHER, utf8('two'))
    store.saveFact(NODE, utf8('three'))
    store.deleteFacts([OTHER])
    store.close()
    const again = open()
    assert.equal(
      [...again.loadFacts()].map(([node, bytes]) => [node, new TextDecoder().decode(bytes)]),
      [[NODE, 'three']],
    )
    again.close()
  })

  define('values are kept', () => {
    const { open } = make()
    const store = open()
    store.set('boot', '1')
    store.set('boot', '2')
    store.set('floor', '99')
    store.close()
    const again = open()
    assert.equal([again.get('boot'), again.get('floor'), again.get('other')], ['2', '99', undefined])
    again.close()
  })

  define('the journal is bounded and gives its last entries, oldest first', () => {
    const store = make().open()
    for (let at = 1; at <= journalRowsMax + 250; at++) store.journal({ at, event: 'test', detail: `n${at}` })
    const rows = store.loadJournal(journalRowsMax * 2)
    assert.ok(rows.length >= journalRowsMax && rows.length < journalRowsMax + 100, `${rows.length} rows`)
    assert.equal(
      store.loadJournal(2).map((row) => row.detail),
      [`n${journalRowsMax + 249}`, `n${journalRowsMax + 250}`],
    )
    store.close()
  })
}

export function defineConformance(define: Define, make: () => Subject): void {
  defineSets(define, make)
  defineRest(define, make)
}
