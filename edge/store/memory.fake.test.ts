// The fake store does what the real one does, and breaks where it is told to.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { change, defineConformance, shown } from './conformance.fake.ts'
import { MemoryStore, PowerCut } from './memory.fake.ts'

defineConformance(test, () => {
  const store = new MemoryStore()
  return { open: () => store }
})

test('a torn write counts wholly or not at all', () => {
  const store = new MemoryStore()
  store.saveSet(change(1, { 'node/a': '1' }, 'all'))
  store.tear = 'before'
  assert.throws(
    () => store.saveSet(change(2, { 'node/b': '2' }, [])),
    (error: unknown) => error instanceof PowerCut,
  )
  assert.is(shown(store), 'head 1 @1.1 | node/a=1')
  store.tear = 'after'
  assert.throws(() => store.saveSet(change(2, { 'node/b': '2' }, [])))
  assert.is(shown(store), 'head 2 @1.2 | node/a=1 node/b=2')
})

test('worn flash is noticed at the write', () => {
  const store = new MemoryStore()
  store.flip = true
  assert.throws(
    () => store.saveSet(change(1, { 'node/a': '1' }, 'all')),
    (error: { code?: string }) => error.code === 'corrupt',
  )
  assert.is(shown(store), 'nothing')
})

test.run()
