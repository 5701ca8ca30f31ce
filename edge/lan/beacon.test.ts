// Beacons: only who holds the key reads them, nothing in them is told to others, and no byte of them can be changed.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { seededEntropy } from '../../shared/effects.fake.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { type NetworkId, parseNetworkId } from '../../shared/ids.ts'
import { beaconBytesMax, beaconKeysMax, factBytesMax } from '../../shared/limits.ts'
import { testDevice, testNetwork } from '../link/hub.fake.ts'
import { type Beacon, createBeaconCodec } from './beacon.ts'
import { factAt, testCrypto, testKey } from './lan.fake.ts'

const device = testDevice('one', 1)
const entropy = seededEntropy(3)
const codecOf = (network: NetworkId) => createBeaconCodec({ network, crypto: testCrypto, entropy })
const codec = codecOf(testNetwork)
const call: Beacon = { kind: 'call', node: device.nodeId, fact: factAt(device, '192.168.1.5', 1) }
const otherKey = new Uint8Array(32).fill(8)

function sealOne(beacon: Beacon, key = testKey): Uint8Array {
  const [bytes] = codec.seal([key], beacon)
  assert.ok(bytes)
  return bytes
}

test('what was sealed is read, whatever the fact', () => {
  const facts = fc.uint8Array({ maxLength: 3_000 })
  fc.assert(
    fc.property(facts, fc.constantFrom('call' as const, 'answer' as const), (fact, kind) => {
      assert.equal(codec.open([testKey], sealOne({ ...call, fact, kind })), { ...call, fact, kind })
    }),
    { numRuns: 100 },
  )
})

test('the largest fact has room, a larger one is not said', () => {
  const largest = { ...call, fact: new Uint8Array(factBytesMax) }
  assert.equal(codec.open([testKey], sealOne(largest)), largest)
  assert.equal(codec.seal([testKey], { ...call, fact: new Uint8Array(beaconBytesMax) }), [])
})

test('a key or a network of somebody else opens nothing', () => {
  assert.is(codec.open([otherKey], sealOne(call)), undefined)
  assert.is(codec.open([], sealOne(call)), undefined)
  assert.is(codecOf(parseNetworkId('othernetwork')).open([testKey], sealOne(call)), undefined)
})

test('while the signing key changes, either key is enough, and a ring has an end', () => {
  assert.equal(codec.open([otherKey, testKey], sealOne(call)), call)
  const both = codec.seal([otherKey, testKey], call)
  assert.is(both.length, 2)
  for (const key of [otherKey, testKey]) {
    assert.is(both.filter((bytes) => codec.open([key], bytes) !== undefined).length, 1)
  }
  const many = Array.from({ length: 9 }, (_, i) => new Uint8Array(32).fill(i + 20))
  assert.is(codec.seal(many, call).length, beaconKeysMax)
  assert.is(codec.open([...many, testKey], sealOne(call)), undefined)
})

test('no bit of a beacon can be turned', () => {
  const bytes = sealOne(call)
  for (let at = 0; at < bytes.length; at++) {
    const bent = bytes.slice()
    bent[at] = (bent[at] ?? 0) ^ (1 << (at % 8))
    assert.is(codec.open([testKey], bent), undefined, `byte ${at}`)
  }
})

test('hostile bytes are no beacon, inside and outside of the seal', () => {
  const valid = sealOne(call)
  fc.assert(
    fc.property(hostileBytes(valid), (bytes) => {
      assert.ok(toHex(bytes) === toHex(valid) || codec.open([testKey], bytes) === undefined)
    }),
  )
  // A member may seal what it likes.
  const open = createBeaconCodec({
    network: testNetwork,
    crypto: { ...testCrypto, open: (_key, _nonce, sealed) => sealed },
    entropy,
  })
  fc.assert(
    fc.property(hostileBytes(valid), (bytes) => {
      const beacon = open.open([testKey], bytes)
      assert.ok(beacon === undefined || /^[a-z2-7]{16}$/.test(beacon.node))
    }),
  )
})

test('a stranger sees no name and no address, nothing that two beacons have in common, and sizes in steps only', () => {
  const [one, two] = [sealOne(call), sealOne(call)]
  const text = new TextDecoder('latin1').decode(one)
  for (const secret of [device.nodeId, '192.168.1.5', testNetwork, new TextDecoder('latin1').decode(utf8('lan'))]) {
    assert.not.ok(text.includes(secret), secret)
  }
  let same = 0
  for (const [at, byte] of one.subarray(4).entries()) if (two[at + 4] === byte) same += 1
  assert.ok(same < one.length / 20, `${same} of ${one.length} bytes are the same`)
  const longer = sealOne({ ...call, fact: new Uint8Array(call.fact.length + 1) })
  assert.is(longer.length, one.length)
})

test.run()
