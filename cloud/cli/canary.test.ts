// What `apply --canary` asks for.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { canaryFrom } from './canary.ts'

const spec = (text: string, wait?: string): unknown => canaryFrom(text, wait).spec
const network = 'default'

test('a share, labels, or a share of those with labels', () => {
  assert.equal(spec('10%'), { network, percent: 10 })
  assert.equal(spec('site=north'), { network, nodes: { matchLabels: { site: 'north' } } })
  assert.equal(spec('10%,site=north,role=worker'), {
    network,
    percent: 10,
    nodes: { matchLabels: { site: 'north', role: 'worker' } },
  })
})

test('how long it has to prove itself', () => {
  assert.equal(spec('10%', '10m'), { network, percent: 10, finishAfterS: 600 })
  assert.equal(spec('10%', 'never'), { network, percent: 10 })
})

for (const [text, wait] of [
  ['', '10m'],
  ['10'],
  ['10%,20%'],
  ['100%'],
  ['0%'],
  ['10%', 'soon'],
  ['10%', '5s'],
] as const) {
  test(`"${text}" for ${wait ?? 'ever'} is refused`, () => {
    assert.throws(
      () => canaryFrom(text, wait),
      (error: unknown) => isHoldfastError(error, 'usage') || isHoldfastError(error, 'invalid'),
    )
  })
}

test.run()
