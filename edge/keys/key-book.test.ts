// By which key a member is known: its own newest word, where the record knows no newer one and nobody else has the key.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { type KeyStatement, sealKeyStatement } from '../../shared/fact/key-statement.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { DeviceKey, NodeId, WgKey } from '../../shared/ids.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import { type TestDevice, testDevice, testNetwork } from '../link/hub.fake.ts'
import { createKeyBook, type KeyBook, withKeys } from './key-book.ts'

const [a, b] = [testDevice('a', 1), testDevice('b', 2)]
const [K1, K2] = [fakeWgKey(31), fakeWgKey(32)]

function rig() {
  const members = new Map<NodeId, DeviceKey>([a, b].map(({ deviceKey, nodeId }) => [nodeId, deviceKey]))
  const keyOf = (node: NodeId): DeviceKey | undefined => members.get(node)
  return { members, book: createKeyBook({ network: testNetwork, sha256, verify, log: memoryLog(), keyOf }) }
}

function word(device: TestDevice, serial: number, wgKey: WgKey, by = device): Uint8Array {
  const said: KeyStatement = { network: testNetwork, node: device.nodeId, serial, wgKey }
  return sealKeyStatement(said, by.signer, sha256)
}

function recordOf({ deviceKey, name, nodeId, wgKey }: TestDevice, more: Partial<NodeBody> = {}): NodeBody {
  return { name, nodeId, wgKey, deviceKey, labels: {}, addresses: ['10.0.0.1'], advertise: [], ...more } as NodeBody
}

function keys(book: KeyBook, nodes: readonly NodeBody[]): readonly (readonly [WgKey, number | undefined])[] {
  return withKeys(nodes, book.word).map(({ wgKey, wgSerial }) => [wgKey, wgSerial])
}

test('without words the very list comes back', () => {
  const { book } = rig()
  const nodes = [recordOf(a), recordOf(b)]
  assert.is(withKeys(nodes, book.word), nodes)
})

test('the newest word counts; an older one, played again, and a foreign one do not', () => {
  const { book } = rig()
  assert.is(book.offer(a.nodeId, word(a, 1, K1)), true)
  assert.is(book.offer(a.nodeId, word(a, 1, K1)), false, 'the same again')
  assert.is(book.offer(a.nodeId, word(a, 2, K2)), true)
  const revision = book.revision()
  assert.is(book.offer(a.nodeId, word(a, 1, K1)), false, 'the older again')
  assert.is(book.offer(a.nodeId, word(a, 9, K1, b)), false, 'signed by another member')
  assert.is(book.offer(b.nodeId, word(a, 9, K1)), false, 'of another member')
  assert.is(book.offer(testDevice('stranger', 7).nodeId, word(a, 9, K1)), false, 'of no member')
  assert.is(book.revision(), revision)
  assert.equal(keys(book, [recordOf(a), recordOf(b)]), [
    [K2, 2],
    [b.wgKey, undefined],
  ])
})

test('a record that knows of the word silences it', () => {
  const { book } = rig()
  book.offer(a.nodeId, word(a, 1, K1))
  for (const wgSerial of [1, 2]) {
    const nodes = [recordOf(a, { wgKey: K2, wgSerial })]
    assert.is(withKeys(nodes, book.word), nodes, `serial ${wgSerial}`)
  }
})

test('nobody takes a key that is another’s, by record or by an earlier word', () => {
  const { book } = rig()
  book.offer(b.nodeId, word(b, 1, a.wgKey))
  assert.equal(keys(book, [recordOf(a), recordOf(b)]), [
    [a.wgKey, undefined],
    [b.wgKey, undefined],
  ])
  book.offer(a.nodeId, word(a, 1, K1))
  book.offer(b.nodeId, word(b, 2, K1))
  assert.equal(keys(book, [recordOf(a), recordOf(b)]), [
    [K1, 1],
    [b.wgKey, undefined],
  ])
})

test('who leaves takes the word along', () => {
  const { book, members } = rig()
  book.offer(a.nodeId, word(a, 1, K1))
  members.delete(a.nodeId)
  book.membersChanged()
  assert.is(book.word(a.nodeId), undefined)
  members.set(a.nodeId, a.deviceKey)
  assert.is(book.offer(a.nodeId, word(a, 1, K1)), true, 'and may say it again')
})

test.run()
