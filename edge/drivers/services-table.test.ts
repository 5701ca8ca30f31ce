// What the kernel says of who was asked for, as nft prints it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseUsed } from './services-table.ts'

const HEAD = '{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}'

function listing(elements: string): string {
  const set = `"family": "inet", "name": "used4", "table": "holdfast_services", "type": "ipv4_addr", "handle": 8`
  return `{"nftables": [${HEAD}, {"set": {${set}, "flags": ["timeout"], "timeout": 600${elements}}}]}`
}

test('who was asked for lately, and how long ago that is', () => {
  const elements =
    ', "elem": [{"elem": {"val": "10.9.0.100", "expires": 599}}, {"elem": {"val": "fd77::1", "expires": 2}}]'
  assert.equal(
    [...parseUsed(listing(elements))],
    [
      ['10.9.0.100', 1],
      ['fd77::1', 598],
    ],
  )
  assert.is(parseUsed(listing('')).size, 0)
})

test('what nft does not print is refused', () => {
  assert.throws(() => parseUsed(listing(', "elem": ["10.9.0.100"]')))
  assert.throws(() => parseUsed('[]'))
})

test.run()
