// The mark as text: what is written is read, and nothing else is.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatMark, type Mark, parseMark } from './mark.ts'

test('what is written is read', () => {
  const mark = fc.record<Mark>({
    slot: fc.constantFrom('a', 'b'),
    starts: fc.nat(9_999),
    startsMax: fc.nat(9_999),
    seconds: fc.nat(999_999),
    late: fc.boolean(),
  })
  fc.assert(fc.property(mark, (one) => assert.equal(parseMark(formatMark(one)), { ...one })))
})

test('nothing else is', () => {
  for (const text of [
    undefined,
    '',
    'c 1 4 225',
    'a 1 4',
    'a 1 4 225 soon',
    'a -1 4 225',
    'a 1 4 225\n\n',
    'x a 1 4 225',
  ])
    assert.is(parseMark(text), undefined, text)
})

test.run()
