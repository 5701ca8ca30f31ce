// Blocks: one text each, no host bits, and set arithmetic that agrees with counting addresses.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { faultOf, refusesPolitely } from '../fuzz.fake.ts'
import {
  addressAt,
  type Cidr,
  compareCidr,
  contains,
  hostCidr,
  maskCidr,
  overlaps,
  parseAddress,
  parseCidr,
  sizeOf,
} from './cidr.ts'
import { bitsOf, formatIp } from './ip.ts'

function block(family: 4 | 6, value: bigint, length: number): Cidr {
  const host = BigInt(bitsOf(family) - length)
  return parseCidr(`${formatIp({ family, value: (value >> host) << host })}/${length}`)
}

/** Blocks of both families that often meet: they differ in a few low bits only. */
const cidr: fc.Arbitrary<Cidr> = fc
  .record({ six: fc.boolean(), value: fc.bigInt({ min: 0n, max: 63n }), short: fc.nat(6) })
  .map(({ six, value, short }) =>
    block(six ? 6 : 4, (six ? 0xfdn << 120n : 10n << 24n) + value, (six ? 128 : 32) - short),
  )

function members(one: Cidr): Set<string> {
  return new Set(Array.from({ length: Number(sizeOf(one)) }, (_, i) => addressAt(one, BigInt(i))))
}

test('contains and overlaps agree with the sets of addresses', () => {
  fc.assert(
    fc.property(cidr, cidr, (a, b) => {
      const [x, y] = [members(a), members(b)]
      assert.is(
        contains(a, b),
        [...y].every((address) => x.has(address)),
      )
      assert.is(
        overlaps(a, b),
        [...y].some((address) => x.has(address)),
      )
      assert.is(overlaps(a, b), overlaps(b, a))
    }),
  )
})

test('a block survives its text; its addresses are its own', () => {
  fc.assert(
    fc.property(cidr, (one) => {
      assert.is(parseCidr(one), one)
      for (const address of members(one)) assert.ok(contains(one, hostCidr(parseAddress(address))))
      assert.is(faultOf(() => addressAt(one, sizeOf(one))).code, 'exhausted')
      assert.is(faultOf(() => addressAt(one, -1n)).code, 'exhausted')
    }),
  )
})

test('order is total: IPv4 first, then by number, then the wider block', () => {
  fc.assert(
    fc.property(cidr, cidr, (a, b) => {
      assert.is(Math.sign(compareCidr(a, b)) + Math.sign(compareCidr(b, a)), 0)
      assert.is(compareCidr(a, b) === 0, a === b)
    }),
  )
  const sorted = ['10.0.0.0/8', '10.0.0.0/9', '10.1.0.0/16', 'fd00::/8', 'fd00::/64'].map(parseCidr)
  assert.equal([...sorted].toReversed().sort(compareCidr), sorted)
})

test('the widest and the narrowest blocks work', () => {
  assert.is(sizeOf(parseCidr('0.0.0.0/0')), 2n ** 32n)
  assert.is(sizeOf(parseCidr('::/0')), 2n ** 128n)
  assert.ok(contains(parseCidr('::/0'), parseCidr('ffff::/16')))
  assert.not.ok(overlaps(parseCidr('0.0.0.0/0'), parseCidr('::/0')))
  assert.is(addressAt(parseCidr('::/0'), 2n ** 128n - 1n), 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
  assert.is(hostCidr(parseAddress('fd00::1')), 'fd00::1/128')
})

test('host bits are a mistake, and the error says what was probably meant', () => {
  const fault = faultOf(() => parseCidr('10.1.2.3/8'))
  assert.is(fault.code, 'invalid')
  assert.is(fault.remedy, 'Write 10.0.0.0/8.')
})

test('Kubernetes drops host bits, and takes no other text for a block than we do', () => {
  assert.is(maskCidr('10.1.2.3/8'), '10.0.0.0/8')
  assert.is(maskCidr('FD00::7:1/64'), 'fd00::/64')
  for (const text of ['', '10.0.0.1', '10.0.0.1/', '10.0.0.1/33', 'fd00::1/129', '10.0.0.1/08', '10.0.0.1/8/8'])
    assert.is(faultOf(() => maskCidr(text)).code, 'invalid', text)
})

for (const text of ['', '10.0.0.0', '10.0.0.0/', '/8', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/08', '10.0.0.0/-1']) {
  test(`"${text}" is no block`, () => assert.is(faultOf(() => parseCidr(text)).code, 'invalid'))
}

test('whatever the text, the answer is a canonical block or a polite refusal', () => {
  refusesPolitely(fc.stringMatching(/^[0-9a-f:.]{0,20}\/?[0-9/]{0,5}$/), (text) => {
    const one = parseCidr(text)
    assert.is(parseCidr(one), one)
  })
})

test.run()
