// Endpoints: one text each, names only where names are allowed.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { faultOf, refusesPolitely } from '../fuzz.fake.ts'
import { parseAddress } from './cidr.ts'
import { formatEndpoint, hostOf, parseEndpoint, parseNamedEndpoint, portOf } from './endpoint.ts'

test('an endpoint is its address and its port', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6()).map(parseAddress)
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      const text = formatEndpoint(host, port)
      assert.is(parseEndpoint(text), text)
      assert.is(parseNamedEndpoint(text), text)
      assert.is(hostOf(text), host)
      assert.is(portOf(text), port)
    }),
  )
})

test('names are lower-cased; addresses become canonical', () => {
  assert.is(parseNamedEndpoint('GW.Example.org:51820'), 'gw.example.org:51820')
  assert.is(parseNamedEndpoint('[2001:DB8:0::1]:1'), '[2001:db8::1]:1')
  assert.is(parseNamedEndpoint('localhost:1'), 'localhost:1')
})

for (const text of [
  '',
  '1.2.3.4',
  '1.2.3.4:0',
  '1.2.3.4:65536',
  'fd00::1:80',
  '[1.2.3.4]:80',
  '[example.org]:80',
  '[fd00::1]',
  'a:b:80',
  '1.2.3.4:+80',
  '1.2.3.4:8 0',
]) {
  test(`"${text}" is no endpoint of either kind`, () => {
    assert.is(faultOf(() => parseEndpoint(text)).code, 'invalid')
    assert.is(faultOf(() => parseNamedEndpoint(text)).code, 'invalid')
  })
}

for (const text of ['1.2.3:80', '1.2.3.256:80', 'a..b:80', '-a.b:80', 'a_b:80', `${'a'.repeat(64)}:80`, 'a.b.:80']) {
  test(`"${text}" names no host`, () => assert.is(faultOf(() => parseNamedEndpoint(text)).code, 'invalid'))
}

test('a name is no endpoint where only addresses are allowed', () => {
  assert.is(faultOf(() => parseEndpoint('gw.example.org:51820')).code, 'invalid')
})

test('whatever the text, the answer is canonical or a polite refusal', () => {
  refusesPolitely(fc.stringMatching(/^[0-9a-z:.[\]-]{0,60}:?[0-9]{0,6}$/), (text) => {
    const one = parseNamedEndpoint(text)
    assert.is(parseNamedEndpoint(one), one)
  })
})

test.run()
