// A record that is shorter than it was is found, and one that a power cut took its last seconds from is not accused.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MemoryStore } from '../store/memory.fake.ts'
import { createWitness, type Witness } from './witness.ts'

function witnessOf(store: MemoryStore): Witness {
  return createWitness(store, (run) => run())
}

test('a record that was removed, or put back as it was, is missed once', () => {
  const store = new MemoryStore()
  const first = witnessOf(store)
  assert.is(first.fault(0), undefined)
  first.close(7)
  assert.is(witnessOf(store).fault(7), undefined)
  assert.is(witnessOf(store).fault(3), 'it had 7 batches, and has 3')
  assert.is(witnessOf(store).fault(3), undefined)
  witnessOf(store).close(9)
  assert.ok(witnessOf(store).fault(0))
})

test('what came in the last ten minutes is not missed after a power cut, and what came before is', () => {
  const store = new MemoryStore()
  const witness = witnessOf(store)
  witness.fault(0)
  for (let minute = 0; minute <= 25; minute++) witness.note(minute + 1, minute * 60_000)
  assert.is(witnessOf(store).fault(15), undefined)
  assert.ok(witnessOf(store).fault(10))
  assert.ok(store.writes.value <= 4, 'few writes')
})

test.run()
