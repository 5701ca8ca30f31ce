// Overlaps found by sorting are those found by comparing each with all.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cidr, overlaps, parseCidr } from './cidr.ts'
import { formatIp } from './ip.ts'
import { nestedPairs } from './nesting.ts'

const cidr: fc.Arbitrary<Cidr> = fc
  .record({ six: fc.boolean(), value: fc.nat(63), short: fc.nat(6) })
  .map(({ six, value, short }) => {
    const base = six ? 0xfdn << 120n : 10n << 24n
    const first = base + BigInt((value >> short) << short)
    return parseCidr(`${formatIp({ family: six ? 6 : 4, value: first })}/${(six ? 128 : 32) - short}`)
  })

test('there is a pair exactly where blocks overlap, and each block that lies in another is in one', () => {
  fc.assert(
    fc.property(fc.array(cidr, { maxLength: 12 }), (blocks) => {
      const pairs = nestedPairs(blocks)
      for (const [a, b] of pairs) {
        assert.ok(a < b)
        assert.ok(overlaps(blocks[a] as Cidr, blocks[b] as Cidr))
      }
      const paired = new Set(pairs.flat())
      for (const [i, block] of blocks.entries()) {
        const meets = blocks.some((other, j) => i !== j && overlaps(block, other))
        assert.is(paired.has(i), meets)
      }
      assert.ok(pairs.length < Math.max(1, blocks.length), 'at most one pair for each block')
    }),
    { numRuns: 1_000 },
  )
})

test('the narrowest block around, sorted by position', () => {
  const blocks = ['10.0.1.0/24', '10.0.0.0/8', '10.0.0.0/16', 'fd00::/8', '10.0.1.0/24'].map(parseCidr)
  assert.equal(nestedPairs(blocks), [
    [0, 2],
    [1, 2],
    [0, 4],
  ])
})

test.run()
