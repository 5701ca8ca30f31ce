// What the system says of a connection that did not come to be, through all that wraps it.

import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../errors.ts'
import { ownPort } from './own-port.fake.ts'
import { troubleOf } from './trouble.ts'

function wrapped(code: string): HoldfastError {
  const cause = Object.assign(new Error(`getaddrinfo ${code} hub`), { code })
  return new HoldfastError('unreachable', 'no link', {
    cause: new HoldfastError('unreachable', 'cannot reach', { cause }),
  })
}

test('the word of the system is found at the bottom of the causes', () => {
  const codes = ['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ECONNREFUSED', 'ETIMEDOUT', 'ECONNRESET']
  assert.equal(
    codes.map((code) => troubleOf(wrapped(code))),
    ['name', 'name', 'way', 'way', 'refused', 'silent', undefined],
  )
})

test('what says nothing, and what wraps itself, is no trouble', () => {
  const loop: Error & { cause?: unknown } = new Error('round and round')
  loop.cause = loop
  for (const odd of [undefined, 'text', new Error('plain'), loop, { code: 'ENOTFOUND' }, wrapped('toString')]) {
    assert.is(troubleOf(odd), undefined)
  }
})

test('a port that nobody listens at says so', async () => {
  const [error] = (await once(connect(await ownPort(), '127.0.0.1'), 'error').catch((why: unknown) => [why])) as [
    unknown,
  ]
  assert.is(troubleOf(error), 'refused')
})

test.run()
