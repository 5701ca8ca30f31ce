// Figures as people read them: a few of many are neither none nor all, and spans read alike wherever they stand.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lifeText, shareText } from './words.ts'

test('a few of many are not said to be none, and nearly all not to be all', () => {
  assert.is(shareText(3, 2_000), 'under 1 %')
  assert.is(shareText(1_995, 2_000), 'over 99 %')
  assert.is(shareText(0, 2_000), '0 %')
  assert.is(shareText(2_000, 2_000), '100 %')
  assert.is(shareText(1, 3), '33 %')
})

test('a life as the hub takes it has its unit apart, as all figures have', () => {
  assert.is(lifeText('20m'), '20\u00a0min')
  assert.is(lifeText('24h'), '24\u00a0h')
  assert.is(lifeText('7d'), '7\u00a0d')
})

test.run()
