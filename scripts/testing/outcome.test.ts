// The closing line is what programs read, and a skip without a reason is a lie by omission.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ChildResult } from './child.ts'
import { asOneTest, asSkipped, asTestFile, closing, sum } from './outcome.ts'

const ended = (code: number | undefined, output = ''): ChildResult => ({
  code,
  signal: code === undefined ? 'SIGKILL' : undefined,
  timedOut: code === undefined,
  output,
  elapsedMs: 1_000,
})

test('a program is one test: passed, failed, or skipped with a reason', () => {
  assert.equal(sum([asOneTest('a', ended(0))]), { passed: 1, failed: 0, skipped: 0 })
  assert.equal(sum([asOneTest('a', ended(1))]), { passed: 0, failed: 1, skipped: 0 })
  assert.equal(sum([asOneTest('a', ended(undefined))]), { passed: 0, failed: 1, skipped: 0 })
  assert.equal(sum([asOneTest('a', ended(77, 'skip: no KVM\n'))]), { passed: 0, failed: 0, skipped: 1 })
  assert.equal(sum([asOneTest('a', ended(77))]), { passed: 0, failed: 1, skipped: 0 })
})

test('what is skipped is told with its reason, and the last line is the sum', () => {
  const file = asTestFile('x.test.ts', ended(1, '\n  Total:     3\n  Passed:    2\n  Skipped:   0\n'))
  const lines = closing([file, asSkipped('lab', 'needs root'), asOneTest('types', ended(0))]).split('\n')
  assert.is(lines.at(-2), '3 passed, 1 failed, 1 skipped')
  assert.ok(lines.includes('skipped  lab: needs root'))
  assert.ok(lines.includes('failed   x.test.ts'))
})

test('a time limit is named as the cause', () => {
  assert.match(asOneTest('slow', ended(undefined)).output, /did not end within its time limit \(1 s\)/)
})

test.run()
