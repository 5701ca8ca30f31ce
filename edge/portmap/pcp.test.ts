// Messages of PCP and NAT-PMP, byte by byte as RFC 6887 and RFC 6886 draw them, and whatever else may come instead.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { toBase64, toHex } from '../../shared/bytes.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { hasForgotten } from './epoch.ts'
import { encodeAddressRequest, encodeUdpMapRequest, natPmpResultText, parseNatPmpAnswer } from './nat-pmp.ts'
import { encodeAnnounceRequest, encodeMapRequest, parsePcpAnswer, pcpResultText } from './pcp.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
const LOCAL = '192.168.1.5' as Address
const NONCE = toBase64(hex('000102030405060708090a0b'))

const MAPPED = hex(`
  02810000 00001c20 000004d2 000000000000000000000000
  000102030405060708090a0b 11000000 ca6c ca6d 00000000000000000000ffffcb007104`)
const ADDRESS = hex('00800000 000004d2 cb007104')
const MAPPING = hex('00810000 000004d2 ca6c ca6d 00001c20')

test('a request to map UDP', () => {
  const ports = { internalPort: 51_820, externalPort: 51_821 }
  const request = encodeMapRequest({ local: LOCAL, nonce: NONCE, ...ports, lifetimeS: 7_200 })
  assert.is(
    toHex(request),
    toHex(
      hex(`
  02010000 00001c20 00000000000000000000ffffc0a80105
  000102030405060708090a0b 11000000 ca6c ca6d 00000000000000000000ffff00000000`),
    ),
  )
  assert.is(toHex(encodeAnnounceRequest(LOCAL)), '020000000000000000000000000000000000ffffc0a80105')
  const six = encodeAnnounceRequest('fd00::5' as Address)
  assert.is(toHex(six.subarray(8)), 'fd000000000000000000000000000005')
})

test('an answer, and one without an address', () => {
  const answer = parsePcpAnswer(MAPPED)
  const map = { nonce: NONCE, internalPort: 51_820, externalPort: 51_821, external: '203.0.113.4' }
  assert.equal(answer, { opcode: 1, result: 0, lifetimeS: 7_200, epochS: 1_234, map })
  for (const none of ['00000000000000000000ffff00000000', '00000000000000000000000000000000']) {
    const bytes = MAPPED.slice()
    bytes.set(hex(none), 44)
    assert.is(parsePcpAnswer(bytes)?.map?.external, undefined)
  }
  const six = MAPPED.slice()
  six.set(hex('20010db8000000000000000000000001'), 44)
  assert.is(parsePcpAnswer(six)?.map?.external, '2001:db8::1')
})

test('what is no answer of PCP', () => {
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = MAPPED.slice()
    bytes[at] = value
    return bytes
  }
  assert.is(parsePcpAnswer(changed(0, 1)), undefined, 'another version')
  assert.is(parsePcpAnswer(changed(1, 1)), undefined, 'a request')
  assert.is(parsePcpAnswer(changed(36, 6)), undefined, 'TCP')
  for (let length = 0; length < MAPPED.length; length++)
    assert.is(parsePcpAnswer(MAPPED.subarray(0, length)), undefined)
  const refused = changed(3, 2)
  assert.is(parsePcpAnswer(refused.subarray(0, 24))?.result, 2, 'a refusal may be short')
  assert.match(pcpResultText(2), /nobody/)
  assert.is(pcpResultText(99), 'result 99')
})

test('NAT-PMP', () => {
  assert.is(toHex(encodeAddressRequest()), '0000')
  const ports = { internalPort: 51_820, externalPort: 51_821, lifetimeS: 7_200 }
  assert.is(toHex(encodeUdpMapRequest(ports)), '00010000ca6cca6d00001c20')
  const external = '203.0.113.4'
  assert.equal(parseNatPmpAnswer(ADDRESS), { about: 'address', result: 0, epochS: 1_234, external })
  assert.equal(parseNatPmpAnswer(MAPPING), { about: 'mapping', result: 0, epochS: 1_234, mapping: ports })
  assert.equal(parseNatPmpAnswer(hex('00810002 00000007')), { about: 'mapping', result: 2, epochS: 7 })
  assert.equal(parseNatPmpAnswer(hex('00800000 00000007 00000000')), { about: 'address', result: 0, epochS: 7 })
  assert.is(parseNatPmpAnswer(hex('00820000 00000007 00000000')), undefined, 'about TCP')
  assert.is(parseNatPmpAnswer(hex('00810000 00000007')), undefined, 'well, and nothing said')
  assert.match(natPmpResultText(3), /no connection/)
  assert.is(natPmpResultText(99), 'result 99')
})

test('hostile answers never throw, and name only addresses and ports that are some', () => {
  for (const valid of [MAPPED, ADDRESS, MAPPING]) {
    fc.assert(
      fc.property(hostileBytes(valid), (bytes) => {
        const pcp = parsePcpAnswer(bytes)
        const older = parseNatPmpAnswer(bytes)
        assert.ok(pcp === undefined || older === undefined, 'never both')
        for (const port of [pcp?.map?.externalPort ?? 0, older?.mapping?.externalPort ?? 0]) {
          assert.ok(port >= 0 && port <= 65_535)
        }
      }),
      { numRuns: 1_000 },
    )
  }
})

test('a count that went back, or runs otherwise than ours, began anew', () => {
  const before = { epochS: 1_000, atMs: 5_000_000 }
  const after = (seconds: number, epochS: number): boolean =>
    hasForgotten(before, { epochS, atMs: before.atMs + seconds * 1_000 })
  assert.equal(
    [after(0, 1_000), after(60, 1_060), after(60, 1_058), after(3_600, 4_500), after(0, 999)],
    Array(5).fill(false),
  )
  assert.equal([after(1, 0), after(60, 990), after(3_600, 3_000), after(3_600, 6_000)], Array(4).fill(true))
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10 ** 6 }),
      fc.double({ min: -0.05, max: 0.05, noNaN: true }),
      (seconds, drift) => {
        assert.is(after(seconds, 1_000 + Math.floor(seconds * (1 + drift))), false)
      },
    ),
  )
})

test.run()
