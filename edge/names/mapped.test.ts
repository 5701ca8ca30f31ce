// Answers of name servers behind a mapped subnet: their machines' addresses are those of the mesh, and nothing else is touched.

import * as packet from 'dns-packet'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { mappingsFor, withMapped } from './mapped.ts'

const four = { from: parseCidr('192.168.1.0/24'), to: parseCidr('10.201.7.0/24') }
const six = { from: parseCidr('fd00:1::/64'), to: parseCidr('fd00:c9:7::/64') }

function said(...answers: readonly (readonly ['A' | 'AAAA' | 'CNAME', string])[]): Buffer {
  return packet.encode({
    type: 'response',
    id: 7,
    flags: 0x0020,
    questions: [{ name: 'press.plant.example', type: 'A' }],
    answers: answers.map(([type, data]) => ({ type, name: 'press.plant.example', ttl: 60, data })),
  })
}

function told(bytes: Buffer): readonly unknown[] {
  return (packet.decode(bytes).answers ?? []).map((one) => ('data' in one ? one.data : undefined))
}

test('addresses of the subnet are told as the mesh has them, in either family; others and names stay', () => {
  const bytes = said(['CNAME', 'p.plant.example'], ['A', '192.168.1.20'], ['A', '192.168.2.20'], ['AAAA', 'fd00:1::20'])
  const mapped = withMapped(bytes, [four, six])
  assert.equal(told(mapped), ['p.plant.example', '10.201.7.20', '192.168.2.20', 'fd00:c9:7::20'])
  assert.equal(told(bytes)[1], '192.168.1.20', 'what is remembered stays as it was said')
  assert.is(mapped.readUInt16BE(2) & 0x0020, 0, 'it is not what was proven')
  assert.is(mapped.length, bytes.length)
})

test('without a mapping, or with nothing of it inside, it is the very same', () => {
  const bytes = said(['A', '192.168.2.20'])
  assert.is(withMapped(bytes, []), bytes)
  assert.is(withMapped(bytes, [four]), bytes)
})

test('whatever a server sends is no reason to fail', () => {
  const whole = said(['A', '192.168.1.20'], ['AAAA', 'fd00:1::20'])
  fc.assert(
    fc.property(fc.nat(whole.length), fc.uint8Array({ maxLength: 40 }), (cut, tail) => {
      const bytes = Buffer.concat([whole.subarray(0, cut), tail])
      assert.is(withMapped(bytes, [four, six]).length, bytes.length)
    }),
  )
})

test('a mapping is that of a route by which one of the servers is reached', () => {
  const { routes } = fakeRecords({
    nodes: [{ name: 'a' }],
    routes: {
      plant: { destination: four.from, nat: 'netmap', mapTo: four.to, via: {} },
      other: { destination: four.from, nat: 'netmap', mapTo: '10.201.8.0/24', via: {} },
      plain: { destination: '10.9.0.0/24', via: {} },
    },
  })
  assert.equal(mappingsFor([parseAddress('10.201.7.53')], routes), [four])
  assert.equal(mappingsFor([parseAddress('10.9.0.53'), parseAddress('fd10::53')], routes), [])
})

test.run()
