// Facts: whose they are, which is newer, and how many may wait.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { type Fact, sealFact } from '../../shared/fact/fact.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { DeviceKey, NodeId } from '../../shared/ids.ts'
import { type TestDevice, testDevice } from '../link/hub.fake.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { createFactBook, type FactBook } from './fact-book.ts'

const test = suite('facts')
const a = testDevice('a', 1)
const b = testDevice('b', 2)

function factOf(device: TestDevice, boot: number, seq: number, about: NodeId = device.nodeId): Uint8Array {
  const fact: Fact = {
    node: about,
    boot,
    seq,
    candidates: [],
    observed: [],
    relays: [],
    natType: 'unknown',
    at: 1,
  }
  return sealFact(fact, device.signer, sha256)
}

function rig(...members: TestDevice[]) {
  const keys = new Map<NodeId, DeviceKey>(members.map((device) => [device.nodeId, device.deviceKey]))
  const store = new MemoryStore()
  const refused: string[] = []
  const make = (): FactBook =>
    createFactBook({
      store,
      log: memoryLog(),
      sha256,
      verify,
      keyOf: (node) => keys.get(node),
      onRefused: (detail) => void refused.push(detail),
    })
  return { book: make(), keys, make, refused, store }
}

test('the newest by boot, then by number, wins in whatever order they come', () => {
  const { book } = rig(a)
  for (const [boot, seq] of [
    [2, 1],
    [1, 9],
    [2, 3],
    [2, 2],
    [2, 3],
  ] as const) {
    book.offer(a.nodeId, factOf(a, boot, seq))
  }
  const { fact } = book.facts.get(a.nodeId) ?? {}
  assert.equal([fact?.boot, fact?.seq], [2, 3])
})

test('a fact counts only on its own node’s topic and by its own node’s key', () => {
  const { book, refused } = rig(a, b)
  book.offer(a.nodeId, factOf(b, 1, 1))
  book.offer(a.nodeId, factOf(a, 1, 1, b.nodeId))
  book.offer(a.nodeId, Uint8Array.of(1, 2, 3))
  assert.is(book.facts.size, 0)
  assert.is(refused.length, 3)
})

test('facts of strangers wait for their records, in bounded number', () => {
  const { book, keys } = rig()
  const strangers = Array.from({ length: 400 }, (_, index) => testDevice(`s${index}`, index + 10))
  for (const device of strangers) book.offer(device.nodeId, factOf(device, 1, 1))
  for (const device of strangers) keys.set(device.nodeId, device.deviceKey)
  book.membersChanged()
  assert.is(book.facts.size, 256)
  assert.ok(book.facts.has((strangers.at(-1) as TestDevice).nodeId), 'the latest are kept')
})

test('what is kept is verified again, and what left the network is dropped', () => {
  const { book, keys, make, store } = rig(a, b)
  book.offer(a.nodeId, factOf(a, 1, 1))
  book.offer(b.nodeId, factOf(b, 1, 1))
  assert.is(store.loadFacts().size, 0, 'not at once: flash wears')
  book.flush()
  store.saveFact(b.nodeId, factOf(a, 7, 7))
  const later = make()
  later.load()
  assert.equal([...later.facts.keys()], [a.nodeId])
  keys.delete(a.nodeId)
  later.membersChanged()
  later.flush()
  assert.is(store.loadFacts().size, 0)
})

test('the same fact again changes nothing and is not even verified', () => {
  const { book } = rig(a)
  const envelope = factOf(a, 1, 1)
  book.offer(a.nodeId, envelope)
  const before = book.revision()
  assert.is(book.offer(a.nodeId, envelope.slice()), undefined)
  assert.is(book.revision(), before)
})

test.run()
