// How nodes are told apart, and how long it has been so: each state says of what it is the length.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../../shared/ids.ts'
import type { NodeState } from '../../hub.ts'
import { countPresences, expectedNodes, presenceOf, stayText } from './presence.ts'
import { line } from './roster.fake.ts'

const MINUTE = 60_000
const now = 100 * MINUTE
const heardOf = (at: number) => ({ by: parseName('b'), at, path: 'lan' as const })

test('who is away is autonomous as long as another node had a handshake with it of late', () => {
  assert.is(presenceOf({ state: 'offline', heardOf: heardOf(now - 9 * MINUTE) }, now), 'autonomous')
  assert.is(presenceOf({ state: 'offline', heardOf: heardOf(now - 11 * MINUTE) }, now), 'unreachable')
  assert.is(presenceOf({ state: 'offline' }, now), 'unreachable')
  assert.is(presenceOf({ state: 'offline', heardOf: { ...heardOf(now), path: 'none' } }, now), 'unreachable')
  assert.is(countPresences([line('a'), line('c', { state: 'pending' })], now).waiting, 1)
})

test('who waits to be let in, and who is disabled, are not among those that should be there', () => {
  const states = ['online', 'offline', 'pending', 'disabled', 'never-seen'] as const
  const counts = countPresences(
    states.map((state) => line(state, { state })),
    now,
  )
  assert.is(expectedNodes(counts), 3)
})

test('a length of time says what lasted so long', () => {
  const states: readonly NodeState[] = ['online', 'offline', 'pending', 'unsigned', 'never-seen', 'disabled']
  assert.equal(
    states.map((state) => stayText({ state }, '46 s')),
    [
      'Online for 46 s.',
      'Away from the hub for 46 s.',
      'Waiting for approval for 46 s.',
      'Waiting for signatures of the lock for 46 s.',
      'Joined 46 s ago, and not heard yet.',
      'Disabled by its Node.',
    ],
  )
})

test.run()
