// Who is near: bounded, and told anew only when something changed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { base32, type NodeId } from '../../shared/ids.ts'
import { nearMax } from '../../shared/limits.ts'
import { createNearBook } from './near-book.ts'

const HERE = ['192.168.1.5:51820' as Endpoint]
const THERE = ['192.168.1.6:51820' as Endpoint]

function nodeAt(index: number): NodeId {
  const bytes = new Uint8Array(10)
  new DataView(bytes.buffer).setUint32(0, index)
  return base32(bytes, 16) as NodeId
}

test('who comes or moves is news, who stays is not', () => {
  const book = createNearBook()
  assert.ok(book.hear(nodeAt(1), HERE, 1))
  const before = book.revision()
  assert.not.ok(book.hear(nodeAt(1), HERE, 2))
  assert.is(book.revision(), before)
  assert.ok(book.hear(nodeAt(1), THERE, 3))
  assert.ok(book.revision() > before)
  assert.equal(book.near.get(nodeAt(1)), { endpoints: THERE, heardAt: 3 })
})

test('who is not wanted is forgotten, and news when he comes again', () => {
  const book = createNearBook()
  book.hear(nodeAt(1), HERE, 1)
  book.hear(nodeAt(2), HERE, 5)
  const before = book.revision()
  book.sift((_, { heardAt }) => heardAt > 2)
  assert.equal([...book.near.keys()], [nodeAt(2)])
  assert.ok(book.revision() > before)
  assert.ok(book.hear(nodeAt(1), HERE, 6))
})

test('the one that was silent longest gives way', () => {
  const book = createNearBook()
  for (let i = 0; i < nearMax; i++) book.hear(nodeAt(i), HERE, i)
  book.hear(nodeAt(0), HERE, nearMax)
  book.hear(nodeAt(nearMax), HERE, nearMax + 1)
  assert.is(book.near.size, nearMax)
  assert.ok(book.near.has(nodeAt(0)))
  assert.not.ok(book.near.has(nodeAt(1)))
})

test.run()
