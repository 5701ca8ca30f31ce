// Links between the keys of a device: they lead forward, for this device alone, and nobody makes one without both keys.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, toBase64, utf8 } from '../bytes.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseDeviceKey, parseNetworkId, parseNodeId } from '../ids.ts'
import { deviceLinksMax } from '../limits.ts'
import {
  type DeviceLink,
  deviceLinkBytes,
  followDevice,
  isDeviceLink,
  leadBy,
  linksFrom,
  nodeIdOf,
  readDeviceLink,
  signDeviceLink,
  splitLed,
} from './device-link.ts'

const signerOf = (byte: number) => signerFromSeed(new Uint8Array(32).fill(byte))
const keyOf = (byte: number) => parseDeviceKey(toBase64(signerOf(byte).publicKey))
const network = parseNetworkId('testnetaaaaa')
const node = parseNodeId(nodeIdOf(keyOf(1), sha256))
const of = { network, node }
const scope = { ...of, verify }
const made = (serial: number, from: number, to: number, about = of) =>
  signDeviceLink(serial, signerOf(from), signerOf(to), about)
const link = (serial: number, from: number, to: number, about = of): DeviceLink =>
  readDeviceLink(made(serial, from, to, about))
const first = { key: keyOf(1), serial: 0 }

test('a link reads as it was made, and leads from the one key to the other', () => {
  const one = link(3, 1, 2)
  assert.equal([one.serial, one.key, one.next, one.bytes.length], [3, keyOf(1), keyOf(2), deviceLinkBytes])
  assert.ok(isDeviceLink(one, scope))
  assert.equal(followDevice(first, [one], scope), { key: keyOf(2), serial: 3 })
})

for (const [what, one] of [
  ['of another network', link(1, 1, 2, { network: parseNetworkId('othernetaaaa'), node })],
  ['of another device', link(1, 1, 2, { network, node: parseNodeId('bbbbbbbbbbbbbbbb') })],
  [
    'that the former key did not sign',
    readDeviceLink(concat(made(1, 1, 2).subarray(0, 72), made(1, 3, 2).subarray(72))),
  ],
  [
    'that the new key did not sign',
    readDeviceLink(concat(made(1, 1, 2).subarray(0, 136), made(1, 1, 3).subarray(136))),
  ],
  ['from a key that the device does not go by', link(1, 4, 2)],
] as const) {
  test(`a link ${what} leads nowhere`, () => {
    assert.equal(followDevice(first, [one], scope), first)
  })
}

test('only ever forward: neither a serial that is known nor a link back is followed', () => {
  const reached = { key: keyOf(2), serial: 2 }
  assert.equal(followDevice(reached, [link(1, 1, 2), link(2, 2, 3)], scope), reached)
  assert.equal(followDevice(reached, [link(3, 2, 1)], scope), { key: keyOf(1), serial: 3 })
})

test('a forged link in front of the good one hides nothing', () => {
  const forged = readDeviceLink(concat(made(9, 1, 3).subarray(0, 72), new Uint8Array(128)))
  assert.equal(followDevice(first, [forged, link(1, 1, 2)], scope), { key: keyOf(2), serial: 1 })
})

test('whoever knows any key of a chain gets to its end, in whatever order it comes, and stays there', () => {
  const chain = [1, 2, 3, 4].map((serial) => link(serial, serial, serial + 1))
  fc.assert(
    fc.property(fc.shuffledSubarray(chain, { minLength: 4 }), fc.integer({ min: 0, max: 4 }), (offered, at) => {
      const end = followDevice({ key: keyOf(at + 1), serial: at }, offered, scope)
      assert.equal(end, { key: keyOf(5), serial: 4 })
      assert.equal(followDevice(end, offered, scope), end)
      assert.is(linksFrom(first, offered).length, 4)
    }),
    { numRuns: 30 },
  )
})

test('what is led comes apart as it was put together, and bytes without links are themselves', () => {
  const envelope = concat(Uint8Array.of(1), utf8('whatever was signed'))
  assert.is(leadBy([], envelope), envelope)
  assert.equal(splitLed(envelope), { links: [], envelope })
  const links = [made(1, 1, 2), made(2, 2, 3)]
  const apart = splitLed(leadBy(links, envelope))
  assert.equal(apart.envelope, envelope)
  assert.equal(
    apart.links.map(({ bytes }) => bytes),
    links,
  )
})

test('more links than may be, none, and half of one are refused', () => {
  const envelope = Uint8Array.of(1)
  const many = Array.from({ length: deviceLinksMax + 1 }, (_, at) => made(at + 1, at + 1, at + 2))
  for (const bytes of [
    leadBy(many, envelope),
    Uint8Array.of(2, 0, 1),
    leadBy(many.slice(0, 1), envelope).subarray(0, 100),
  ]) {
    assert.is(faultOf(() => splitLed(bytes)).code, 'invalid')
  }
})

test('no bytes do more than be refused', () => {
  refusesPolitely(hostileBytes(leadBy([made(1, 1, 2)], Uint8Array.of(1, 2, 3))), (bytes) =>
    splitLed(bytes).links.map((one) => isDeviceLink(one, scope)),
  )
})

test.run()
