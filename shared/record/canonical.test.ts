// One value, one byte string: the form that is hashed and signed may never change and never be read two ways.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromUtf8, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { anyText, attempt, faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { encodeCanonical, encodeCanonicalText, parseCanonical } from './canonical.ts'

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    anyText,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 6 }), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

/** The same members in another order, all the way down. */
function reversed(one: unknown): unknown {
  if (Array.isArray(one)) return one.map(reversed)
  if (typeof one !== 'object' || one === null) return one
  return Object.fromEntries(
    Object.entries(one)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  )
}

test('golden bytes: a change here breaks every signature in the field', () => {
  const text = encodeCanonicalText({
    z: [1, -1, 0, -0, Number.MAX_SAFE_INTEGER],
    a: { é: 'é', '\u{1F600}': null, B: true, b: false, '': undefined, '10': 'ten', '9': 'nine' },
    text: 'q"\\/\n\u0001\u2028\u007f',
  })
  assert.is(
    text,
    '{"a":{"10":"ten","9":"nine","B":true,"b":false,"é":"é","\u{1F600}":null},' +
      '"text":"q\\"\\\\/\\n\\u0001\u2028\u007f","z":[1,-1,0,0,9007199254740991]}',
  )
  assert.equal([...encodeCanonical({ é: 1 })], [0x7b, 0x22, 0xc3, 0xa9, 0x22, 0x3a, 0x31, 0x7d])
})

test('reading what was written gives the value back, whatever the order of its members', () => {
  fc.assert(
    fc.property(value, (one) => {
      const bytes = encodeCanonical(one)
      assert.is(fromUtf8(encodeCanonical(reversed(one))), fromUtf8(bytes))
      assert.is(fromUtf8(encodeCanonical(parseCanonical(bytes, bytes.length))), fromUtf8(bytes))
    }),
  )
})

test('bytes that are read are canonical to the last one', () => {
  fc.assert(
    fc.property(hostileBytes(encodeCanonical({ a: [1, { b: 'text' }], c: null, d: -7 })), (bytes) => {
      const found = attempt(() => parseCanonical(bytes, 1_000))
      if (!(found instanceof HoldfastError)) assert.equal([...encodeCanonical(found)], [...bytes])
    }),
    { numRuns: 2_000 },
  )
})

for (const text of [
  '',
  ' 1',
  '1 ',
  '1.0',
  '1.5',
  '1e2',
  '-0',
  '01',
  '9007199254740992',
  '1e400',
  'NaN',
  '{"b":1,"a":2}',
  '{"a":1,"a":1}',
  '{"a": 1}',
  '"\\u0061"',
  '"\\/"',
  '"\\ud800"',
  '[1,]',
  '[1]x',
  '\uFEFF1',
  'undefined',
]) {
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.is(faultOf(() => parseCanonical(utf8(text), 1_000)).code, 'invalid')
  })
}

test('what has no canonical form is refused rather than written as something else', () => {
  const odd = [1.5, Number.NaN, 2 ** 53, '\ud800', undefined, 1n, Symbol.iterator, () => 1, new Map(), new Date(0)]
  for (const one of [...odd, new Uint8Array(2), [undefined], Array.from({ length: 1 })]) {
    assert.is(faultOf(() => encodeCanonical({ one: [one] })).code, 'invalid')
  }
})

test('a key named __proto__ is a key, and changes no prototype', () => {
  const bytes = utf8('{"__proto__":{"polluted":1}}')
  const found = parseCanonical(bytes, 100) as Record<string, unknown>
  assert.ok(Object.hasOwn(found, '__proto__'))
  assert.is((found as { polluted?: unknown }).polluted, undefined)
  assert.is(({} as { polluted?: unknown }).polluted, undefined)
  assert.equal([...encodeCanonical(found)], [...bytes])
})

test('nesting is bounded before it costs anything, and brackets in text are no nesting', () => {
  const nested = (depth: number): Uint8Array => utf8(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  assert.ok(parseCanonical(nested(33), 100))
  for (const bytes of [nested(34), nested(1_000_000), utf8('{"a":'.repeat(1_000_000)), utf8('['.repeat(4_000_000))]) {
    assert.is(faultOf(() => parseCanonical(bytes, bytes.length)).code, 'too-large')
  }
  const text = JSON.stringify(`${'['.repeat(100)}"${'['.repeat(100)}\\`)
  assert.is(parseCanonical(utf8(text), 1_000), JSON.parse(text))
  let deep: unknown = 1
  for (let i = 0; i < 100_000; i++) deep = [deep]
  assert.is(faultOf(() => encodeCanonical(deep)).code, 'too-large')
})

test('the bound on bytes comes first', () => {
  assert.is(faultOf(() => parseCanonical(utf8('"aaaa"'), 5)).code, 'too-large')
  assert.is(parseCanonical(utf8('"aaa"'), 5), 'aaa')
  assert.is(faultOf(() => parseCanonical(concat(utf8('"'), Uint8Array.of(0xff), utf8('"')), 9)).code, 'invalid')
})

test('noise is refused politely', () => {
  refusesPolitely(fc.uint8Array({ maxLength: 100 }), (bytes) => parseCanonical(bytes, 100))
  refusesPolitely(fc.json().map(utf8), (bytes) => parseCanonical(bytes, 10_000))
})

test.run()
