// Whence a connection comes that was passed on: read as it was written, whatever it is cut into, and nothing else.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatIp } from '../address/ip.ts'
import { concat, toHex, utf8 } from '../bytes.ts'
import { encodeProxyHeader, plainAddress, proxyHeaderBytesMax, readProxyHeader } from './proxy-header.ts'

const ip4 = fc.nat(0xffff_ffff).map((value) => formatIp({ family: 4, value: BigInt(value) }))
const ip6 = fc.bigInt(1n << 64n, (1n << 128n) - 1n).map((value) => formatIp({ family: 6, value }))

test('the bytes of the specification', () => {
  const header = encodeProxyHeader({ source: '192.0.2.7', sourcePort: 0xabcd, target: '198.51.100.1', targetPort: 443 })
  assert.is(toHex(header), `0d0a0d0a000d0a515549540a2111000cc0000207c6336401abcd01bb`)
})

test('what is written reads back, with whatever follows it, and not before it is whole', () => {
  fc.assert(
    fc.property(fc.oneof(ip4, ip6), fc.oneof(ip4, ip6), fc.uint8Array({ maxLength: 20 }), (source, target, rest) => {
      const header = encodeProxyHeader({ source, sourcePort: 1, target, targetPort: 2 })
      assert.equal(readProxyHeader(concat(header, rest)), { length: header.length, source })
      for (let cut = 0; cut < header.length; cut++) assert.is(readProxyHeader(header.subarray(0, cut)), 'more')
    }),
  )
})

test('an end that is not known is told as none', () => {
  const header = encodeProxyHeader({ source: 'unknown', sourcePort: 0, target: '192.0.2.1', targetPort: 443 })
  assert.equal(readProxyHeader(header), { length: 16, source: undefined })
})

test('TLS, HTTP, the older text form and lengths beyond reason are no header', () => {
  const header = encodeProxyHeader({ source: '192.0.2.7', sourcePort: 1, target: '192.0.2.8', targetPort: 2 })
  const bent = (at: number, value: number): Uint8Array => header.with(at, value)
  const junk = [
    Uint8Array.of(0x16, 3, 1),
    utf8('GET / HTTP/1.1\r\n'),
    utf8('PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n'),
    bent(12, 0x11),
    bent(14, 0xff),
    // Too short for the addresses it announces.
    bent(15, 4),
  ]
  for (const bytes of junk) assert.is(readProxyHeader(bytes), 'none', toHex(bytes))
  assert.is(readProxyHeader(concat(header.subarray(0, 14), Uint8Array.of(2, 0), new Uint8Array(512))) === 'none', false)
  assert.is(proxyHeaderBytesMax, 528)
})

test('addresses are told as people write them', () => {
  assert.is(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
  assert.is(plainAddress('fe80::1%eth0'), 'fe80::1')
  assert.is(plainAddress('2001:db8::1'), '2001:db8::1')
})

test('no bytes break it', () => {
  const header = encodeProxyHeader({ source: '2001:db8::1', sourcePort: 1, target: '192.0.2.8', targetPort: 2 })
  fc.assert(
    fc.property(fc.nat(header.length - 1), fc.nat(255), (at, value) => {
      const read = readProxyHeader(header.with(at, value))
      assert.ok(read === 'none' || read === 'more' || read.length <= proxyHeaderBytesMax)
    }),
  )
})

test.run()
