// Facts: whose they are, which is newer, and how many may wait.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { type Fact, sealFact } from '../../shared/fact/fact.ts'
import { packPods } from '../../shared/fact/pack-pods.ts'
import { isReadyIn, type PodTable, podsIn, type ToldPod } from '../../shared/fact/pod-table.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { type DeviceKey, type NodeId, parseName } from '../../shared/ids.ts'
import { podTableBytesMax } from '../../shared/pod-limits.ts'
import { type TestDevice, testDevice } from '../link/hub.fake.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { createFactBook, type FactBook } from './fact-book.ts'

const test = suite('facts')
const a = testDevice('a', 1)
const b = testDevice('b', 2)

function podsOf(...names: readonly string[]): PodTable {
  return readyPods(undefined, ...names)
}

function readyPods(ready: boolean | undefined, ...names: readonly string[]): PodTable {
  const pods = names.map((name, at) => {
    const pod = { namespace: parseName('shop'), name, labels: { app: 'web' } }
    return { ...pod, addresses: [`10.42.0.${at + 7}` as Address], ...(ready === undefined ? {} : { ready }) }
  })
  return packPods(pods, [], podTableBytesMax).table
}

function factOf(
  device: TestDevice,
  boot: number,
  seq: number,
  about: NodeId = device.nodeId,
  podTable?: PodTable,
): Uint8Array {
  const fact: Fact = {
    node: about,
    boot,
    seq,
    candidates: [],
    observed: [],
    relays: [],
    natType: 'unknown',
    at: 1,
    ...(podTable === undefined ? {} : { podTable }),
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

test('pods that did not change are the same objects in the next fact, and nobody works anything out anew', () => {
  const { book, keys, store } = rig(a)
  const tell = (seq: number, ...names: readonly string[]): PodTable | undefined =>
    book.offer(a.nodeId, factOf(a, 1, seq, a.nodeId, podsOf(...names)))?.podTable
  const revisions = (): readonly number[] => [book.revision(), book.podsRevision()]
  const first = tell(1, 'web', 'worker')
  assert.ok(first)
  const [web] = podsIn(first)
  assert.equal(revisions(), [1, 1])
  assert.is(tell(2, 'web', 'worker'), first)
  assert.equal(revisions(), [2, 1])
  const third = tell(3, 'web', 'heir')
  assert.ok(third)
  assert.equal(revisions(), [3, 2])
  assert.ok(podsIn(third).includes(web as ToldPod))
  book.flushPods()
  assert.is(store.loadFacts().size, 1, 'policy follows from them after a power cut too')
  book.offer(a.nodeId, factOf(a, 1, 4))
  assert.equal(revisions(), [4, 3])
  tell(5, 'web')
  keys.delete(a.nodeId)
  book.membersChanged()
  assert.equal(revisions(), [6, 5])
})

test('who is ready is heard, and nothing to policy', () => {
  const { book } = rig(a)
  const tell = (seq: number, ready?: boolean): PodTable | undefined =>
    book.offer(a.nodeId, factOf(a, 1, seq, a.nodeId, readyPods(ready, 'web', 'worker')))?.podTable
  const tables = [tell(1), tell(2, true), tell(3, false), tell(4)]
  const [first] = tables
  assert.ok(first)
  const [web] = podsIn(first)
  assert.ok(web)
  assert.equal(
    tables.map((table) => table && isReadyIn(table, web)),
    [undefined, true, false, undefined],
  )
  assert.ok(tables.every((table) => table !== undefined && podsIn(table) === podsIn(first)))
  assert.equal([book.revision(), book.podsRevision()], [4, 1])
})

test.run()
