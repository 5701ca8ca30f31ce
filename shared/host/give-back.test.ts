// Memory is given back once the start is over, and seldom from then on; not at all where V8 does not let us.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../effects.fake.ts'
import { giveBackMemory } from './give-back.ts'

const world = globalThis as unknown as { gc?: unknown }

function collected(advances: readonly number[]): readonly number[] {
  const before = world.gc
  let count = 0
  world.gc = () => void count++
  try {
    const clock = new FakeClock()
    giveBackMemory(clock)
    return advances.map((ms) => {
      clock.advance(ms)
      return count
    })
  } finally {
    world.gc = before
  }
}

test('once after the start, then once an hour', () => {
  assert.equal(collected([10_000, 10_000, 3_500_000, 100_000, 3_600_000]), [0, 1, 1, 2, 3])
})

test('without the flag nothing happens, and nothing fails', () => {
  const before = world.gc
  world.gc = undefined
  try {
    const clock = new FakeClock()
    giveBackMemory(clock)
    clock.advance(100_000)
  } finally {
    world.gc = before
  }
})

test.run()
