// The table of RFC 6052 §2.4, and prefixes as networks tell them.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { formatIp } from '../../shared/address/ip.ts'
import { behindNat64, isNat64Prefix, prefixFrom, throughNat64 } from './prefix.ts'

const TABLE = [
  ['2001:db8::/32', '2001:db8:c000:221::'],
  ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
  ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100::'],
  ['2001:db8:122:344::/96', '2001:db8:122:344::192.0.2.33'],
  ['64:ff9b::/96', '64:ff9b::192.0.2.33'],
] as const

test('IPv4 addresses are written into prefixes of each length as the RFC shows, and read back', () => {
  for (const [prefix, written] of TABLE) {
    const block = parseCidr(prefix)
    assert.is(throughNat64(block, '192.0.2.33' as Address), parseAddress(written))
    assert.is(behindNat64(block, parseAddress(written)), '192.0.2.33')
  }
})

test('what the translator did not make stands for nobody', () => {
  const block = parseCidr('2001:db8:122:344::/64')
  for (const other of ['2001:db8:122:344:c0:2:2100:1', '2001:db8:122:345:c0:2:2100::', '192.0.2.33']) {
    assert.is(behindNat64(block, parseAddress(other)), undefined)
  }
})

test('each address survives each prefix', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(...TABLE), (value, [prefix]) => {
      const address = formatIp({ family: 4, value: BigInt(value) }) as Address
      const block = parseCidr(prefix)
      assert.is(behindNat64(block, throughNat64(block, address)), address)
    }),
  )
})

test('a network tells its prefix by a name that has addresses of IPv4 alone', () => {
  for (const [prefix] of TABLE) {
    const block = parseCidr(prefix)
    for (const known of ['192.0.0.170', '192.0.0.171'] as const) {
      assert.is(prefixFrom([parseAddress(known), throughNat64(block, known as Address)]), block)
    }
  }
  assert.is(prefixFrom([]), undefined)
  assert.is(prefixFrom(['192.0.0.170' as Address]), undefined)
  // A resolver that answers every question with its own page.
  assert.is(prefixFrom([parseAddress('2001:db8::80')]), undefined)
})

test('prefixes of other lengths, of IPv4, and with something in the gap are none', () => {
  for (const [text, is] of [
    ['64:ff9b::/96', true],
    ['64:ff9b::/95', false],
    ['2001:db8::ff00:0:0:0/96', false],
    ['10.0.0.0/8', false],
  ] as const) {
    assert.is(isNat64Prefix(parseCidr(text)), is, text)
  }
})

test.run()
