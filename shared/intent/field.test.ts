// Label selectors mean what they mean in Kubernetes.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Labels, labels, type Selector, selector, selects } from './field.ts'
import { parseWith } from './resource.ts'

const key = fc.constantFrom('a', 'b', 'example.org/role')
const value = fc.constantFrom('', 'x', 'y')
const some: fc.Arbitrary<Labels> = fc.dictionary(key, value, { noNullPrototype: true })

test('the empty selector selects everything', () => {
  fc.assert(fc.property(some, (has) => assert.ok(selects({}, has))))
})

test('matchLabels is a list of In with one value each', () => {
  fc.assert(
    fc.property(some, some, (wanted, has) => {
      const matchExpressions = Object.entries(wanted).map(([k, v]) => ({
        key: k,
        operator: 'In' as const,
        values: [v],
      }))
      assert.is(selects({ matchLabels: wanted }, has), selects({ matchExpressions }, has))
      assert.ok(selects({ matchLabels: has }, has))
    }),
  )
})

test('In and NotIn, Exists and DoesNotExist are opposites', () => {
  fc.assert(
    fc.property(some, key, fc.array(value, { minLength: 1 }), (has, k, values) => {
      const one = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'): boolean =>
        selects(
          { matchExpressions: [operator.includes('In') ? { key: k, operator, values } : { key: k, operator }] },
          has,
        )
      assert.is.not(one('In'), one('NotIn'))
      assert.is.not(one('Exists'), one('DoesNotExist'))
      assert.is(one('Exists'), k in has)
    }),
  )
})

for (const [what, wanted, has, expected] of [
  [
    'all parts must hold',
    { matchLabels: { a: 'x' }, matchExpressions: [{ key: 'b', operator: 'Exists' }] },
    { a: 'x' },
    false,
  ],
  [
    'NotIn selects what lacks the key',
    { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['x'] }] },
    {},
    true,
  ],
  ['an empty value is a value', { matchLabels: { a: '' } }, { a: '' }, true],
  ['an empty value is not absence', { matchLabels: { a: '' } }, {}, false],
  ['what objects inherit is no label', { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, {}, false],
  ['nor by value', { matchExpressions: [{ key: 'toString', operator: 'NotIn', values: ['x'] }] }, {}, true],
] as const satisfies readonly (readonly [string, Selector, Labels, boolean])[]) {
  test(what, () => assert.is(selects(parseWith(selector, wanted), has), expected))
}

test('labels are those of Kubernetes', () => {
  const good = { a: '', 'example.org/a_b.c-d': 'A.b_c-1', ['k'.repeat(63)]: 'v'.repeat(63) }
  assert.equal(parseWith(labels, good), good)
  for (const bad of ['', '-a', 'a-', 'a/b/c', 'A.org/a', '/a', 'k'.repeat(64)]) {
    assert.throws(() => parseWith(labels, { [bad]: '' }), /label key/, bad)
  }
  for (const bad of ['-', 'a ', 'ä', 'v'.repeat(64)]) {
    assert.throws(() => parseWith(labels, { a: bad }), /label value/, bad)
  }
})

test.run()
