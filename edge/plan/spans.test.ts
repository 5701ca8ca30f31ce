// Spans say of every number what the narrowest block around it says, in order and without touching neighbours of one value.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Span, spansOf } from './spans.ts'

/** Prefixes of eight bits, each once. */
const prefixes = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 8 })), {
    maxLength: 24,
    selector: ([base, bits]) => `${base >> (8 - bits)} ${bits}`,
  })
  .chain((list) =>
    fc.array(fc.constantFrom('a', 'b'), { minLength: list.length, maxLength: list.length }).map((values) =>
      list.map(([base, bits], at): Span<string> => {
        const size = 1 << (8 - bits)
        const first = base - (base % size)
        return { first: BigInt(first), last: BigInt(first + size - 1), value: values[at] ?? 'a' }
      }),
    ),
  )

function around(blocks: readonly Span<string>[], number: bigint): string | undefined {
  const found = blocks.filter(({ first, last }) => first <= number && number <= last)
  return found.sort((a, b) => Number(a.last - a.first - (b.last - b.first)))[0]?.value
}

test('every number has the value of its narrowest block, and neighbours differ', () => {
  fc.assert(
    fc.property(prefixes, (blocks) => {
      const spans = spansOf(blocks)
      for (let number = 0n; number < 256n; number++) assert.is(around(spans, number), around(blocks, number))
      for (const [at, { first, last, value }] of spans.entries()) {
        const before = spans[at - 1]
        assert.ok(first <= last)
        if (before === undefined) continue
        assert.ok(before.last < first)
        assert.not(before.last + 1n === first && before.value === value, 'neighbours of one value are one')
      }
    }),
  )
})

test.run()
