// The device's own keys over changes, and over a power cut between any two writes.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { type DeviceKey, parseDeviceKey } from '../../shared/ids.ts'
import { deviceLinksMax } from '../../shared/limits.ts'
import {
  type DeviceRing,
  type DeviceRingKey,
  type DeviceTexts,
  deviceKeyText,
  linksTo,
  readDeviceRing,
  withNextDevice,
  withoutFormerSeeds,
} from './device-ring.ts'

/** Stands in for the curve: public halves differ as seeds do. */
const publicHalf = (seed: string): DeviceKey =>
  parseDeviceKey(toBase64(Uint8Array.from(Buffer.from(seed, 'base64'), (byte) => byte ^ 0x55)))
const seedOf = (byte: number): string => toBase64(new Uint8Array(32).fill(byte))
const linkOf = (serial: number): string => toBase64(new Uint8Array(200).fill(serial + 100))
const made = (serial: number, byte: number): DeviceRingKey => {
  const seed = seedOf(byte)
  return { serial, key: publicHalf(seed), seed, link: linkOf(serial), madeAt: byte }
}
function read(texts: DeviceTexts): DeviceRing {
  const ring = readDeviceRing(texts, publicHalf)
  assert.ok(ring)
  return ring
}
const enrolled: DeviceTexts = { inUse: `${seedOf(1)}\n`, list: undefined }
const turned = (texts: DeviceTexts): DeviceTexts => {
  const { next } = read(texts)
  assert.ok(next)
  return { ...texts, inUse: deviceKeyText(next) }
}

test('the key of enrolment has serial 0, no link and no past', () => {
  const { current, first, former, next } = read(enrolled)
  assert.equal([first, current.key, current.serial, next, former], [publicHalf(seedOf(1)), first, 0, undefined, []])
  assert.equal(linksTo(read(enrolled)), [])
  assert.is(readDeviceRing({ inUse: undefined, list: undefined }, publicHalf), undefined)
})

test('a key is prepared, and only then in use; what led to it and who the device was first stay known', () => {
  const prepared = { ...enrolled, list: withNextDevice(read(enrolled), made(1, 2)) }
  assert.equal([read(prepared).current.serial, linksTo(read(prepared))], [0, []])
  const ring = read(turned(prepared))
  assert.equal([ring.current.serial, ring.first, ring.next], [1, publicHalf(seedOf(1)), undefined])
  assert.equal(linksTo(ring), [linkOf(1)])
  assert.is(ring.former[0]?.seed, seedOf(1))
})

test('erasing takes the secrets of former keys, and nothing else', () => {
  const changed = turned({ ...enrolled, list: withNextDevice(read(enrolled), made(1, 2)) })
  const list = withoutFormerSeeds(read(changed))
  assert.ok(list !== undefined && !list.includes(seedOf(1)))
  const left = read({ ...changed, list })
  assert.equal(
    [left.current.seed, left.former[0]?.key, left.former[0]?.seed],
    [seedOf(2), publicHalf(seedOf(1)), undefined],
  )
  assert.equal([left.first, linksTo(left)], [publicHalf(seedOf(1)), [linkOf(1)]])
  assert.is(withoutFormerSeeds(left), undefined)
  const former = left.former[0]
  assert.ok(former)
  assert.is(faultOf(() => deviceKeyText(former)).code, 'not-found')
})

test('a list that cannot be read, or that is of other keys, costs the past, never the present', () => {
  const foreign = withNextDevice(read({ inUse: seedOf(8), list: undefined }), made(1, 9))
  for (const list of ['', '{', '{"first":"x","keys":[]}', 'null', foreign]) {
    const ring = read({ ...enrolled, list })
    assert.equal(
      [ring.current.key, ring.first, ring.next, ring.former],
      [publicHalf(seedOf(1)), ring.current.key, undefined, []],
      list,
    )
  }
})

test('power cuts at any write leave a key with its serial, its links, and the first key; serials never fall', () => {
  const step = fc.constantFrom('whole', 'after-list', 'erase')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
      let disk = enrolled
      let byte = 1
      for (const one of steps) {
        const before = read(disk)
        if (one === 'erase') {
          disk = { inUse: disk.inUse, list: withoutFormerSeeds(before) ?? disk.list }
          assert.is(read(disk).current.serial, before.current.serial)
          continue
        }
        byte += 1
        // The next attempt takes up what an earlier one prepared.
        if (before.next === undefined)
          disk = { inUse: disk.inUse, list: withNextDevice(before, made(before.current.serial + 1, byte)) }
        assert.is(read(disk).current.key, before.current.key, 'nothing has changed yet')
        if (one === 'after-list') continue
        disk = turned(disk)
        const after = read(disk)
        assert.is(after.current.serial, before.current.serial + 1)
        assert.is(after.first, publicHalf(seedOf(1)))
        const { serial } = after.current
        const expected = Array.from({ length: Math.min(serial, deviceLinksMax) }, (_, at) => linkOf(serial - at))
        assert.equal(linksTo(after), expected.toReversed())
      }
    }),
  )
})

test.run()
