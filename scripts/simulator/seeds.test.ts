// Ranges are read as they are written, and what is no range is refused before anything runs.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { parseSeeds } from './seeds.ts'

test('a seed, a range, and both ends of it', () => {
  assert.equal(parseSeeds('7'), [7])
  assert.equal(parseSeeds('3..5'), [3, 4, 5])
  assert.equal(parseSeeds('9..9'), [9])
})

for (const text of ['', '0', '-1', '5..3', '1..', '..5', '1...5', '1..1000000', '1.5', 'x', '1..2..3']) {
  test(`"${text}" is refused`, () => {
    assert.throws(
      () => parseSeeds(text),
      (error: unknown) => isHoldfastError(error, 'usage') && error.message.includes('--seeds'),
    )
  })
}

test.run()
