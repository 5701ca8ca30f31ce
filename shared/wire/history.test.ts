// The past of a pair on its way from a device to a page.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type HistoryPoint, historyPoints, packHistory } from './history.ts'

const nothing = { rttUs: undefined, lossPerMille: undefined, rxBytes: undefined, txBytes: undefined }
const points: readonly HistoryPoint[] = [
  { ...nothing, ageS: 180, path: 'none' },
  { ageS: 120, path: 'relay', rttUs: 40_000, lossPerMille: 0, rxBytes: 10, txBytes: 20 },
  { ageS: 60, path: 'relay', rttUs: 41_000, lossPerMille: 16, rxBytes: 0, txBytes: 0 },
  { ...nothing, ageS: 0, path: 'lan', rxBytes: 5 },
]

test('what a device packs is what a page reads, and a path is told where it changes alone', () => {
  const packed = packHistory('beta', 60, points)
  assert.equal(packed.paths, [
    [0, 'none'],
    [1, 'relay'],
    [3, 'lan'],
  ])
  assert.equal(historyPoints(JSON.parse(JSON.stringify(packed))), points)
})

test('three hours of a pair are told in a few kilobytes', () => {
  const full = Array.from({ length: 181 }, (_, at) => ({
    ageS: 60 * (180 - at),
    path: 'direct' as const,
    rttUs: 123_456,
    lossPerMille: 16,
    rxBytes: 12_345_678,
    txBytes: 1_234_567,
  }))
  const bytes = JSON.stringify(packHistory('gateway-1', 60, full)).length
  assert.ok(bytes < 8_192, `${bytes} bytes`)
})

test('what makes no sense was not measured, and breaks nothing', () => {
  for (const answer of [undefined, null, 7, '<b>', [], {}, { agesS: 'x' }, { agesS: {} }])
    assert.equal(historyPoints(answer), [])
  const odd = { agesS: ['<b>', 1], paths: [[0, '<img>'], 7, null], rttUs: [-1, { a: 1 }], rxBytes: ['9', Infinity] }
  assert.equal(historyPoints(odd), [
    { ...nothing, ageS: 0, path: 'none' },
    { ...nothing, ageS: 1, path: 'none' },
  ])
})

test.run()
