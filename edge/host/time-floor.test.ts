// The time floor: raised, told of, kept.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { keepTimeFloor, raiseClock, readTimeFloor } from './time-floor.ts'

const NOW = 1_800_000_000_000

function memory(): { get(key: string): string | undefined; set(key: string, value: string): void } {
  const values = new Map<string, string>()
  return { get: (key) => values.get(key), set: (key, value) => void values.set(key, value) }
}

function raise(at: number, floor: number, allowed = true, fails = false) {
  const clock = new FakeClock(at)
  const commands: string[] = []
  const run = async (argv: readonly string[]): Promise<void> => {
    if (fails) throw new Error('not permitted')
    commands.push(argv.join(' '))
    clock.setWall(floor)
  }
  return raiseClock({ floor, clock, log: memoryLog(), allowed, run }).then((found) => ({ code: found?.code, commands }))
}

test('a clock in 1970 is raised to the floor; one that is right is left alone', async () => {
  assert.equal(await raise(0, NOW), { code: 'clock-raised', commands: [`date -u -s @${NOW / 1_000}`] })
  assert.equal(await raise(NOW + 5, NOW), { code: undefined, commands: [] })
  assert.equal(await raise(NOW - 1_000, NOW), { code: undefined, commands: [] })
  assert.equal(await raise(0, 0), { code: undefined, commands: [] })
})

test('where the clock is not ours to set, people are told', async () => {
  assert.equal(await raise(0, NOW, false), { code: 'clock-behind', commands: [] })
  assert.equal(await raise(0, NOW, true, true), { code: 'clock-behind', commands: [] })
})

test('the floor rises with the clock, and never falls', () => {
  const store = memory()
  const clock = new FakeClock(NOW)
  const stop = keepTimeFloor(store, clock, memoryLog())
  assert.is(readTimeFloor(store), NOW)
  clock.advance(25 * 60_000)
  assert.is(readTimeFloor(store), NOW + 20 * 60_000)
  clock.setWall(1_000)
  clock.advance(15 * 60_000)
  stop()
  assert.is(readTimeFloor(store), NOW + 20 * 60_000)
  clock.setWall(NOW + 86_400_000)
  keepTimeFloor(store, clock, memoryLog())()
  assert.is(readTimeFloor(store), NOW + 86_400_000)
})

test('a floor that is not a time counts as none, and a disk that takes no write stops nothing', () => {
  const store = memory()
  store.set('time-floor', 'soon')
  assert.is(readTimeFloor(store), 0)
  const full = {
    get: () => undefined,
    set: () => {
      throw new Error('disk full')
    },
  }
  keepTimeFloor(full, new FakeClock(), memoryLog())()
})

test.run()
