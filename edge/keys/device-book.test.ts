// By which device key a member is known: only ever forward, from what its record says, and the first of two that follow one key.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { verify } from '../../shared/host/crypto.ts'
import type { DeviceKey, NodeId } from '../../shared/ids.ts'
import { type DeviceLink, type DevicePin, readDeviceLink, signDeviceLink } from '../../shared/record/device-link.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import { testDevice, testNetwork } from '../link/hub.fake.ts'
import { createDeviceBook } from './device-book.ts'

const [a, b] = [testDevice('a', 1), testDevice('b', 2)]
const later = [11, 12, 13, 14].map((index) => testDevice('later', index))
const [k1, k2, kx] = [later[0] ?? a, later[1] ?? a, later[2] ?? a]
const link = (serial: number, from: typeof a, to: typeof a, node: NodeId = a.nodeId): DeviceLink =>
  readDeviceLink(signDeviceLink(serial, from.signer, to.signer, { network: testNetwork, node }))

function rig(isLocked = false) {
  const records = new Map<NodeId, DevicePin>([a, b].map((one) => [one.nodeId, { key: one.deviceKey, serial: 0 }]))
  const lock = { isLocked }
  const book = createDeviceBook({
    network: testNetwork,
    verify,
    log: memoryLog(),
    recorded: (node) => records.get(node),
    isLocked: () => lock.isLocked,
  })
  const record = (key: DeviceKey, serial: number): void => {
    records.set(a.nodeId, { key, serial })
    book.membersChanged()
  }
  return { book, lock, record, records }
}

test('a member goes by what links lead to from its record', () => {
  const { book } = rig()
  assert.is(book.keyOf(a.nodeId), a.deviceKey)
  assert.ok(book.hear(a.nodeId, [link(1, a, k1)]))
  assert.is(book.keyOf(a.nodeId), k1.deviceKey)
  assert.not.ok(book.hear(a.nodeId, [link(1, a, k1)]), 'the same again')
  assert.ok(book.hear(a.nodeId, [link(1, a, k1), link(2, k1, k2)]))
  assert.is(book.keyOf(a.nodeId), k2.deviceKey)
  assert.equal(book.forked(), [])
})

test('nobody else’s word, and nobody’s about strangers, counts', () => {
  const { book } = rig()
  const stranger = testDevice('stranger', 9)
  assert.not.ok(book.hear(stranger.nodeId, [link(1, stranger, k1, stranger.nodeId)]))
  assert.not.ok(book.hear(a.nodeId, [link(1, a, k1, b.nodeId)]), 'signed for another device')
  assert.not.ok(book.hear(b.nodeId, [link(1, a, k1)]))
  assert.is(book.keyOf(stranger.nodeId), undefined)
  assert.is(book.keyOf(b.nodeId), b.deviceKey)
})

test('of two that follow one key the first counts, and the other is told of', () => {
  const { book } = rig()
  book.hear(a.nodeId, [link(1, a, k1)])
  assert.not.ok(book.hear(a.nodeId, [link(9, a, kx)]))
  assert.is(book.keyOf(a.nodeId), k1.deviceKey)
  assert.equal(book.forked(), [a.nodeId])
})

test('the record decides: what it names counts, what it left behind leads nowhere', () => {
  const { book, record } = rig()
  book.hear(a.nodeId, [link(1, a, kx)])
  book.hear(a.nodeId, [link(1, a, k1)])
  record(k1.deviceKey, 1)
  assert.is(book.keyOf(a.nodeId), k1.deviceKey)
  assert.equal(book.forked(), [])
  assert.not.ok(book.hear(a.nodeId, [link(5, a, kx)]), 'the former key has no voice')
  assert.equal(book.forked(), [])
  assert.ok(book.hear(a.nodeId, [link(1, a, k1), link(2, k1, k2)]))
  assert.is(book.keyOf(a.nodeId), k2.deviceKey)
})

test('a hub that was restored to before is led on by what the device says', () => {
  const { book, record } = rig()
  record(k1.deviceKey, 1)
  record(a.deviceKey, 0)
  assert.is(book.keyOf(a.nodeId), a.deviceKey)
  assert.ok(book.hear(a.nodeId, [link(1, a, k1)]))
  assert.is(book.keyOf(a.nodeId), k1.deviceKey)
})

test('under a membership lock the record alone counts', () => {
  const { book, lock } = rig()
  book.hear(a.nodeId, [link(1, a, k1)])
  lock.isLocked = true
  assert.is(book.keyOf(a.nodeId), a.deviceKey)
  assert.not.ok(book.hear(b.nodeId, [link(1, b, k2, b.nodeId)]))
})

test('a link from this device’s own key to another is never followed, and told of', () => {
  const { book } = rig()
  book.state(a.nodeId, [link(1, a, k1)])
  assert.is(book.keyOf(a.nodeId), k1.deviceKey)
  assert.not.ok(book.hear(a.nodeId, [link(1, a, k1)]))
  assert.equal(book.forked(), [])
  assert.not.ok(book.hear(a.nodeId, [link(2, k1, kx)]))
  assert.is(book.keyOf(a.nodeId), k1.deviceKey)
  assert.equal(book.forked(), [a.nodeId])
})

test('records bear the keys that are known; without links the very list comes back', () => {
  const { book } = rig()
  const nodes = [a, b].map(({ deviceKey, name, nodeId }) => ({ deviceKey, name, nodeId }) as NodeBody)
  assert.is(book.withDevices(nodes), nodes)
  book.hear(a.nodeId, [link(1, a, k1)])
  assert.equal(
    book.withDevices(nodes).map(({ deviceKey, deviceSerial }) => [deviceKey, deviceSerial]),
    [
      [k1.deviceKey, 1],
      [b.deviceKey, undefined],
    ],
  )
})

test('who leaves takes the links along', () => {
  const { book, records } = rig()
  book.hear(a.nodeId, [link(1, a, k1)])
  records.delete(a.nodeId)
  book.membersChanged()
  records.set(a.nodeId, { key: a.deviceKey, serial: 0 })
  assert.is(book.keyOf(a.nodeId), a.deviceKey)
})

test('in whatever order links and records come, forks among them: the serial never falls while the record does not', () => {
  const chain = [a, ...later]
  const links = chain.flatMap((from, at) =>
    chain.slice(1).flatMap((to, index) => (to === from ? [] : [link(at * 10 + index + 1, from, to)])),
  )
  const event = fc.oneof(
    fc.record({ links: fc.subarray(links, { maxLength: 3 }) }),
    fc.record({ recorded: fc.integer({ min: 1, max: 4 }) }),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), (events) => {
      const { book, record, records } = rig()
      for (const one of events) {
        const [before, base] = [book.keyOf(a.nodeId), records.get(a.nodeId)]
        if ('links' in one) {
          const moved = book.hear(a.nodeId, one.links)
          assert.is(moved, book.keyOf(a.nodeId) !== before, 'it says whether the key is another')
          if (!moved) assert.is(book.keyOf(a.nodeId), before)
        } else if (base !== undefined && one.recorded * 10 > base.serial) {
          record((later[one.recorded - 1] ?? a).deviceKey, one.recorded * 10)
          assert.is.not(book.keyOf(a.nodeId), undefined)
        }
        assert.is(book.keyOf(b.nodeId), b.deviceKey)
      }
    }),
    { numRuns: 40 },
  )
})

test.run()
