// What two engines say to each other, with real keys: answers come back, and nothing else gets one.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import {
  generateWgPrivateKey,
  hkdf,
  openAead,
  sealAead,
  sha256,
  sharedSecretWith,
  wgPublicKey,
} from '../../shared/host/crypto.ts'
import { parseWgKey, type WgKey } from '../../shared/ids.ts'
import type { Heard, PathTalk } from './path-talk.ts'
import { createPathTalk } from './talk.ts'

const A = parseEndpoint('192.0.2.1:51820')
const B = parseEndpoint('[2001:db8::2]:51820')
const MALLORY = parseEndpoint('203.0.113.66:4242')

interface Person {
  readonly key: WgKey
  /** As after a start of the agent: the keys stay, everything else is gone. */
  readonly start: (...peers: readonly WgKey[]) => PathTalk
}

const clock = new FakeClock()
let seed = 0

function person(): Person {
  const privateKey = generateWgPrivateKey()
  const key = wgPublicKey(privateKey)
  const crypto = { sha256, hkdf, seal: sealAead, open: openAead }
  const self = { wgKey: key, sharedWith: sharedSecretWith(privateKey) }
  const start = (...peers: readonly WgKey[]): PathTalk => {
    const talk = createPathTalk({ self, crypto, clock, entropy: seededEntropy(++seed) })
    talk.setPeers(peers)
    return talk
  }
  return { key, start }
}

const [alice, bob, carol] = [person(), person(), person()]
let probe = 0

/** Alice at A asks Bob at B once; what Alice makes of the answer. */
function roundTrip(one: PathTalk, other: PathTalk): Heard | undefined {
  const asked = other.receive(one.ping(bob.key, ++probe, B), A)
  return asked?.type === 'ping' ? one.receive(asked.reply, B) : undefined
}

/** Alice and Bob, each of whom knows the other's session. */
function acquainted(): readonly [PathTalk, PathTalk] {
  const [one, other] = [alice.start(bob.key), bob.start(alice.key)]
  assert.is(roundTrip(one, other)?.type, 'pong')
  const asked = one.receive(other.ping(alice.key, ++probe, A), B)
  assert.is(asked?.type === 'ping' && other.receive(asked.reply, A)?.type, 'pong')
  return [one, other]
}

function replyTo(heard: Heard | undefined): Uint8Array {
  assert.is(heard?.type, 'ping')
  return heard?.type === 'ping' ? heard.reply : new Uint8Array(0)
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const out = bytes.slice()
  out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return out
}

test('a ping is answered; its answer tells the time it took and whence the ping came', () => {
  const [one, other] = [alice.start(bob.key), bob.start(alice.key)]
  const asked = other.receive(one.ping(bob.key, 7, B), A)
  clock.advance(23)
  const heard = one.receive(replyTo(asked), B)
  assert.equal(heard, { type: 'pong', peer: bob.key, probe: 7, rttMs: 23, seenAs: A })
  assert.is(asked?.peer, alice.key)
})

test('a pong from elsewhere, a second time, too late or for nothing asked does not count', () => {
  const [one, other] = acquainted()
  const ask = (): Uint8Array => replyTo(other.receive(one.ping(bob.key, ++probe, B), A))
  assert.is(one.receive(ask(), MALLORY), undefined)
  const twice = ask()
  assert.is(one.receive(twice, B)?.type, 'pong')
  assert.is(one.receive(twice, B), undefined)
  const late = ask()
  clock.advance(3_001)
  assert.is(one.receive(late, B), undefined)
  const again = alice.start(bob.key)
  const foreign = ask()
  assert.is(again.receive(foreign, B), undefined, 'asked by an earlier life')
})

test('no frame is understood with any bit of it wrong', () => {
  const [one, other] = acquainted()
  const ping = one.ping(bob.key, ++probe, B)
  const pong = replyTo(other.receive(ping, A))
  const call = one.call(bob.key)
  for (let bit = 0; bit < ping.length * 8; bit++) {
    assert.is(other.receive(flipped(ping, bit), A), undefined, `ping, bit ${bit}`)
    assert.is(one.receive(flipped(pong, bit), B), undefined, `pong, bit ${bit}`)
    assert.is(other.receive(flipped(call, bit), A), undefined, `call, bit ${bit}`)
    // What junk may cost is limited; in time there is room for the next.
    clock.advance(10)
  }
})

test('hostile bytes are never understood, and never throw', () => {
  const [one, other] = acquainted()
  const ping = one.ping(bob.key, ++probe, B)
  fc.assert(
    fc.property(hostileBytes(ping), (bytes) => {
      clock.advance(10)
      if (toHex(bytes) !== toHex(ping)) assert.is(other.receive(bytes, MALLORY), undefined)
    }),
    { numRuns: 1_000 },
  )
})

test('frames of a known session come once, in whatever order', () => {
  const [one, other] = acquainted()
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(39), { maxLength: 80 }), (count, order) => {
      const frames = Array.from({ length: count }, (_, i) =>
        i % 2 === 0 ? one.ping(bob.key, ++probe, B) : one.call(bob.key),
      )
      const understood = new Set<number>()
      for (const i of order) {
        const frame = frames[i]
        if (frame === undefined) continue
        assert.is(other.receive(frame, A) !== undefined, !understood.has(i))
        understood.add(i)
      }
    }),
    { numRuns: 50 },
  )
})

