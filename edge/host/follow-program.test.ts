// When the agent of a further network ends for another version of the program to be started.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { followProgram, isSuperseded } from './follow-program.ts'

let home = ''
const slot = (name: string): string => join(home, 'versions', name)
const point = (name: string): void => {
  rmSync(join(home, 'current'), { force: true })
  symlinkSync(join('versions', name), join(home, 'current'))
}

test.before.each(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-home-'))
  for (const name of ['a', 'b']) mkdirSync(slot(name), { recursive: true })
  point('a')
})
test.after.each(() => rmSync(home, { recursive: true, force: true }))

test('the one that is started is followed once it has proven itself', () => {
  assert.not(isSuperseded(slot('a')))
  writeFileSync(join(home, 'versions', 'unconfirmed'), '')
  point('b')
  assert.not(isSuperseded(slot('a')), 'on trial')
  rmSync(join(home, 'versions', 'unconfirmed'))
  assert.ok(isSuperseded(slot('a')))
  assert.not(isSuperseded(slot('b')))
})

test('what lies in no slot is never another version', () => {
  point('b')
  for (const elsewhere of [home, join(home, 'nowhere'), tmpdir()]) assert.not(isSuperseded(elsewhere))
})

test('it is looked for every minute, and said once', () => {
  const clock = new FakeClock()
  let said = 0
  followProgram(slot('a'), clock, () => void (said += 1))
  clock.advance(120_000)
  assert.is(said, 0)
  point('b')
  clock.advance(60_000)
  clock.advance(600_000)
  assert.is(said, 1)
  const end = followProgram(slot('a'), clock, () => void (said += 1))
  end()
  clock.advance(120_000)
  assert.is(said, 1, 'ended')
})

test.run()
