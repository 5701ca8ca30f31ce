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

/** One key signs: for everybody as they are now, what they ask for included. */
async function sign(world: World, more: object = {}): Promise<void> {
  const { lock, members, network } = world.hub.lockView('default')
  const list = members.map(({ member, signatures }) => ({ member, signatures: [...signatures] }))
  const bundle = { network, ...(lock === undefined ? {} : { lock }), ...more, members: list }
  world.hub.signMembers('default', signBundle(bundle, lockSigner(1), 'all', sha256), false, admin)
  await world.pass()
}

async function locked(): Promise<World> {
  const world = await started()
  await sign(world, { proposal: proposeFirst(world.network(), [lockKeyOf(1)], 1, 1) })
  return world
}

test('under a membership lock the word of the device alone changes nothing', async () => {
  const world = await locked()
  await state(world, 1, K1)
  assert.equal(recorded(world), [first.wgKey, undefined])
  assert.match(world.hub.audit(1)[0]?.detail ?? '', /have not signed/)
})

test('under a membership lock a key is asked for, signed for, turned to, and then of the record', async () => {
  const world = await locked()
  await state(world, 1, K1, { asked: true })
  const waiting = world.hub.lockView('default').members.filter(({ verdict }) => verdict === 'unsigned')
  assert.equal(
    waiting.map(({ isNext, member }) => [member.name, member.wgKey, isNext]),
    [['alpha', K1, true]],
  )
  assert.is(recordOf(world, 'node/alpha')['next'], undefined, 'nobody has signed')
  await state(world, 1, K1)
  assert.equal(recorded(world), [first.wgKey, undefined], 'too early')
  await sign(world)
  const next = recordOf(world, 'node/alpha')['next'] as { wgKey: WgKey; serial: number }
  assert.equal([next.wgKey, next.serial, ...recorded(world)], [K1, 1, first.wgKey, undefined])
  await state(world, 1, K2)
  assert.equal(recorded(world), [first.wgKey, undefined], 'another key than the one that was signed for')
  await state(world, 1, K1)
  assert.equal(recorded(world), [K1, 1])
  assert.is(recordOf(world, 'node/alpha')['next'], undefined)
  assert.ok(world.hub.lockView('default').members.every(({ verdict }) => verdict === 'admitted'))
})

test('what is asked for where there is no lock is nothing to the hub', async () => {
  const world = await started()
  const before = world.version()
  await state(world, 1, K1, { asked: true })
  assert.equal([recorded(world), world.version()], [[first.wgKey, undefined], before])
})

test.run()
