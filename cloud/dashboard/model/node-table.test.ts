// The table of nodes: what is found, in which order it stands, and that only a screenful is ever drawn.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { csvText } from './csv.ts'
import { csvOf, everything, filterRows, labelCounts, nodeRows, sortRows, windowOf } from './node-table.ts'
import { line, rosterOf } from './roster.fake.ts'

const roster = rosterOf(
  line('till-2', { labels: { site: 'kiel', role: 'till' }, addresses: ['10.7.0.10'], rttUs: 900 }),
  line('till-1', { labels: { site: 'kiel' }, addresses: ['10.7.0.9'], health: [{ code: 'disk-full', since: 1 }] }),
  line('plc', { labels: { site: 'jena' }, state: 'offline', health: [{ code: 'no-wireguard', since: 1 }], rttUs: 100 }),
  line('new', { state: 'not-enrolled', addresses: ['10.7.0.2'] }),
)
const rows = nodeRows(roster, 2_000)
const names = (list: readonly { readonly name: string }[]): readonly string[] => list.map(({ name }) => name)

test('every word of a search must be found, wherever it stands', () => {
  assert.equal(names(filterRows(rows, { ...everything, search: ' KIEL  role=till ' })), ['till-2'])
  assert.equal(names(filterRows(rows, { ...everything, search: '10.7.0.1' })), ['till-2'])
  assert.equal(names(filterRows(rows, { ...everything, search: 'disk' })), ['till-1'])
  assert.equal(filterRows(rows, { ...everything, search: 'nowhere' }), [])
})

test('labels add up, and so do state and trouble', () => {
  assert.equal(names(filterRows(rows, { ...everything, labels: ['site=kiel', 'role=till'] })), ['till-2'])
  assert.equal(names(filterRows(rows, { ...everything, presence: 'never-seen' })), ['new'])
  assert.equal(names(filterRows(rows, { ...everything, trouble: true })), ['till-1', 'plc'])
})

test('addresses are in the order of their numbers, and what is not known comes last either way', () => {
  const by = (key: 'address' | 'rtt' | 'health' | 'name', descending = false) =>
    names(sortRows(rows, { by: key, descending }))
  assert.equal(by('address'), ['new', 'till-1', 'till-2', 'plc'])
  assert.equal(by('rtt'), ['plc', 'till-2', 'new', 'till-1'])
  assert.equal(by('rtt', true), ['till-2', 'plc', 'new', 'till-1'])
  assert.equal(by('health', true), ['plc', 'till-1', 'new', 'till-2'])
  assert.equal(by('name'), ['new', 'plc', 'till-1', 'till-2'])
})

test('labels that many share come first', () => {
  assert.equal(labelCounts(rows), [
    { label: 'site=kiel', count: 2 },
    { label: 'role=till', count: 1 },
    { label: 'site=jena', count: 1 },
  ])
})

test('a window covers what is seen, and all heights add up to the whole', () => {
  const any = fc.record({
    total: fc.nat(5_000),
    scrollTop: fc.integer({ min: -500, max: 300_000 }),
    viewport: fc.integer({ min: 0, max: 3_000 }),
  })
  fc.assert(
    fc.property(any, ({ scrollTop, total, viewport }) => {
      const rowHeight = 44
      const { above, below, end, first } = windowOf(total, { scrollTop, viewport, rowHeight })
      assert.is(above + (end - first) * rowHeight + below, total * rowHeight)
      assert.ok(first >= 0 && end <= total && first <= end)
      assert.ok(end - first <= viewport / rowHeight + 18, 'more than a screenful')
      const top = Math.min(Math.max(0, scrollTop), Math.max(0, total * rowHeight - viewport))
      assert.ok(above <= top && (end === total || above + (end - first) * rowHeight >= top + viewport), 'a gap is seen')
    }),
  )
})

test('what a spreadsheet would run is led by an apostrophe, and quotes are doubled', () => {
  const text = csvText([['=HYPERLINK("http://x")', '+1', '-1', '@a', '\tb', 'a,b', 'plain', 'two\nlines']])
  assert.is(text, `"'=HYPERLINK(""http://x"")",'+1,'-1,'@a,'\tb,"a,b",plain,"two\nlines"\r\n`)
})

test('a table for elsewhere has as many cells in each row', () => {
  const table = csvOf(rows)
  assert.is(table.length, rows.length + 1)
  assert.equal(new Set(table.map((cells) => cells.length)).size, 1)
  assert.is(table[3]?.[2], 'unreachable')
})

test.run()
