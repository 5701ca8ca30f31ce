// Prefixes of port ranges, and numbers of texts.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { numbersFor } from './numbers.ts'
import { prefixesOf } from './port-space.ts'

const range = fc.tuple(fc.nat(65_535), fc.nat(65_535)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)

test('prefixes cover their range, once, in order, and nothing else', () => {
  fc.assert(
    fc.property(range, ([from, to]) => {
      let next = from
      for (const { bits, port } of prefixesOf(from, to)) {
        const size = 2 ** (16 - bits)
        assert.is(port, next)
        assert.is(port % size, 0)
        next += size
      }
      assert.is(next, to + 1)
      assert.ok(prefixesOf(from, to).length <= 30)
    }),
  )
})

for (const [from, to, expected] of [
  [0, 65_535, '0/0'],
  [80, 80, '80/16'],
  [1, 2, '1/16 2/16'],
  [8000, 8999, '8000/10 8064/9 8192/7 8704/8 8960/11 8992/13'],
  [32_768, 65_535, '32768/1'],
] as const) {
  test(`${from} to ${to}`, () => {
    const text = prefixesOf(from, to).map(({ bits, port }) => `${port}/${bits}`)
    assert.is(text.join(' '), expected)
  })
}

test('a number follows from its text, whatever else is there', () => {
  const one = numbersFor(['a', 'b']).get('a')
  assert.is(numbersFor(['c', 'a']).get('a'), one)
  assert.ok(one !== undefined && one >= 16 && one <= 0xffffffff)
})

test('numbers that collide give way in the order of texts, past the last one and the reserved', () => {
  const numbers = numbersFor(['c', 'a', 'b'], () => 0xffffffff)
  assert.equal(
    ['a', 'b', 'c'].map((text) => numbers.get(text)),
    [0xffffffff, 16, 17],
  )
})

test.run()
