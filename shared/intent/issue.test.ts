// What people are told of a misfit.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { HoldfastError } from '../errors.ts'
import { integer, selector } from './field.ts'
import { parseWith } from './resource.ts'

const schema = v.strictObject({
  word: v.optional(v.string()),
  count: v.optional(integer(2, 9)),
  flag: v.optional(v.boolean()),
  list: v.optional(v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(2))),
  inner: v.optional(v.strictObject({ must: v.number() })),
  choice: v.optional(v.picklist(['red', 'green'])),
  only: v.optional(v.literal('this')),
  selector: v.optional(selector),
})

for (const [input, field, message, remedy] of [
  [{ colour: 1 }, 'colour', 'is not a known field', /Remove it/],
  [{ inner: {} }, 'inner.must', 'is missing', /Add it/],
  [{ word: 7 }, 'word', 'is 7 where text is expected', /quotes/],
  [{ word: null }, 'word', 'is null where text is expected', /quotes/],
  [{ count: '7' }, 'count', 'is "7" where a number is expected', /without quotes/],
  [{ count: 1 }, 'count', 'is 1; at least 2 is expected', /Use 2 or more/],
  [{ count: 10 }, 'count', 'is 10; at most 9 is expected', /Use 9 or less/],
  [{ count: 2.5 }, 'count', 'is 2.5; a whole number is expected', /fraction/],
  [{ flag: 'yes' }, 'flag', 'is "yes" where true or false is expected', /true or false/],
  [{ list: [] }, 'list', 'is 0; a length of at least 1 is expected', /Add/],
  [{ list: ['a', 'b', 'c'] }, 'list', 'is 3; a length of at most 2 is expected', /Shorten/],
  [{ list: 'a' }, 'list', 'is "a" where a list is expected', /- item/],
  [{ list: ['a', 2] }, 'list[1]', 'is 2 where text is expected', /quotes/],
  [{ inner: 3 }, 'inner', 'is 3 where an object is expected', /key: value/],
  [{ choice: 'blue' }, 'choice', 'is "blue", which is not known here', /Use red or green\./],
  [{ only: 'that' }, 'only', 'is "that", which is not known here', /Use this\./],
  [{ selector: { matchLabels: { a: 1 } } }, 'selector.matchLabels.a', 'is 1 where text is expected', /quotes/],
  [null, undefined, 'is null where an object is expected', /key: value/],
] as const) {
  test(`${JSON.stringify(input)}: ${field} ${message}`, () => {
    try {
      parseWith(schema, input)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, HoldfastError)
      const found = error as HoldfastError
      assert.equal([found.field, found.message], [field, message])
      assert.match(found.remedy ?? '', remedy)
    }
  })
}

test('a megabyte of input is not repeated', () => {
  try {
    parseWith(schema, { choice: 'x'.repeat(1 << 20) })
    assert.unreachable()
  } catch (error) {
    assert.ok((error as Error).message.length < 300)
  }
})

test.run()
