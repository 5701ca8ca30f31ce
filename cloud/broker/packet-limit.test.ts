// The meter finds the limit however the bytes are cut, and never objects to packets within it.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../shared/bytes.ts'
import { packetMeter } from './packet-limit.ts'

function packet(length: number): Uint8Array {
  const digits: number[] = []
  let rest = length
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    digits.push(rest > 0 ? low | 0x80 : low)
  } while (rest > 0)
  return concat(Uint8Array.of(0x30, ...digits), new Uint8Array(length).fill(0xff))
}

function feed(bytes: Uint8Array, cuts: readonly number[], limit: number): boolean {
  const within = packetMeter(() => limit)
  const edges = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  return edges.every((to) => {
    const ok = within(bytes.subarray(from, to))
    from = to
    return ok
  })
}

test('a stream passes if and only if every packet is within the limit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 8 }),
      fc.array(fc.nat(4_000), { maxLength: 12 }),
      fc.integer({ min: 1, max: 400 }),
      (lengths, cuts, limit) => {
        const passes = feed(concat(...lengths.map(packet)), cuts, limit)
        assert.is(
          passes,
          lengths.every((length) => length <= limit),
        )
      },
    ),
  )
})

test('a length of five digits is no length', () => {
  assert.not.ok(packetMeter(() => Number.MAX_SAFE_INTEGER)(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01)))
})

test.run()
