// A bucket allows its burst, refills with time, and the table of buckets stays bounded.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { createRateLimit } from './rate-limit.ts'

test('a burst of one minute, then the steady rate', () => {
  const clock = new FakeClock()
  const limit = createRateLimit(clock, 6)
  assert.equal(
    Array.from({ length: 7 }, () => limit.take('a')),
    [true, true, true, true, true, true, false],
  )
  assert.ok(limit.exhausted('a'))
  assert.not.ok(limit.exhausted('b'))
  clock.advance(10_000)
  assert.not.ok(limit.exhausted('a'))
  assert.ok(limit.take('a'))
  assert.not.ok(limit.take('a'))
})

test('the least recently used key is forgotten when the table is full', () => {
  const limit = createRateLimit(new FakeClock(), 1, 2)
  assert.ok(limit.take('a'))
  assert.ok(limit.take('b'))
  assert.not.ok(limit.take('a'))
  assert.ok(limit.take('c'))
  assert.not.ok(limit.take('a'), 'a was used after b and is still remembered')
  assert.ok(limit.take('b'), 'b was forgotten')
})

test.run()
