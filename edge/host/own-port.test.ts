// The port of a node that none was configured for: its own, unless others are told where to find it.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { base32, type NodeId, parseName } from '../../shared/ids.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { defaultPort, isPublic, notePublic, publicPort } from './own-port.ts'

const anyNode = fc.uint8Array({ minLength: 10, maxLength: 10 }).map((bytes) => base32(bytes, 16) as NodeId)

const me = { name: parseName('me'), nodeId: base32(new Uint8Array(10), 16) as NodeId }

test('always the same, even, within the range that is documented, and beside nothing else of the agent', () => {
  const store = new MemoryStore()
  fc.assert(
    fc.property(anyNode, fc.array(fc.integer({ min: 51_840, max: 55_935 }), { maxLength: 20 }), (node, avoid) => {
      const port = defaultPort({ name: me.name, nodeId: node }, store, avoid)
      assert.is(port, defaultPort({ name: me.name, nodeId: node }, store, avoid))
      assert.ok(port >= 51_840 && port <= 55_934 && port % 2 === 0)
      assert.not(avoid.includes(port) || avoid.includes(port + 1))
    }),
  )
})

test('ten devices behind one router hardly ever share one', () => {
  const store = new MemoryStore()
  let shared = 0
  fc.assert(
    fc.property(fc.uniqueArray(anyNode, { minLength: 10, maxLength: 10 }), (nodes) => {
      if (new Set(nodes.map((node) => defaultPort({ name: me.name, nodeId: node }, store, []))).size < nodes.length)
        shared += 1
    }),
    { numRuns: 300, seed: 1 },
  )
  assert.ok(shared < 30, `${shared} of 300`)
})

test('a public endpoint means the usual port, also at the next start, until it is taken back', () => {
  const store = new MemoryStore()
  assert.is(isPublic(me.name, store), false)
  notePublic(store, true)
  assert.is(isPublic(me.name, store), true)
  assert.is(defaultPort(me, store, []), publicPort)
  notePublic(store, false)
  assert.is.not(defaultPort(me, store, []), publicPort)
})

test('a store that was never told so goes by the record in its set', () => {
  const store = new MemoryStore()
  const put = (body: object): void => {
    const records = new Map([['node/me', utf8(JSON.stringify(body))]])
    store.saveSet({ head: new Uint8Array(1), version: { epoch: 1, revision: 1 }, put: records, del: 'all' })
  }
  put({ name: 'me' })
  assert.is(isPublic(me.name, store), false)
  put({ name: 'me', publicEndpoint: '192.0.2.1:51820' })
  assert.is(isPublic(me.name, store), true)
  notePublic(store, false)
  assert.is(isPublic(me.name, store), false)
})

test.run()
