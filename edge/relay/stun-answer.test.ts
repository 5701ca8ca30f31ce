// STUN answers: the vectors of RFC 5769, and nothing longer than its question.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import { hostileBytes, refusesPolitely } from '../../shared/fuzz.fake.ts'
import { answerStun } from './stun-answer.ts'

const ID = 'b7e7a701bc34d686fa87dfae'
const request = (padding: number): Uint8Array => {
  const length = padding.toString(16).padStart(4, '0')
  return Uint8Array.from(Buffer.from(`0001${length}2112a442${ID}${'00'.repeat(padding)}`, 'hex'))
}

test('an IPv4 asker is told its address as in RFC 5769 §2.2', () => {
  const answer = answerStun(request(12), parseEndpoint('192.0.2.1:32853')) ?? new Uint8Array(0)
  assert.is(toHex(answer), `0101000c2112a442${ID}002000080001a147e112a643`)
})

test('an IPv6 asker is told its address as in RFC 5769 §2.3', () => {
  const asker = parseEndpoint('[2001:db8:1234:5678:11:2233:4455:6677]:32853')
  const answer = answerStun(request(24), asker) ?? new Uint8Array(0)
  assert.is(toHex(answer), `010100182112a442${ID}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9`)
})

test('a request shorter than its answer, a damaged one and other messages get silence', () => {
  const source = parseEndpoint('192.0.2.1:32853')
  assert.is(answerStun(request(8), source), undefined)
  assert.is(answerStun(request(12).subarray(0, 31), source), undefined)
  const indication = request(12)
  indication[1] = 0x11
  assert.is(answerStun(indication, source), undefined)
  refusesPolitely(hostileBytes(request(12)), (bytes) => {
    const answer = answerStun(bytes, source)
    assert.ok(answer === undefined || answer.length <= bytes.length)
  })
})

test.run()
