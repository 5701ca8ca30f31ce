// What two engines say to each other when one of them has another key: the word, and nothing else, under the former one.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import {
  generateWgPrivateKey,
  hkdf,
  openAead,
  sealAead,
  sha256,
  sharedSecretWith,
  wgPublicKey,
} from '../../shared/host/crypto.ts'
import type { PathSelf, PathTalk } from './path-talk.ts'
import { createPathTalk } from './talk.ts'

const A = parseEndpoint('192.0.2.1:51820')
const B = parseEndpoint('[2001:db8::2]:51820')
const clock = new FakeClock()
let seed = 0

function person(): PathSelf {
  const privateKey = generateWgPrivateKey()
  return { wgKey: wgPublicKey(privateKey), sharedWith: sharedSecretWith(privateKey) }
}

function talkOf(self: PathSelf, peer: PathSelf): PathTalk {
  const crypto = { sha256, hkdf, seal: sealAead, open: openAead }
  const talk = createPathTalk({ self, crypto, clock, entropy: seededEntropy(++seed) })
  talk.setPeers([peer.wgKey])
  return talk
}

const alice = person()

/** Dave, who may change his key, and Alice, who knows the former one. */
function rig() {
  const [before, after] = [person(), person()]
  const [one, talk] = [talkOf(alice, before), talkOf(before, alice)]
  const statement = Uint8Array.from({ length: 200 }, (_, at) => at)
  const rotate = (): void => talk.become({ self: after, former: [before], statement })
  return { one, talk, rotate, statement, before: before.wgKey, after: after.wgKey }
}

test('who asks under a former key is told the word, which proves itself; nothing else is said under that key', () => {
  const { before, one, rotate, statement, talk } = rig()
  const old = one.ping(before, 1, B)
  rotate()
  const heard = talk.receive(one.ping(before, 2, B), A)
  assert.is(heard?.type, 'stale')
  const told = heard?.type === 'stale' ? one.receive(heard.reply, B) : undefined
  assert.is(told?.type, 'key')
  assert.is(told?.type === 'key' && toHex(told.statement), toHex(statement))
  assert.is(talk.receive(one.call(before), A), undefined)
  assert.is(talk.receive(old, A)?.type, 'stale', 'what was under way is answered the same')
  assert.is(talk.receive(old, A), undefined, 'and once')
})

test('under the present key the two talk as before, and the word is no longer told', () => {
  const { after, one, rotate, talk } = rig()
  assert.is(talk.tellKey(alice.wgKey), undefined, 'there is nothing to tell')
  rotate()
  assert.is(one.receive(talk.tellKey(alice.wgKey) ?? new Uint8Array(0), B)?.type, 'key')
  one.setPeers([after])
  assert.is(one.receive(talk.tellKey(alice.wgKey) ?? new Uint8Array(0), B), undefined, 'who knows it hears noise')
  const asked = one.receive(talk.ping(alice.wgKey, 5, A), B)
  assert.is(asked?.type === 'ping' && talk.receive(asked.reply, A)?.type, 'pong')
  assert.is(talk.tellKey(alice.wgKey), undefined)
})

test('a former key draws no more answers than strangers get', () => {
  const { before, one, rotate, talk } = rig()
  rotate()
  let answers = 0
  for (let n = 0; n < 200; n++) if (talk.receive(one.ping(before, n, B), A) !== undefined) answers += 1
  assert.ok(answers > 0 && answers <= 60, `${answers} answers`)
})

test.run()
