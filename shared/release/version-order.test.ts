// The order of versions.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareRelease } from './version-order.ts'

test('the example of Semantic Versioning §11 is in order, both ways', () => {
  const rising = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.9',
    '1.0.10',
    '1.2.0',
    '2.0.0',
  ]
  for (const [at, a] of rising.entries()) {
    for (const [other, b] of rising.entries()) assert.is(compareRelease(a, b), Math.sign(at - other), `${a} ${b}`)
  }
})

test('builds of one version are neither older nor newer', () => {
  assert.is(compareRelease('0.1.0+abc', '0.1.0+def'), 0)
  assert.is(compareRelease('0.1.0+abc', '0.1.0'), 0)
  assert.is(compareRelease('0.1.0+zzz', '0.2.0+aaa'), -1)
})

test('what is no version has no order', () => {
  assert.is(compareRelease('dev', '1.0.0'), undefined)
  assert.is(compareRelease('1.0.0', '1.0'), undefined)
})

test.run()
