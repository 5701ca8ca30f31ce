// What plots of a pair are drawn from.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { packHistory } from '../../../shared/wire/history.ts'
import { lossText, pastOf, samplesOf, stretchesOf } from './past.ts'

const NOW = 1_700_000_000_000
const none = { rttUs: undefined, lossPerMille: undefined, rxBytes: undefined, txBytes: undefined }
const answer = packHistory('beta', 60, [
  { ...none, ageS: 120, path: 'none' },
  { ageS: 60, path: 'relay', rttUs: 40_000, lossPerMille: 0, rxBytes: 6_000, txBytes: 60 },
  { ageS: 0, path: 'lan', rttUs: 500, lossPerMille: 16, rxBytes: 0, txBytes: 0 },
])

test('points stand at the clock of the hub, and bytes are rates', () => {
  const rows = pastOf(answer, NOW)
  assert.equal(samplesOf(rows, 'rxPerS'), [
    { at: NOW - 120_000, value: undefined },
    { at: NOW - 60_000, value: 100 },
    { at: NOW, value: 0 },
  ])
  assert.equal(
    samplesOf(rows, 'rttUs').map(({ value }) => value),
    [undefined, 40_000, 500],
  )
})

test('each path is told from when to when', () => {
  assert.equal(stretchesOf(pastOf(answer, NOW)), [
    { path: 'none', fromAt: NOW - 120_000, toAt: NOW - 60_000 },
    { path: 'relay', fromAt: NOW - 60_000, toAt: NOW },
    { path: 'lan', fromAt: NOW, toAt: NOW },
  ])
  assert.equal([pastOf('<b>', NOW), stretchesOf([])], [[], []])
})

test('no loss is another thing than none measured', () => {
  assert.equal([undefined, 0, 16, 1_000].map(lossText), ['–', '0 %', '1.6 %', '100 %'])
})

test.run()