test('an earlier life, played again, brings about an answer and nothing else', () => {
  const earlier = alice.start(bob.key)
  const other = bob.start(alice.key)
  assert.is(roundTrip(earlier, other)?.type, 'pong')
  const asked = earlier.receive(other.ping(alice.key, ++probe, A), B)
  assert.is(other.receive(replyTo(asked), A)?.type, 'pong', 'the earlier life was known')
  const heldBack = replyTo(earlier.receive(other.ping(alice.key, 9_999, A), B))
  const [ping, call] = [earlier.ping(bob.key, ++probe, B), earlier.call(bob.key)]

  const later = alice.start(bob.key)
  assert.is(roundTrip(later, other)?.type, 'pong', 'a restarted peer is answered before it is known')
  assert.is(other.receive(later.call(bob.key), A), undefined, 'and not obeyed')
  const known = later.receive(other.ping(alice.key, ++probe, A), B)
  assert.is(other.receive(replyTo(known), A)?.type, 'pong')
  assert.is(other.receive(later.call(bob.key), A)?.type, 'call', 'until it has proved its session')
  assert.equal(other.receive(later.call(bob.key, MALLORY), A), { type: 'call', peer: alice.key, at: MALLORY })

  const reply = replyTo(other.receive(ping, MALLORY))
  assert.ok(reply.length <= ping.length)
  assert.is(other.receive(call, MALLORY), undefined)
  clock.advance(3_001)
  assert.is(other.receive(heldBack, A), undefined, 'a pong held back until now')
  assert.is(other.receive(call, A), undefined, 'does not bring the earlier life back')
})

test('strangers are answered at a rate; the known one never waits', () => {
  const other = bob.start(alice.key)
  const earlier = alice.start(bob.key)
  const answered = Array.from({ length: 200 }, () => other.receive(earlier.ping(bob.key, ++probe, B), A))
  const count = answered.filter((heard) => heard !== undefined).length
  assert.ok(count >= 20 && count <= 60, String(count))
  const [one, friend] = acquainted()
  for (let i = 0; i < 200; i++) assert.is(friend.receive(one.ping(bob.key, ++probe, B), A)?.type, 'ping')
})

test('junk that bears the right tag does not drown the known session', () => {
  const [one, other] = acquainted()
  const ping = one.ping(bob.key, ++probe, B)
  const entropy = seededEntropy(4)
  for (let i = 0; i < 2_000; i++) {
    const junk = ping.slice()
    junk.set(entropy.bytes(8), 16)
    assert.is(other.receive(junk, MALLORY), undefined)
  }
  assert.is(other.receive(ping, A)?.type, 'ping')
})

test('an answer is never longer than its question, and a long question is as long as was asked for', () => {
  const [one, other] = acquainted()
  for (const size of [0, 82, 83, 576, 1_280, 1_472, 9_000]) {
    const ping = one.ping(bob.key, ++probe, B, size)
    assert.is(ping.length, Math.max(82, size))
    const reply = replyTo(other.receive(ping, A))
    assert.ok(reply.length <= ping.length)
    assert.is(one.receive(reply, B)?.type, 'pong')
  }
})

test('who is no peer, and who speaks for another, gets silence', () => {
  const other = bob.start(alice.key)
  assert.is(other.receive(carol.start(bob.key).ping(bob.key, 1, B), A), undefined)
  const both = bob.start(alice.key, carol.key)
  const ping = carol.start(bob.key).ping(bob.key, 1, B)
  const disguised = ping.slice()
  disguised.set(alice.start(bob.key).ping(bob.key, 1, B).subarray(8, 16), 8)
  assert.is(both.receive(disguised, A), undefined)
  assert.is(both.receive(ping, A)?.peer, carol.key)
  const own = both.ping(alice.key, 1, A)
  assert.is(both.receive(own, A), undefined, 'sent back to its sender')
})

test('a peer that leaves and comes back is a stranger again, and no nonce is used twice', () => {
  const [one, other] = acquainted()
  const before = one.ping(bob.key, ++probe, B)
  one.setPeers([])
  assert.is(one.receive(other.ping(alice.key, ++probe, A), B), undefined)
  one.setPeers([bob.key])
  const after = one.ping(bob.key, ++probe, B)
  assert.is.not(toHex(after.subarray(16, 24)), toHex(before.subarray(16, 24)))
  // It is answered at once, though its counter begins anew.
  assert.is(one.receive(replyTo(other.receive(after, A)), B)?.type, 'pong')
})

test('a peer whose key is no fair point is sent what nobody understands', () => {
  // No door lets such a key in; the talk does not rely on that.
  const weak = Buffer.alloc(32).toString('base64') as WgKey
  const one = alice.start(weak, bob.key)
  assert.is(one.ping(weak, 1, B).length, 82)
  assert.is(roundTrip(one, bob.start(alice.key))?.type, 'pong')
})

test('a thousand peers cost nothing until one of them speaks', () => {
  let multiplied = 0
  const privateKey = generateWgPrivateKey()
  const key = wgPublicKey(privateKey)
  const sharedWith = (peer: WgKey): Uint8Array => {
    multiplied += 1
    return sharedSecretWith(privateKey)(peer)
  }
  const crypto = { sha256, hkdf, seal: sealAead, open: openAead }
  const talk = createPathTalk({ self: { wgKey: key, sharedWith }, crypto, clock, entropy: seededEntropy(1) })
  const entropy = seededEntropy(2)
  const many = Array.from({ length: 1_000 }, () => parseWgKey(Buffer.from(entropy.bytes(32)).toString('base64')))
  talk.setPeers([...many, bob.key])
  talk.setPeers([bob.key, ...many])
  assert.is(multiplied, 0)
  const friend = bob.start(key)
  for (let i = 0; i < 3; i++) assert.is(talk.receive(friend.ping(key, i, A), B)?.peer, bob.key)
  assert.is(multiplied, 1)
})

test.run()
