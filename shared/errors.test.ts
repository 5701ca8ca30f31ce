// Errors as people read them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeError, HoldfastError, isHoldfastError } from './errors.ts'

test('field, message, line and remedy make one sentence after the other', () => {
  const error = new HoldfastError('invalid', 'is not a port', {
    field: 'spec.port',
    line: 7,
    remedy: 'Use 1 to 65535.',
  })
  assert.is(describeError(error), 'spec.port: is not a port (line 7). Use 1 to 65535.')
  assert.is(describeError(new HoldfastError('failed', 'it broke')), 'it broke.')
  assert.is(describeError(new HoldfastError('failed', 'It broke.', { remedy: 'Mend it.' })), 'It broke. Mend it.')
})

test('a stack trace is never shown, whatever was thrown', () => {
  assert.is(describeError(new TypeError('no such thing')), 'no such thing')
  assert.is(describeError('a word'), 'a word')
  assert.is(describeError(undefined), 'undefined')
})

test('the code tells errors apart, and the cause is kept', () => {
  const cause = new TypeError('inner')
  const error = new HoldfastError('stale', 'old', { cause })
  assert.ok(isHoldfastError(error))
  assert.ok(isHoldfastError(error, 'stale'))
  assert.not.ok(isHoldfastError(error, 'invalid'))
  assert.not.ok(isHoldfastError(cause))
  assert.is(error.cause, cause)
  assert.not.ok(Object.hasOwn(new HoldfastError('stale', 'old'), 'cause'))
})

test.run()
