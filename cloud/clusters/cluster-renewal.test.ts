// Who gets the credentials of a cluster’s agent: whoever holds its key now, once for each challenge.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseName } from '../../shared/ids.ts'
import { renewalsPerMinuteMax } from '../../shared/limits.ts'
import { credentialId } from '../../shared/wire/enrol.ts'
import { type RenewRequest, renewProofBytes } from '../../shared/wire/renew.ts'
import { MemoryHubStore } from '../store/memory.fake.ts'
import { type ClusterKey, makeClusterKey, parseClusterKey } from './cluster-key.ts'
import { createClusterRenewal } from './cluster-renewal.ts'
import { openRegistry } from './registry.ts'

const pin = sha256(new Uint8Array([1]))

function open() {
  const entropy = seededEntropy(3)
  const made = makeClusterKey(entropy, pin)
  const registry = openRegistry(new MemoryHubStore())
  const { channel, key, node } = made
  registry.put({ name: 'north', network: parseName('default'), podBlocks: [], createdAt: 1, channel, key, node })
  const given = new Map<string, { readonly network: string; readonly id: Uint8Array }>()
  const clock = new FakeClock()
  const renewal = createClusterRenewal({
    registry,
    hub: { note: () => undefined },
    brokerAccess: {
      allow: async (of, network, password) => void given.set(of, { network, id: credentialId(password, sha256) }),
      revoke: async () => undefined,
      suspend: async () => undefined,
      resume: async () => undefined,
      credential: (of) => given.get(of)?.id,
    },
    broker: { url: '', webSocketPath: '/mqtt' },
    pins: [pin],
    verify,
    clock,
    entropy,
  })
  const request = ({ node: nodeId, signer }: ClusterKey, toPin = pin): RenewRequest => {
    const challenge = renewal.challenge(nodeId)
    return {
      nodeId,
      challenge: toBase64(challenge),
      proof: toBase64(signer.sign(renewProofBytes(nodeId, challenge, toPin))),
    }
  }
  const codeOf = (asked: RenewRequest): Promise<string> =>
    renewal.renew(asked).then(
      () => 'given',
      (error: unknown) => (isHoldfastError(error) ? `${error.code}: ${error.message}` : String(error)),
    )
  return { clock, codeOf, entropy, given, made, registry, renewal, request }
}

test('the word that was shown is the key, and lets its holder in where nobody else is', async () => {
  const { given, made, renewal, request } = open()
  const { broker } = await renewal.renew(request(parseClusterKey(`${made.word}\n`)))
  assert.is(broker.username, made.node)
  assert.equal(given.get(made.node), { network: made.channel, id: credentialId(broker.password, sha256) })
})

test('another key, another hub, a word that was heard before and one that was replaced open nothing', async () => {
  const { clock, codeOf, entropy, made, registry, request } = open()
  const other = makeClusterKey(entropy, pin)
  const refused = /^forbidden: the agent could not prove that it speaks for a cluster of this hub$/
  assert.match(await codeOf(request(other)), refused)
  assert.match(await codeOf(request({ ...other, node: made.node })), refused)
  assert.match(await codeOf(request(made, sha256(new Uint8Array([2])))), refused)
  const once = request(made)
  assert.is(await codeOf(once), 'given')
  assert.match(await codeOf(once), refused)
  const row = registry.get('north')
  assert.ok(row)
  registry.put({ ...row, node: other.node, channel: other.channel, key: other.key })
  await clock.advanceAsync(60_000)
  assert.match(await codeOf(request(made)), refused)
  assert.is(await codeOf(request(other)), 'given')
})

test('two that share a key take it from each other a few times a minute, and not more', async () => {
  const { clock, codeOf, made, request } = open()
  for (let at = 0; at < renewalsPerMinuteMax; at++) assert.is(await codeOf(request(made)), 'given')
  assert.match(await codeOf(request(made)), /^rate-limited/)
  await clock.advanceAsync(60_000)
  assert.is(await codeOf(request(made)), 'given')
})

test('a word with an error in it is refused, and not said again', () => {
  const { made } = open()
  for (const word of [
    '',
    'hfc1',
    'hf1.aaaaaaaa.AAAA',
    made.word.slice(0, -2),
    `${made.word}.x`,
    `hfc1.${'%'.repeat(86)}`,
  ]) {
    try {
      parseClusterKey(word)
      assert.unreachable(word)
    } catch (error) {
      assert.ok(isHoldfastError(error, 'invalid'), String(error))
      assert.not.match(String(error), word.slice(6) || 'nothing')
    }
  }
  assert.is(fromBase64(made.key).length, 32)
})

test.run()
