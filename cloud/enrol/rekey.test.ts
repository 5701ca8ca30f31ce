// A device states another key: what the hub takes into intent, and everything that changes nothing.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { type Fact, sealFact } from '../../shared/fact/fact.ts'
import { type KeyStatement, sealKeyStatement } from '../../shared/fact/key-statement.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { lockKeyOf, lockSigner } from '../../shared/host/lock-keys.fake.ts'
import { parseNetworkId, type WgKey } from '../../shared/ids.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { admin, createWorld, type Device, device, recordOf, type World } from '../hub-world.fake.ts'
import { proposeFirst, signBundle } from '../lock/signing.ts'

const [first, second] = [device(1), device(2)]
const [K1, K2] = [fakeWgKey(41), fakeWgKey(42)]
let seq = 0

async function started(): Promise<World> {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.join(2, 'beta')
  await world.pass()
  return world
}

/** `alpha` states a key with its next fact. */
async function state(
  world: World,
  serial: number,
  wgKey: WgKey,
  { by = first, ...more }: Partial<KeyStatement> & { readonly by?: Device } = {},
): Promise<void> {
  const word = { network: world.network(), node: first.nodeId, serial, wgKey, ...more }
  const keyStatement = toBase64(sealKeyStatement(word, by.signer, sha256))
  const fact: Fact = {
    node: first.nodeId,
    boot: 1,
    seq: ++seq,
    candidates: [],
    observed: [],
    relays: [],
    natType: 'unknown',
    keyStatement,
    at: 1,
  }
  await world.say(first.nodeId, 'fact', sealFact(fact, first.signer, sha256))
  await world.pass()
}

const recorded = (world: World): readonly unknown[] => {
  const { wgKey, wgSerial } = recordOf(world, 'node/alpha')
  return [wgKey, wgSerial]
}

test('a key that the device states is taken into its record, once, and stands in the audit log', async () => {
  const world = await started()
  const before = world.version().revision
  await state(world, 1, K1)
  assert.equal(recorded(world), [K1, 1])
  assert.is(world.version().revision, before + 1)
  const [row] = world.hub.audit(1)
  assert.equal([row?.actor, row?.verb, row?.target, row?.detail], ['alpha', 'rotate-key', 'node/alpha', 'serial 1'])
  await state(world, 1, K1)
  assert.is(world.version().revision, before + 1, 'the same word again changes nothing')
})

test('it outlives a restart of the hub', async () => {
  const world = await started()
  await state(world, 1, K1)
  world.crash()
  await world.restart()
  assert.equal(recorded(world), [K1, 1])
  await state(world, 1, K2)
  assert.equal(recorded(world), [K1, 1], 'nor is a serial used twice')
})

test('an older word, played again, is no step back', async () => {
  const world = await started()
  await state(world, 1, K1)
  await state(world, 2, K2)
  await state(world, 1, K1)
  assert.equal(recorded(world), [K2, 2])
})

for (const [what, run] of [
  ['signed by another device', (world: World) => state(world, 1, K1, { by: second })],
  ['of another network', (world: World) => state(world, 1, K1, { network: parseNetworkId('othernetaaaa') })],
  ['about another device', (world: World) => state(world, 1, K1, { node: second.nodeId })],
  ['that names another device’s key', (world: World) => state(world, 1, second.wgKey)],
] as const) {
  test(`a word ${what} changes nothing, and is written down once`, async () => {
    const world = await started()
    await run(world)
    await run(world)
    assert.equal(recorded(world), [first.wgKey, undefined])
    const refusals = world.hub.audit(100).filter(({ verb }) => verb === 'rotate-key-refused')
    assert.is(refusals.length, 1)
  })
}

test('a key that the device had before does not come back, nor does another’s former one', async () => {
  const world = await started()
  await state(world, 1, K1)
  await state(world, 2, first.wgKey)
  assert.equal(recorded(world), [K1, 1])
  assert.match(world.hub.audit(1)[0]?.detail ?? '', /had that key before/)
})

test('under a membership lock the word of the device alone changes nothing', async () => {
  const world = await started()
  const { members, network } = world.hub.lockView('default')
  const list = members.map(({ member, signatures }) => ({ member, signatures: [...signatures] }))
  const bundle = { network, proposal: proposeFirst(world.network(), [lockKeyOf(1)], 1, 1), members: list }
  world.hub.signMembers('default', signBundle(bundle, lockSigner(1), 'all', sha256), false, admin)
  await world.pass()
  await state(world, 1, K1)
  assert.equal(recorded(world), [first.wgKey, undefined])
  assert.match(world.hub.audit(1)[0]?.detail ?? '', /membership lock/)
})

test.run()
