// The device's keys over changes, and over a power cut between any two writes.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { parseWgKey } from '../../shared/ids.ts'
import { retiredKeysMax } from '../../shared/limits.ts'
import { inUseText, type KeyTexts, keyOf, type Ring, type RingKey, readRing, withNext, withoutRetired } from './ring.ts'

/** Stands in for the curve: public halves differ as private ones do. */
const publicHalf = (privateKey: string) =>
  parseWgKey(toBase64(Uint8Array.from(Buffer.from(privateKey, 'base64'), (b) => b ^ 0x55)))
const secret = (byte: number): string => toBase64(new Uint8Array(32).fill(byte))
const made = (byte: number) => ({ privateKey: secret(byte), wgKey: publicHalf(secret(byte)), madeAt: byte })

function read(texts: KeyTexts): Ring {
  const ring = readRing(texts, publicHalf)
  assert.ok(ring)
  return ring
}

function nextOf({ next }: Ring): RingKey {
  assert.ok(next)
  return next
}

const enrolled: KeyTexts = { inUse: `${secret(1)}\n`, list: undefined }

test('the key of enrolment has serial 0 and no past', () => {
  const { current, next, retired } = read(enrolled)
  assert.equal([current.serial, current.wgKey, next, retired], [0, publicHalf(secret(1)), undefined, []])
  assert.is(readRing({ inUse: undefined, list: undefined }, publicHalf), undefined)
})

test('a key is prepared, and only then in use; the one before stays known', () => {
  const prepared = { ...enrolled, list: withNext(read(enrolled), made(2)) }
  assert.is(read(prepared).current.serial, 0)
  assert.is(nextOf(read(prepared)).serial, 1)
  const changed = { ...prepared, inUse: inUseText(nextOf(read(prepared))) }
  const { current, next, retired } = read(changed)
  assert.equal([current.serial, current.wgKey, next], [1, publicHalf(secret(2)), undefined])
  assert.equal(
    retired.map(({ wgKey }) => wgKey),
    [publicHalf(secret(1))],
  )
})

test('a serial that the record already has is passed over', () => {
  assert.is(nextOf(read({ ...enrolled, list: withNext(read(enrolled), made(2), 7) })).serial, 8)
})

test('any key that the device has can be the one in use, and no other', () => {
  const prepared = { ...enrolled, list: withNext(read(enrolled), made(2)) }
  const changed = { ...prepared, inUse: inUseText(keyOf(read(prepared), publicHalf(secret(2)))) }
  const back = read({ ...changed, inUse: inUseText(keyOf(read(changed), publicHalf(secret(1)))) })
  assert.equal([back.current.serial, back.next?.serial, back.retired], [0, 1, []])
  assert.is(faultOf(() => keyOf(back, publicHalf(secret(3)))).code, 'not-found')
})

test('a list that cannot be read costs the past, never the present', () => {
  for (const list of ['', '{', '{"keys":[{}]}', '{"keys":[{"serial":1,"privateKey":"x","madeAt":1}]}', 'null']) {
    assert.equal(read({ ...enrolled, list }).current.wgKey, publicHalf(secret(1)), list)
  }
})

test('former keys can be forgotten, and the present one never', () => {
  const prepared = { ...enrolled, list: withNext(read(enrolled), made(2)) }
  const changed = { ...prepared, inUse: inUseText(nextOf(read(prepared))) }
  const list = withoutRetired(read(changed))
  assert.ok(list !== undefined && !list.includes(secret(1)))
  const left = read({ ...changed, list })
  assert.equal([left.current.serial, left.retired], [1, []])
  assert.is(withoutRetired(left), undefined)
})

test('power cuts at any write leave a device whose key and serial belong together, and serials never fall', () => {
  const step = fc.constantFrom('whole', 'after-list', 'before')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let disk: KeyTexts = enrolled
      let byte = 1
      const serials = new Map([[publicHalf(secret(1)), 0]])
      for (const one of steps) {
        const before = read(disk)
        if (one === 'before') continue
        byte += 1
        // The next attempt takes up what an earlier one prepared.
        if (before.next === undefined) disk = { inUse: disk.inUse, list: withNext(before, made(byte)) }
        const next = nextOf(read(disk))
        assert.ok(next.serial > before.current.serial)
        assert.is(serials.get(next.wgKey) ?? next.serial, next.serial, 'one key, one serial')
        serials.set(next.wgKey, next.serial)
        assert.is(read(disk).current.wgKey, before.current.wgKey, 'nothing has changed yet')
        if (one === 'after-list') continue
        disk = { inUse: inUseText(next), list: disk.list }
        const after = read(disk)
        assert.is(after.current.serial, next.serial)
        assert.ok(after.retired.length <= retiredKeysMax)
        assert.is(after.retired[0]?.wgKey, before.current.wgKey)
      }
    }),
  )
})

test.run()
