// Endpoints in 18 bytes: as RFC 4291 maps them, and back to the same text.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import { decodeEndpoint, encodeEndpoint, endpointBytes } from './wire-endpoint.ts'

const port = fc.integer({ min: 1, max: 65_535 })
const endpoint = fc.oneof(
  fc.tuple(fc.ipV4(), port).map(([host, at]) => `${host}:${at}`),
  fc.tuple(fc.ipV6(), port).map(([host, at]) => `[${host}]:${at}`),
)

test('an IPv4 address is mapped, an IPv6 one is itself', () => {
  const bytes = encodeEndpoint(parseEndpoint('192.0.2.1:51820'))
  assert.is(toHex(bytes), '00000000000000000000ffffc0000201ca6c')
  assert.is(toHex(encodeEndpoint(parseEndpoint('[2001:db8::7]:1'))), '20010db80000000000000000000000070001')
})

test('encoding and decoding give the same endpoint', () => {
  fc.assert(
    fc.property(endpoint, (text) => {
      const one = parseEndpoint(text)
      const back = decodeEndpoint(encodeEndpoint(one))
      // A mapped address written as IPv6 is the IPv4 one.
      assert.is(back, one.startsWith('[::ffff:') ? back : one)
      assert.is(back === undefined ? undefined : decodeEndpoint(encodeEndpoint(back)), back)
    }),
  )
})

test('any bytes are an endpoint, unless the port is 0', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: endpointBytes, maxLength: endpointBytes }), (bytes) => {
      const found = decodeEndpoint(bytes)
      if (bytes[16] === 0 && bytes[17] === 0) assert.is(found, undefined)
      else assert.is(found, parseEndpoint(found ?? ''))
    }),
  )
  assert.is(decodeEndpoint(new Uint8Array(endpointBytes)), undefined)
})

test.run()
