// Places in the address, there and back; what is no place leads to the overview.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { href, nodeHref, parseRoute } from './route.ts'

test('places are found again', () => {
  assert.equal(parseRoute(href('overview')).place, { page: 'overview' })
  assert.equal(parseRoute(nodeHref('a/b?c#<d>')).place, { page: 'node', name: 'a/b?c#<d>' })
  const { place, query } = parseRoute(href('nodes', { search: 'site=kiel & more' }))
  assert.equal([place, query.get('search')], [{ page: 'nodes' }, 'site=kiel & more'])
})

test('what is no place leads to the overview', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#/__proto__']) {
    assert.equal(parseRoute(hash).place, { page: 'overview' }, hash)
  }
  assert.equal(parseRoute('#/nodes/%E0%A4%A').place, { page: 'node', name: '%E0%A4%A' })
})

test.run()
