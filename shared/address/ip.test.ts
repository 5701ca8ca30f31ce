// Addresses have one text (RFC 5952), and what is not an address is refused.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { faultOf, refusesPolitely } from '../fuzz.fake.ts'
import { formatIp, type Ip, parseIp, tryParseIp } from './ip.ts'

const ip: fc.Arbitrary<Ip> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ family: 4 as const, value })),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => ({ family: 6 as const, value })),
  // Many zero groups, which random numbers hardly have.
  fc
    .array(fc.constantFrom(0n, 0n, 1n, 0xffffn), { minLength: 8, maxLength: 8 })
    .map((parts) => ({ family: 6 as const, value: parts.reduce<bigint>((value, part) => (value << 16n) | part, 0n) })),
)

test('every address survives its text, and its text is canonical', () => {
  fc.assert(
    fc.property(ip, (one) => {
      const text = formatIp(one)
      assert.equal(parseIp(text), one)
      assert.is(formatIp(parseIp(text.toUpperCase())), text)
    }),
  )
})

test('the text is what the platform prints for the same IPv6 address', () => {
  fc.assert(
    fc.property(ip, (one) => {
      if (one.family === 6) assert.is(`[${formatIp(one)}]`, new URL(`http://[${formatIp(one)}]/`).hostname)
    }),
  )
})

for (const [text, canonical] of [
  ['10.1.2.3', '10.1.2.3'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:0db8::0001', '2001:db8::1'],
  // RFC 5952 §4.2.2: one group of zero is not shortened; §4.2.3: the first of equal runs is.
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::ffff:1.2.3.4', '::ffff:102:304'],
  ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
] as const) {
  test(`${text} is ${canonical}`, () => assert.is(formatIp(parseIp(text)), canonical))
}

for (const text of [
  '',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4 ',
  '0x1.2.3.4',
  '1.2.3.-4',
  '+1.2.3.4',
  ':',
  ':::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1::2::3',
  '1:2:3:4:5:6:7::8',
  '12345::',
  'g::1',
  'fe80::1%eth0',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '1.2.3.4:80',
  '[::1]',
]) {
  test(`"${text}" is no address`, () => {
    assert.is(tryParseIp(text), undefined)
    assert.is(faultOf(() => parseIp(text)).code, 'invalid')
  })
}

test('whatever the text, the answer is an address or a polite refusal', () => {
  refusesPolitely(fc.stringMatching(/^[0-9a-f:.]{0,50}$/), (text) => {
    const found = parseIp(text)
    assert.equal(parseIp(formatIp(found)), found)
  })
  refusesPolitely(fc.string(), parseIp)
})

test.run()
