// The audit log as it is asked for and read on: what is typed is what the hub is asked, and no row is shown twice or passed over.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuditEntry } from '../../audit.ts'
import { type AuditPage, auditPath, filterOf, wholeLog, withNewest } from './audit.ts'

const row = (id: number): AuditEntry => ({ id, at: id, actor: 'anna', verb: 'put', target: 'Node/a', detail: '' })
const page = (from: number, to: number, next?: number): AuditPage => {
  const items = Array.from({ length: from - to + 1 }, (_, at) => row(from - at))
  return { items, ...(next === undefined ? {} : { next }) }
}
const idsOf = ({ items }: AuditPage): readonly number[] => items.map(({ id }) => id)

test('only what was typed is asked for, and a day is meant whole', () => {
  assert.is(auditPath(wholeLog, 100), '/api/v1/audit?limit=100')
  const filter = { actor: ' anna ', verb: 'put', target: 'Policy/', from: '2026-03-01', to: '2026-03-01' }
  const asked = new URL(auditPath(filter, 50, 77), 'https://hub').searchParams
  assert.equal(
    ['actor', 'verb', 'target', 'limit', 'before'].map((name) => asked.get(name)),
    ['anna', 'put', 'Policy/', '50', '77'],
  )
  const [since, until] = [Number(asked.get('since')), Number(asked.get('until'))]
  assert.is(new Date(since).toString().slice(4, 24), 'Mar 01 2026 00:00:00')
  assert.is(new Date(until).toString().slice(4, 24), 'Mar 01 2026 23:59:59')
})

test('a date that is half typed, and what an address says beside it, are left out', () => {
  const filter = filterOf(new URLSearchParams('from=2026-3&to=yesterday&actor=anna&role=admin'))
  assert.is(auditPath(filter, 10), '/api/v1/audit?limit=10&actor=anna')
})

test('what is written meanwhile comes in front; a row is there once', () => {
  const held = withNewest(page(9, 7, 7), undefined)
  const more: AuditPage = { items: [...held.items, ...page(6, 4, 4).items], next: 4 }
  const after = withNewest(page(11, 9, 9), more)
  assert.equal([idsOf(after), after.next], [[11, 10, 9, 8, 7, 6, 5, 4], 4])
})

test('where more was written than a page holds, older rows are read again rather than shown with a gap', () => {
  const after = withNewest(page(30, 28, 28), page(9, 4, 4))
  assert.equal([idsOf(after), after.next], [[30, 29, 28], 28])
})

test('a newest page that is the whole log stands for itself', () => {
  assert.equal(idsOf(withNewest(page(3, 1), page(2, 1))), [3, 2, 1])
  assert.equal(idsOf(withNewest({ items: [] }, page(2, 1))), [])
})

test.run()
