// What a hub takes is known from its word alone, over restarts, and is taken back by its word.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MemoryStore } from '../store/memory.fake.ts'
import { createTaken } from './taken.ts'

test('nothing is taken before the hub said so; what it said last holds', () => {
  const store = new MemoryStore()
  const open = () => createTaken(store, (run) => run())
  const first = open()
  assert.equal([first.has('outside'), first.isHeard()], [false, false])
  first.note(['other', 'outside'])
  assert.equal([first.has('outside'), first.has('out'), first.isHeard()], [true, false, true])
  const next = open()
  assert.equal([next.has('outside'), next.has('other'), next.isHeard()], [true, true, true])
  // Put back to an older version.
  next.note([])
  assert.equal([open().has('outside'), open().isHeard()], [false, true])
})

test('the same word over and over is written once', () => {
  const store = new MemoryStore()
  const taken = createTaken(store, (run) => run())
  for (let n = 0; n < 9; n++) taken.note(n % 2 === 0 ? ['a', 'b'] : ['b', 'a'])
  assert.is(store.writes.value, 1)
})

test.run()
