// What becomes of a revision on trial, second by second.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Broken, type Check, checks } from './broken.ts'
import { type Lost, noLosses, noteLosses } from './losses.ts'
import { judgeReturn, judgeTrial, type Trial, waitMs } from './verdict.ts'

const windows = { watchMs: 30_000 }
const first: Trial = { attempt: 1, starts: 1, suspects: [] }
const lost = (...list: readonly Check[]): readonly Broken[] => list.map((check) => ({ check, detail: 'lost' }))
const under = (seconds: number, broken: readonly Check[]): readonly Lost[] =>
  lost(...broken).map((one) => ({ ...one, at: 0, underMs: seconds * 1_000, lastedMs: seconds * 1_000 }))
const at = (trial: Partial<Trial>, seconds: number, ...broken: readonly Check[]): string =>
  judgeTrial({ ...first, ...trial }, seconds * 1_000, under(seconds, broken), windows).verdict

test('nothing is decided before the end of the watch', () => {
  assert.equal([at({}, 0), at({}, 29), at({}, 29, 'hub')], ['wait', 'wait', 'wait'])
  assert.equal([at({}, 30), at({}, 30, 'hub')], ['confirm', 'take-back'])
})

test('what a set broke that came in the middle has as long to come back as what the first one broke', () => {
  // The first is followed from 0 s on, the next from 28 s on; looks every five seconds.
  const look = (losses: readonly Lost[], seconds: number, ...broken: readonly Check[]): readonly Lost[] => {
    const now = seconds * 1_000
    return noteLosses(losses, lost(...broken), { now, followedAt: seconds < 28 ? 0 : 28_000, elapsedMs: now })
  }
  const judge = (losses: readonly Lost[], seconds: number): string =>
    judgeTrial(first, seconds * 1_000, losses, windows).verdict
  const before = look(noLosses, 25, 'probe')
  assert.is(judge(look(before, 30, 'kernel'), 30), 'wait', 'two seconds old')
  const both = look(before, 30, 'kernel', 'probe')
  assert.is(judge(both, 30), 'wait', 'lost for five seconds')
  assert.is(judge(look(both, 35, 'kernel', 'probe'), 35), 'take-back', 'lost under the first one')
  let losses = look(before, 30, 'kernel')
  for (const seconds of [35, 40, 45, 50, 55]) losses = look(losses, seconds, 'kernel')
  assert.is(judge(losses, 55), 'wait')
  assert.is(judge(look(losses, 60, 'kernel'), 60), 'take-back')
  assert.is(judge(look(losses, 60), 60), 'confirm')
})

test('sets that come just before each look are not blamed for what the kernel was not brought to yet', () => {
  let losses = noLosses
  const look = (seconds: number, followedAt: number, due?: string): string => {
    const now = seconds * 1_000
    const kernel: Broken = { check: 'kernel', detail: 'lost', ...(due === undefined ? {} : { due }) }
    losses = noteLosses(losses, [kernel], { now, followedAt: followedAt * 1_000, elapsedMs: now })
    return judgeTrial(first, now, losses, windows).verdict
  }
  for (let seconds = 5; seconds <= 60; seconds += 5) assert.is(look(seconds, seconds - 1, `${seconds}`), 'wait')
  // What never is brought to it, and what refuses one after the other, is.
  assert.equal(
    [80, 90, 100].map((seconds) => look(seconds, 64, '64')),
    ['wait', 'wait', 'take-back'],
  )
  losses = noLosses
  assert.equal(
    [5, 15, 25, 35].map((seconds) => look(seconds, seconds - 1)),
    ['wait', 'wait', 'wait', 'take-back'],
  )
})

test('a loss late in a long watch is none before it has lasted: a hub may restart at any time', () => {
  const second: Trial = { attempt: 2, starts: 1, suspects: ['peers'] }
  const look = (losses: readonly Lost[], seconds: number, ...broken: readonly Check[]): readonly Lost[] =>
    noteLosses(losses, lost(...broken), { now: seconds * 1_000, followedAt: 0, elapsedMs: seconds * 1_000 })
  const judge = (losses: readonly Lost[], seconds: number): string =>
    judgeTrial(second, seconds * 1_000, losses, windows).verdict
  const away = look(look(noLosses, 200, 'peers'), 205, 'peers', 'hub')
  assert.is(judge(away, 205), 'wait')
  assert.is(judge(look(away, 210, 'peers'), 210), 'wait', 'the hub is back')
  assert.is(judge(look(look(away, 210, 'peers', 'hub'), 215, 'peers', 'hub'), 215), 'take-back')
})

test('peers and relays have the time to take the revision back themselves', () => {
  assert.equal([at({}, 60, 'peers'), at({}, 60, 'relays')], ['wait', 'wait'])
  assert.equal([at({}, 75, 'peers'), at({}, 75, 'relays')], ['take-back', 'take-back'])
  assert.is(at({}, 30, 'peers', 'hub'), 'take-back')
})

test('after a restart links have the time to come up; what works is confirmed all the same', () => {
  assert.equal([at({ starts: 2 }, 119, 'hub'), at({ starts: 2 }, 120, 'hub')], ['wait', 'take-back'])
  assert.is(at({ starts: 2 }, 30), 'confirm')
})

test('the second time, what was lost at first is waited for ten minutes, and nothing else', () => {
  const second = { attempt: 2, suspects: ['hub'] } as const
  assert.equal([at(second, 599, 'hub'), at(second, 600, 'hub')], ['wait', 'take-back'])
  assert.is(at(second, 30, 'hub', 'probe'), 'take-back')
  assert.is(at(second, 30), 'confirm')
})

test('blame takes that it comes back without the revision', () => {
  const back = (attempt: 1 | 2, check: Check, seconds: number, ...broken: readonly Check[]): string =>
    judgeReturn({ attempt, failed: { check, detail: '' } }, seconds * 1_000, lost(...broken), windows)
  assert.equal([back(1, 'hub', 5, 'hub'), back(1, 'hub', 5), back(1, 'hub', 5, 'peers')], ['wait', 'blame', 'blame'])
  assert.equal([back(1, 'hub', 60, 'hub'), back(2, 'hub', 60, 'hub')], ['try-again', 'wait'])
  assert.equal([back(2, 'hub', 599), back(2, 'hub', 600, 'hub')], ['blame', 'acquit'])
  assert.equal(
    [back(1, 'restarts', 29), back(1, 'restarts', 30), back(2, 'restarts', 30)],
    ['wait', 'try-again', 'blame'],
  )
})

test('every trial ends, whatever is lost and however long', () =>
  fc.assert(
    fc.property(
      fc.subarray([...checks]),
      fc.subarray([...checks]),
      fc.integer({ min: 1, max: 2 }),
      (broken, suspects, starts) => {
        assert.is.not(at({ attempt: 2, starts, suspects }, 3_600, ...broken), 'wait')
      },
    ),
  ))

test('after some in a row that failed a newer one waits, up to half an hour', () => {
  assert.equal([0, 1, 2, 3, 4, 50].map(waitMs), [0, 0, 60_000, 120_000, 240_000, 1_800_000])
})

test.run()
