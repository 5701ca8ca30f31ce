// The map as a table: sorted by what a column says, searched by every word, and whole in a spreadsheet.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TopologyLink } from '../../fleet/topology.ts'
import { foundSpots, type LinkColumn, linksCsv, sortLinks } from './link-table.ts'

const links: readonly TopologyLink[] = [
  { a: 'jena', b: 'kiel', paths: { relay: 1, direct: 4 }, rttUs: 40_000 },
  { a: 'faro', b: 'kiel', paths: { lan: 9 }, rttUs: 300 },
  { a: 'faro', b: 'jena', paths: { none: 1 } },
  { a: '', b: 'kiel', paths: { tls: 2 }, rttUs: 90_000 },
]

test('each column sorts both ways, the worst path first, what is not known last', () => {
  const keys = (by: LinkColumn, descending = false): string =>
    sortLinks(links, { by, descending })
      .map(({ a, b }) => `${a.slice(0, 1)}${b.slice(0, 1)}`)
      .join(' ')
  assert.is(keys('a'), 'k fj fk jk')
  assert.is(keys('b', true), 'k fk jk fj')
  assert.is(keys('path'), 'fj k jk fk')
  assert.is(keys('pairs', true), 'fk jk k fj')
  assert.is(keys('rtt'), 'fk jk k fj')
  assert.is(keys('rtt', true), 'k jk fk fj')
})

test('a search finds spots that have every word of it', () => {
  const spots = ['kiel-plc-1', 'kiel-till-2', 'jena-plc-1'].map((key) => ({ key, nodes: 1, online: 1 }))
  assert.is(foundSpots({ spots }, '  '), undefined)
  assert.equal([...(foundSpots({ spots }, 'PLC kiel') ?? [])], ['kiel-plc-1'])
  assert.is(foundSpots({ spots }, 'nowhere')?.size, 0)
})

test('a spreadsheet has each kind of path in a column of its own', () => {
  assert.equal(linksCsv(links).slice(0, 2), [
    ['from', 'to', 'lan', 'direct', 'relay', 'tls', 'none', 'rtt_us'],
    ['jena', 'kiel', '0', '4', '1', '0', '0', '40000'],
  ])
  assert.is(linksCsv(links)[3]?.at(-1), '')
})

test.run()
