// A test runner that counts wrongly hides everything else, so its counting is tested first.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readTotals, skipReasons } from './totals.ts'

const summary = (total: number, passed: number, skipped: number): string =>
  `• • •   (${passed} / ${total})\n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  4.11ms\n\n`

test('counts what passed, failed and was skipped', () => {
  assert.equal(readTotals(summary(5, 5, 0), 0), { passed: 5, failed: 0, skipped: 0 })
  assert.equal(readTotals(summary(5, 3, 1), 1), { passed: 3, failed: 2, skipped: 1 })
})

test('a crash, a silent exit and a file without tests are failures', () => {
  assert.equal(readTotals('Error: boom', 1), { passed: 0, failed: 1, skipped: 0 })
  assert.equal(readTotals('', 0), { passed: 0, failed: 1, skipped: 0 })
  assert.equal(readTotals(summary(0, 0, 0), 0), { passed: 0, failed: 1, skipped: 0 })
})

test('a file that passes its tests and then exits non-zero is a failure', () => {
  assert.equal(readTotals(summary(2, 2, 0), 1), { passed: 2, failed: 1, skipped: 0 })
  assert.equal(readTotals(summary(2, 2, 0), undefined), { passed: 2, failed: 1, skipped: 0 })
})

test('a file may skip itself if it says why', () => {
  const output = `skip: needs root\n${summary(0, 0, 0)}`
  assert.equal(readTotals(output, 0), { passed: 0, failed: 0, skipped: 1 })
  assert.equal(readTotals(output, 1), { passed: 0, failed: 1, skipped: 0 })
  assert.equal(skipReasons(output), ['needs root'])
})

test('totals that a test prints itself do not count before the real ones', () => {
  assert.equal(readTotals(`${summary(9, 9, 0)}${summary(2, 1, 0)}`, 1), { passed: 1, failed: 1, skipped: 0 })
})

test.run()
