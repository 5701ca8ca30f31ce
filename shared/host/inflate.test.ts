// Inflating within a bound.

import { deflateRawSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../errors.ts'
import { inflate } from './inflate.ts'

test('inflates what was deflated, up to the bound and not a byte beyond', () => {
  const bytes = new Uint8Array(1_000).fill(5)
  const deflated = deflateRawSync(bytes)
  assert.equal(new Uint8Array(inflate(deflated, 1_000)), bytes)
  assert.throws(
    () => inflate(deflated, 999),
    (error: unknown) => isHoldfastError(error, 'too-large'),
  )
  assert.throws(
    () => inflate(deflated.subarray(0, 4), 1_000),
    (error: unknown) => isHoldfastError(error, 'invalid'),
  )
  assert.throws(
    () => inflate(new Uint8Array([7, 7, 7]), 1_000),
    (error: unknown) => isHoldfastError(error, 'invalid'),
  )
})

test.run()
