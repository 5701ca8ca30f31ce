// Conditions of the host begin once, keep their beginning, and end.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { createFindings } from './findings.ts'
import { resolveName } from './resolve.ts'

test('a condition that lasts keeps its beginning; one that ends is gone', () => {
  const clock = new FakeClock(1_000)
  const findings = createFindings(clock)
  findings.set('hub-certificate-expired', true)
  clock.advance(5_000)
  findings.set('hub-certificate-expired', true)
  assert.equal(findings.list(), [{ code: 'hub-certificate-expired', since: 1_000 }])
  findings.set('hub-certificate-expired', false)
  assert.equal(findings.list(), [])
})

test('names resolve by the host’s resolver; what has no address is unreachable', async () => {
  assert.ok((await resolveName('localhost')).some((address) => address === '127.0.0.1' || address === '::1'))
  // A label is 63 characters at most (RFC 1035), so no resolver is asked.
  const error = await resolveName(`${'a'.repeat(64)}.invalid`).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'unreachable'))
})

test.run()
