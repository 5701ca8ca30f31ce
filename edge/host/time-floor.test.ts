// The time floor: raised, told of, kept.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { raiseClock, readTimeFloor } from './time-floor.ts'

const NOW = 1_800_000_000_000

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

test('the floor is read as the agent keeps it; what is no time counts as none', () => {
  for (const [kept, floor] of [
    [String(NOW), NOW],
    ['soon', 0],
    ['-5', 0],
    [undefined, 0],
  ] as const) {
    assert.is(readTimeFloor({ get: (key) => (key === 'time-floor' ? kept : undefined) }), floor)
  }
})

test.run()
