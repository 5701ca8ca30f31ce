// The relay's frames: golden bytes, round trips, and nothing that is not exactly one of them.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import { hostileBytes, refusesPolitely } from '../../shared/fuzz.fake.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { endpointBytes } from './endpoint-bytes.ts'
import {
  type Bind,
  encodeBind,
  encodeBound,
  encodeCall,
  encodeCalled,
  encodeChallenge,
  encodeHello,
  encodeRefused,
  encodeTouch,
  isRelayFrame,
  parseRelayFrame,
  refusals,
  touchName,
} from './frames.ts'

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)
const nonce = filled(8, 1)
const bind: Bind = {
  nonce,
  cookie: filled(16, 2),
  relay: parseNodeId('aaaaaaaaaaaaaaaa'),
  peer: parseNodeId('bbbbbbbbbbbbbbbb'),
  counter: 1_700_000_000_000,
  key: filled(32, 3),
  capability: filled(240, 4),
}
const mac = (): Uint8Array => filled(16, 5)
const samples = {
  hello: encodeHello(nonce),
  challenge: encodeChallenge(nonce, filled(16, 2), filled(32, 3)),
  bind: encodeBind(bind, () => filled(64, 6)),
  bound: encodeBound({ nonce, port: 61_000, lifetimeS: 90, observed: parseEndpoint('192.0.2.1:51820') }, mac),
  refresh: encodeTouch('refresh', { port: 61_000, counter: 7 }, mac),
  refreshed: encodeTouch('refreshed', { port: 61_000, counter: 7 }, mac),
  unbind: encodeTouch('unbind', { port: 61_000, counter: 7 }, mac),
  refused: encodeRefused(nonce, 'removed'),
  call: encodeCall({ port: 61_000, counter: 7, peer: bind.peer }, mac),
  called: encodeCalled('called', { port: 61_000, counter: 7, peer: bind.peer, pairPort: 61_001 }, mac),
  wanted: encodeCalled('wanted', { port: 61_000, counter: 7, peer: bind.peer, pairPort: 0 }, mac),
}

test('golden frames: relays and nodes in the field speak them', () => {
  assert.is(toHex(samples.refresh), `f068720105000000ee4800000007${'05'.repeat(16)}`)
  assert.is(toHex(samples.hello), `f068720101000000${'01'.repeat(8)}${'00'.repeat(48)}`)
  assert.is(toHex(samples.refused), `f068720108000000${'01'.repeat(8)}0600000000000000`)
  assert.is(
    toHex(samples.bound),
    `f068720104000000${'01'.repeat(8)}ee48005a${'00'.repeat(10)}ffffc0000201ca6c${'05'.repeat(16)}`,
  )
  assert.is(toHex(samples.called), `f06872010a000000ee4800000007${'62'.repeat(16)}ee49${'05'.repeat(16)}`)
  assert.is(samples.call.length, samples.called.length + samples.wanted.length, 'nothing comes of it that is longer')
  assert.is(toHex(samples.bind.subarray(0, 8)), 'f068720103000000')
  assert.is(toHex(samples.bind.subarray(64, 72)), '0000018bcfe56800')
})

for (const [kind, bytes] of Object.entries(samples)) {
  test(`${kind} reads back as itself, and not with a byte more or less`, () => {
    const frame = parseRelayFrame(bytes)
    assert.is(frame?.kind, kind)
    assert.is(parseRelayFrame(bytes.subarray(0, -1)), undefined)
    assert.is(parseRelayFrame(Uint8Array.of(...bytes, 0)), undefined)
  })
}

test('a bind reads back whole, and its signature covers all before it', () => {
  const frame = parseRelayFrame(samples.bind)
  assert.ok(frame?.kind === 'bind')
  const { covered, kind, signature, ...rest } = frame
  assert.is(kind, 'bind')
  assert.equal(rest, bind)
  assert.equal(new Uint8Array([...covered, ...signature]), samples.bind)
})

test('endpoints of both families go through', () => {
  const address = fc.oneof(fc.ipV4().map(String), fc.constantFrom('[2001:db8::1]', '[::1]', '[fd00:1:2:3:4:5:6:7]'))
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      const observed = parseEndpoint(`${host}:${port}`)
      assert.is(endpointBytes(observed).length, 18)
      const frame = parseRelayFrame(encodeBound({ nonce, port: 1, lifetimeS: 1, observed }, mac))
      assert.ok(frame?.kind === 'bound' && frame.observed === observed)
    }),
  )
})

test('every refusal has its code', () => {
  for (const why of refusals) {
    const frame = parseRelayFrame(encodeRefused(touchName({ port: 1, counter: 2 }), why))
    assert.ok(frame?.kind === 'refused' && frame.why === why)
  }
})

test('no answer is longer than its question', () => {
  const { bind: asking, bound, challenge, hello, refresh, refreshed, refused } = samples
  const smallestBind = encodeBind({ ...bind, capability: filled(1, 1) }, () => filled(64, 1))
  assert.ok(challenge.length <= hello.length)
  assert.ok(bound.length <= smallestBind.length && refused.length <= smallestBind.length)
  assert.ok(refreshed.length <= refresh.length && refused.length <= refresh.length)
  assert.ok(asking.length <= 1_200, 'a bind fits any path')
})

test('a WireGuard packet, STUN and a path frame are none of ours', () => {
  for (const first of ['01000000', '04000000', '00010000', 'f0686601']) {
    assert.not.ok(isRelayFrame(Uint8Array.from(Buffer.from(first.padEnd(128, '0'), 'hex'))))
  }
})

for (const [kind, bytes] of Object.entries(samples)) {
  test(`damaged ${kind}: read as nothing, or as something, never thrown`, () => {
    refusesPolitely(hostileBytes(bytes), parseRelayFrame)
  })
}

test.run()
