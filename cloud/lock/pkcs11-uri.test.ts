// Keys on tokens by their URIs: what is read, and what is refused rather than ignored.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { isTokenKey, parseTokenKey } from './pkcs11-uri.ts'

test('a URI is told from the name of a file', () => {
  assert.ok(isTokenKey('pkcs11:object=a?module-path=/m.so'))
  assert.not(isTokenKey('pkcs11.key'))
})

test('everything that names a key is read', () => {
  const uri =
    'pkcs11:token=The%20token;object=al%C3%AFce;id=%01%aBz;type=private?module-path=/a/b.so&pin-source=file:/run/pin'
  assert.equal(parseTokenKey(uri), {
    modulePath: '/a/b.so',
    token: 'The token',
    object: 'alïce',
    id: '01ab7a',
    pinFile: '/run/pin',
  })
})

test('most of it may be absent', () => {
  const nothing = { modulePath: '/m.so', token: undefined, object: undefined, id: undefined, pinFile: undefined }
  assert.equal(parseTokenKey('pkcs11:object=a?module-path=/m.so'), { ...nothing, object: 'a' })
  assert.equal(parseTokenKey('pkcs11:id=%00?module-path=/m.so'), { ...nothing, id: '00' })
  for (const source of ['file:///p', 'file:/p', '/p', 'file:%2Fp']) {
    assert.is(parseTokenKey(`pkcs11:id=%00?module-path=/m.so&pin-source=${source}`).pinFile, '/p', source)
  }
})

for (const [uri, why] of [
  ['pkcs11:', /lacks module-path/],
  ['pkcs11:object=a', /lacks module-path/],
  ['pkcs11:token=a?module-path=/m.so', /names no key/],
  ['pkcs11:id=?module-path=/m.so', /names no key/],
  ['pkcs11:object=?module-path=/m.so', /empty/],
  ['pkcs11:object=a;object=b?module-path=/m.so', /object twice/],
  ['pkcs11:object=a;slot-id=3?module-path=/m.so', /"slot-id", which means nothing/],
  ['pkcs11:object=a?module-path=/m.so&pin-value=1234', /"pin-value", which means nothing/],
  ['pkcs11:object?module-path=/m.so', /"object", which means nothing/],
  ['pkcs11:object=%4?module-path=/m.so', /two hex digits/],
  ['pkcs11:object=a;type=cert?module-path=/m.so', /type cert/],
  ['pkcs11:object=a?module-path=m.so', /whole path/],
  ['pkcs11:object=a?module-path=/m.so&pin-source=|cat', /whole path/],
  ['pkcs11:object=a?module-path=/m%00.so', /whole path/],
  ['pkcs11:object=a?module-path=/m.so?x=y', /malformed/],
] as const) {
  test(`refused: ${uri}`, () => {
    const fault = faultOf(() => parseTokenKey(uri))
    assert.is(fault.code, 'usage')
    assert.match(fault.message, why)
    assert.match(fault.remedy ?? '', 'RFC 7512')
  })
}

test.run()
