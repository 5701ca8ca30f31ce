// What devices answer, as tables; whatever it is that they answer.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isPeerAnswering, resultTable } from './command-result.ts'

test('pings are told with a digit after the point, and one that is lost stands out', () => {
  const result = {
    answers: [
      { seq: 1, rttMs: 1.23456, path: 'lan' },
      { seq: 2, path: 'lan' },
    ],
    summary: {},
  }
  assert.equal(resultTable('ping', result), {
    headings: ['ping', 'answer', 'path'],
    rows: [
      ['1', '1.2 ms', 'lan'],
      ['2', { text: 'no answer', tone: 'bad' }, 'lan'],
    ],
  })
  assert.is(isPeerAnswering(result), true)
  assert.is(isPeerAnswering({ answers: [{ seq: 1, path: 'lan' }] }), false)
})

test('what a host found is told row by row', () => {
  const result = { checks: [{ check: 'NAT', found: 'none' }] }
  assert.equal(resultTable('netcheck', result)?.rows, [['NAT', 'none']])
})

test('there is no table of nothing, of a key, or of a file', () => {
  assert.is(resultTable('ping', { answers: [] }), undefined)
  assert.is(resultTable('rotate-key', { wgKey: 'k' }), undefined)
  assert.is(resultTable('bundle', { bytes: 1 }), undefined)
  assert.is(resultTable('history', {}), undefined)
})

test('an answer of any shape makes no error', () => {
  for (const result of [undefined, null, 7, 'text', [], { answers: 7 }, { answers: [null, 7, { rttMs: 'x' }] }])
    for (const kind of ['ping', 'netcheck', 'history', 'bundle', 'rotate-key'] as const) resultTable(kind, result)
  assert.equal(resultTable('ping', { answers: [{ seq: {}, rttMs: Number.NaN }] })?.rows, [
    ['-', { text: 'no answer', tone: 'bad' }, '-'],
  ])
  assert.is(isPeerAnswering({ answers: [null] }), false)
})

test.run()
