// Questions to STUN servers: the vectors of RFC 5769, answers of our own relay, and what must not count.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { answerStun } from '../relay/stun-answer.ts'
import { createStunClient, encodeStunRequest, parseStunAnswer } from './stun.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))

/** RFC 5769 §2.2 and §2.3: SOFTWARE, XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT. */
const IPV4 = hex(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643
  00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`)
const IPV6 = hex(`
  01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa
  a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`)
const SERVER = parseEndpoint('198.51.100.1:3478')
const SELF = parseEndpoint('192.0.2.1:32853')

test('answers of RFC 5769 are understood', () => {
  const four = parseStunAnswer(IPV4)
  assert.is(four?.seenAs, '192.0.2.1:32853')
  assert.is(toHex(four?.id ?? new Uint8Array(0)), 'b7e7a701bc34d686fa87dfae')
  assert.is(parseStunAnswer(IPV6)?.seenAs, '[2001:db8:1234:5678:11:2233:4455:6677]:32853')
})

test('a question is a binding request, and no shorter than any answer', () => {
  const request = encodeStunRequest(hex('b7e7a701bc34d686fa87dfae'))
  assert.is(toHex(request.subarray(0, 24)), '000100182112a442b7e7a701bc34d686fa87dfae80220014')
  assert.is(request.length, 44)
  for (const source of [SELF, parseEndpoint('[2001:db8::1]:1')]) {
    assert.is(parseStunAnswer(answerStun(request, source) ?? new Uint8Array(0))?.seenAs, source)
  }
})

test('what a relay answers is what was asked, for any address', () => {
  const clock = new FakeClock()
  const client = createStunClient(clock, seededEntropy(1))
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((text) => `[${text}]`),
  )
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65_535 }), (address, port) => {
      const source = parseEndpoint(`${address}:${port}`)
      const answer = answerStun(client.ask(SERVER), source) ?? new Uint8Array(0)
      assert.equal(client.receive(answer, SERVER), { server: SERVER, seenAs: source, rttMs: 0 })
    }),
  )
})

test('an answer counts once, from where it was asked, and in time', () => {
  const clock = new FakeClock()
  const client = createStunClient(clock, seededEntropy(1))
  const ask = (): Uint8Array => answerStun(client.ask(SERVER), SELF) ?? new Uint8Array(0)
  const first = ask()
  assert.is(client.receive(first, parseEndpoint('198.51.100.1:3479')), undefined)
  clock.advance(12)
  assert.equal(client.receive(first, SERVER), { server: SERVER, seenAs: SELF, rttMs: 12 })
  assert.is(client.receive(first, SERVER), undefined)
  assert.is(client.receive(IPV4, SERVER), undefined, 'nobody asked')
  const late = ask()
  clock.advance(40_000)
  assert.is(client.receive(late, SERVER), undefined)
  const forgotten = ask()
  for (let i = 0; i < 16; i++) ask()
  assert.is(client.receive(forgotten, SERVER), undefined, 'too many questions since')
})

test('hostile answers are never misread as another length, and never throw', () => {
  for (const valid of [IPV4, IPV6]) {
    fc.assert(
      fc.property(hostileBytes(valid), (bytes) => {
        const answer = parseStunAnswer(bytes)
        if (answer === undefined) return
        assert.is(bytes.length, 20 + ((bytes[2] ?? 0) << 8) + (bytes[3] ?? 0))
        assert.is(answer.seenAs, parseEndpoint(answer.seenAs))
      }),
      { numRuns: 1_000 },
    )
  }
  for (let length = 0; length < IPV4.length; length++) assert.is(parseStunAnswer(IPV4.subarray(0, length)), undefined)
})

test('other messages, families and ports that are none are no answers', () => {
  const with_ = (at: number, ...bytes: readonly number[]): Uint8Array => {
    const out = IPV4.slice()
    out.set(bytes, at)
    return out
  }
  assert.is(parseStunAnswer(with_(0, 0x00, 0x01)), undefined, 'a request')
  assert.is(parseStunAnswer(with_(0, 0x01, 0x11)), undefined, 'an error')
  assert.is(parseStunAnswer(with_(4, 0x21, 0x12, 0xa4, 0x43)), undefined, 'the cookie')
  assert.is(parseStunAnswer(with_(41, 0x03)), undefined, 'an unknown family')
  assert.is(parseStunAnswer(with_(41, 0x02)), undefined, 'the other family in this length')
  assert.is(parseStunAnswer(with_(42, 0x21, 0x12)), undefined, 'port 0')
  assert.is(parseStunAnswer(with_(22, 0xff, 0xff)), undefined, 'an attribute beyond the end')
  assert.is(parseStunAnswer(with_(36, 0x80, 0x20)), undefined, 'no address at all')
})

test.run()
