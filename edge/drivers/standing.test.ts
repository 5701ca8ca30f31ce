// When a reading of the kernel stands, and when it is taken anew.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { createStanding } from './standing.ts'

function rig() {
  const clock = new FakeClock()
  const state: { silent: number | undefined; reads: string[]; gate: Promise<void> } = {
    silent: undefined,
    reads: [],
    gate: Promise.resolve(),
  }
  const standing = createStanding(
    clock,
    () => state.silent,
    async (key: string) => {
      state.reads.push(key)
      const count = state.reads.length
      await state.gate
      return `${key} ${count}`
    },
  )
  return { clock, state, standing }
}

test('where nobody listens every reading is a new one', async () => {
  const { standing } = rig()
  assert.is(await standing.get('a'), 'a 1')
  assert.is(await standing.get('a'), 'a 2')
})

test('in silence one reading is enough, for five minutes', async () => {
  const { clock, state, standing } = rig()
  state.silent = clock.monotonic() - 1
  assert.is(await standing.get('a'), 'a 1')
  clock.advance(299_000)
  assert.is(await standing.get('a'), 'a 1')
  clock.advance(1_000)
  assert.is(await standing.get('a'), 'a 2')
})

test('a word ends it, also one that came while it was taken, and the end of the listening', async () => {
  const { clock, state, standing } = rig()
  state.silent = clock.monotonic() - 1
  const gate = Promise.withResolvers<void>()
  state.gate = gate.promise
  const slow = standing.get('a')
  clock.advance(5)
  state.silent = clock.monotonic()
  gate.resolve()
  assert.is(await slow, 'a 1')
  clock.advance(5)
  assert.is(await standing.get('a'), 'a 2')
  assert.is(await standing.get('a'), 'a 2')
  state.silent = clock.monotonic()
  assert.is(await standing.get('a'), 'a 3')
  state.silent = undefined
  assert.is(await standing.get('a'), 'a 4')
})

test('another question is another reading', async () => {
  const { clock, state, standing } = rig()
  state.silent = clock.monotonic() - 1
  await standing.get('a')
  assert.is(await standing.get('b'), 'b 2')
})

test('what is forgotten while it is taken is not kept', async () => {
  const { clock, state, standing } = rig()
  state.silent = clock.monotonic() - 1
  const gate = Promise.withResolvers<void>()
  state.gate = gate.promise
  const slow = standing.get('a')
  standing.forget()
  gate.resolve()
  await slow
  assert.is(await standing.get('a'), 'a 2')
  assert.is(await standing.get('a'), 'a 2')
  standing.forget()
  assert.is(await standing.get('a'), 'a 3')
})

test.run()
