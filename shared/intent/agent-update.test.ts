// When a roll-out may go on.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isInWindow } from './agent-update.ts'

const at = (time: string): number => Date.parse(`2026-01-31T${time}:00Z`)

for (const [from, to, inside, outside] of [
  ['01:00', '05:00', ['01:00', '04:59'], ['00:59', '05:00', '23:00']],
  ['22:00', '04:00', ['22:00', '23:59', '00:00', '03:59'], ['21:59', '04:00', '12:00']],
] as const) {
  test(`the window from ${from} to ${to} is of each day`, () => {
    for (const time of inside) assert.is(isInWindow({ from, to }, at(time)), true, time)
    for (const time of outside) assert.is(isInWindow({ from, to }, at(time)), false, time)
  })
}

test('without a window it may at any time', () => {
  assert.is(isInWindow(undefined, 0), true)
})

test.run()
