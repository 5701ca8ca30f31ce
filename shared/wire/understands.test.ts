// The header by which a device that joins says what it can be sent.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatUnderstands, parseUnderstands, understands, understandsMax, understoodWordMax } from './understands.ts'

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/)

test('words survive the way, also those of a newer agent', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: understandsMax }), (words) => {
      assert.equal(parseUnderstands(formatUnderstands(words)), words)
    }),
  )
  assert.equal(parseUnderstands(formatUnderstands(understands)), [...understands])
})

test('an older agent sends none, and what is no word counts for nothing', () => {
  for (const [header, words] of [
    [undefined, []],
    ['', []],
    [' , ,', []],
    ['Renumber', []],
    ['renumber;q=1', []],
    ['renumber renumber', []],
    [`${'a'.repeat(33)},renumber`, ['renumber']],
    [' renumber ,\tpools ', ['renumber', 'pools']],
  ] as const)
    assert.equal(parseUnderstands(header), words, header)
})

test('whatever is sent, few short words come of it', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 5_000 }), (header) => {
      const words = parseUnderstands(header)
      assert.ok(words.length <= understandsMax && words.every(({ length }) => length <= understoodWordMax))
    }),
  )
  assert.is(parseUnderstands('renumber,'.repeat(10_000)).length, understandsMax)
})

test.run()
