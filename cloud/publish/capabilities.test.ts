// Capabilities from the hub: who is given one, what it says, and what it says after a removal.

import { inflateRawSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseName } from '../../shared/ids.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { capabilityLifeMs, openCapability } from '../../shared/wire/capability.ts'
import { Assembly, encodeRequest, parseChunk } from '../../shared/wire/sync.ts'
import { topics } from '../../shared/wire/topics.ts'
import { admin, createWorld, device, resource, signer, type World } from '../hub-world.fake.ts'

const one = device(1)
const trusted = trustedKeys([signer.publicKey], sha256)

async function enrolled(): Promise<World> {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.pass()
  return world
}

/** What the hub answers to one request; undefined for silence. */
async function ask(world: World): Promise<Uint8Array | undefined> {
  const id = 'aaaaaaaaaaaaaaaa'
  const from = world.broker.published.length
  const request = encodeRequest({ id, have: { epoch: 0, revision: 0 }, want: 'capability' })
  await world.say(one.nodeId, 'req', request)
  await world.pass()
  const topic = topics.rsp(world.network(), one.nodeId)
  const answers = world.broker.published.slice(from).filter((message) => message.topic === topic)
  const assembly = new Assembly(id)
  for (const { payload } of answers) {
    const whole = assembly.add(parseChunk(payload))
    if (whole === undefined) continue
    assert.is(whole.kind, 'capability')
    return new Uint8Array(inflateRawSync(whole.deflated))
  }
  return undefined
}

test('an enrolled node is given a capability signed by the present key, for its own key and seven days', async () => {
  const world = await enrolled()
  const envelope = await ask(world)
  assert.ok(envelope)
  const capability = openCapability(envelope, trusted, verify)
  assert.is(capability.node, one.nodeId)
  assert.is(capability.deviceKey, toBase64(one.signer.publicKey))
  assert.is(capability.network, world.network())
  assert.is(capability.expiresAt - capability.issuedAt, capabilityLifeMs)
  assert.equal({ epoch: capability.epoch, revision: capability.revision }, world.version())
})

test('a disabled node is given none until it is enabled again', async () => {
  const world = await enrolled()
  const held = world.hub.get('Node', parseName('alpha'))?.resource
  assert.ok(held)
  const { spec } = held
  world.hub.put(resource('Node', 'alpha', { ...spec, disabled: true }), admin)
  await world.pass()
  assert.is(await ask(world), undefined)
  world.hub.put(resource('Node', 'alpha', spec), admin)
  await world.pass()
  assert.ok(await ask(world))
})

test('a removed node is given none', async () => {
  const world = await enrolled()
  world.hub.delete('Node', parseName('alpha'), admin)
  await world.pass()
  assert.is(await ask(world), undefined)
})

test.run()
