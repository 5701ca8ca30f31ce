// Roll-outs through a whole hub in memory: who is told what, what is said of it, and what outlives the hub.

import { inflateRawSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { attempt, faultOf } from '../../shared/fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { encodeManifest } from '../../shared/release/manifest.ts'
import { signManifest } from '../../shared/release/seal.ts'
import { downloadProofBytes } from '../../shared/wire/download.ts'
import { anchorPin } from '../../shared/wire/enrol.ts'
import { type Order, openOrder } from '../../shared/wire/order.ts'
import { type RenewRequest, renewProofBytes } from '../../shared/wire/renew.ts'
import { encodeStatus, type StatusReport } from '../../shared/wire/report.ts'
import { Assembly, isReplyOf, parseChunk } from '../../shared/wire/sync.ts'
import { topics } from '../../shared/wire/topics.ts'
import { admin, createWorld, device, resource, signer, type World } from '../hub-world.fake.ts'
import type { Release, Releases } from '../release/releases.ts'
import type { RollStanding } from './standing.ts'

const SHA = 'a'.repeat(64)
const publisher = signerFromSeed(new Uint8Array(32).fill(3))

function releaseOf(version: string): Release {
  const files = [{ name: 'holdfast', kind: 'agent', target: 'linux-x64', size: 1, sha256: SHA }]
  const manifest = { version, commit: 'unknown', createdAt: '2026-01-01T00:00:00Z', files }
  const signed = signManifest(encodeManifest(manifest), publisher)
  return { manifest: { ...manifest, program: 'holdfast', format: 1 }, signed, directory: '/' }
}

const held = ['1.0.0', '2.0.0'].map(releaseOf)
const releases: Releases = {
  list: () => held,
  of: (version) => held.find(({ manifest }) => manifest.version === version),
  file: (sha) => (sha === SHA ? { path: '/x', size: 1 } : undefined),
}

async function started(count: number): Promise<World> {
  const world = createWorld({ releases })
  await world.start()
  for (let at = 1; at <= count; at++) {
    await world.join(at, `n${at}`)
    await world.presence(device(at).nodeId, true)
    await report(world, at, '1.0.0')
  }
  return world
}

async function report(
  world: World,
  at: number,
  version: string,
  order: StatusReport['order'] = { serial: 0, state: 'none' },
): Promise<void> {
  const applied = world.version()
  const payload = encodeStatus({
    version,
    order,
    boot: 1,
    startedAt: 1,
    addresses: [],
    revision: { held: applied, applied, lastGood: applied },
    peers: [],
    peersTotal: 0,
    peersReachable: 0,
    health: [],
    host: { os: 'x', kernel: 'x', arch: 'x', wireguard: 'kernel' },
    at: 1,
  })
  await world.say(device(at).nodeId, 'status', payload)
}

/** Orders that went out to that device, the newest last. */
function ordersTo(world: World, at: number): readonly Order[] {
  const topic = topics.rsp(world.network(), device(at).nodeId)
  const trusted = trustedKeys([signer.publicKey], sha256)
  return world.broker.published
    .filter((one) => one.topic === topic && isReplyOf(one.payload, 'order'))
    .map(({ payload }) => {
      const chunk = parseChunk(payload)
      const whole = new Assembly(chunk.id).add(chunk)
      assert.ok(whole !== undefined)
      return openOrder(new Uint8Array(inflateRawSync(whole.deflated)), trusted, verify)
    })
}

const LOOK_MS = 2_100
const told = (world: World, count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => at + 1).filter((at) => ordersTo(world, at).length > 0)

function update(world: World, spec: object): void {
  world.hub.put(resource('AgentUpdate', 'fleet', { version: '2.0.0', soakS: 0, ...spec }), admin)
}

function standing(world: World): RollStanding {
  const [one] = world.hub.agentUpdates()
  assert.ok(one !== undefined)
  return one
}

test('a release that is not here can’t be rolled out, and those that are here are named', async () => {
  const world = await started(0)
  const fault = faultOf(() => update(world, { version: '3.0.0' }))
  assert.equal([fault.code, fault.field], ['invalid', 'AgentUpdate/fleet spec.version'])
  assert.match(fault.remedy ?? '', 'There are: 1.0.0, 2.0.0.')
  assert.is(faultOf(() => update(createWorld(), {})).code, 'invalid')
  update(world, { version: '3.0.0', paused: true })
  await world.pass(LOOK_MS)
  assert.match(standing(world).heldBy ?? '', 'release 3.0.0 is not here')
})

test('one is told by an order of its own, the others once it runs there; no revision is made for it', async () => {
  const world = await started(3)
  const before = world.version()
  update(world, { waves: [{ count: 1 }, { percent: 100 }] })
  await world.pass(LOOK_MS)
  const [first = 0] = told(world, 3)
  assert.is(told(world, 3).length, 1)
  const [order] = ordersTo(world, first)
  assert.equal([order?.network, order?.node, order?.update], [world.network(), device(first).nodeId, 'fleet'])
  assert.equal(order?.release, releaseOf('2.0.0').signed)
  await world.pass(30_000)
  assert.is(ordersTo(world, first).length, 1, 'not told over and over')
  await report(world, first, '2.0.0', { serial: order?.serial ?? 0, state: 'done' })
  await world.pass(2 * LOOK_MS)
  assert.is(told(world, 3).length, 3)
  for (const at of [1, 2, 3]) await report(world, at, '2.0.0', { serial: order?.serial ?? 0, state: 'done' })
  await world.pass(LOOK_MS)
  assert.equal([standing(world).phase, standing(world).done], ['complete', 3])
  const ready = world.hub.get('AgentUpdate', 'fleet')?.status.conditions.find(({ type }) => type === 'Ready')
  assert.equal([ready?.status, ready?.reason], ['True', 'Complete'])
  const { epoch, revision } = world.version()
  assert.ok(epoch === before.epoch && revision <= before.revision + 1, 'the intent itself has no record')
  assert.not.ok(world.records().some((id) => id.startsWith('agentupdate/')))
})

test('outside of its window nobody is told, and it says so', async () => {
  const world = await started(2)
  const at = (minutes: number): string => new Date(world.clock.now() + minutes * 60_000).toISOString().slice(11, 16)
  update(world, { waves: [{ percent: 100 }], window: { from: at(10), to: at(20) } })
  await world.pass(LOOK_MS)
  assert.match(standing(world).heldBy ?? '', /it is not between/)
  await world.pass(8 * 60_000)
  assert.equal(told(world, 2), [])
  await world.pass(3 * 60_000)
  assert.equal(told(world, 2), [1, 2])
})

test('one that refuses it halts it: said, written down, told to those who watch; what waits is withdrawn', async () => {
  const world = await started(3)
  update(world, { waves: [{ count: 2 }, { percent: 100 }] })
  await world.pass(LOOK_MS)
  const [bad = 0, slow = 0] = told(world, 3)
  const serial = ordersTo(world, bad)[0]?.serial ?? 0
  await report(world, slow, '1.0.0', { serial, state: 'fetching', version: '2.0.0' })
  await report(world, bad, '1.0.0', { serial, state: 'refused', version: '2.0.0', detail: 'taken back: check hub' })
  await world.pass(2 * LOOK_MS)
  assert.is(standing(world).phase, 'halted')
  const ready = world.hub.get('AgentUpdate', 'fleet')?.status.conditions.find(({ type }) => type === 'Ready')
  assert.is(ready?.reason, 'Halted')
  assert.match(ready?.message ?? '', /halted: 1 failed.*n\d: taken back: check hub.*higher maxFailed/)
  assert.ok(
    world.hub
      .audit(20)
      .some(({ actor, target, verb }) => `${actor} ${verb} ${target}` === 'hub halt agentupdate/fleet'),
  )
  assert.ok(world.events.some((one) => one.type === 'update' && one.phase === 'halted'))
  const last = ordersTo(world, slow).at(-1)
  assert.equal([last?.release, last?.serial], [undefined, serial + 1])
  assert.is(told(world, 3).length, 2)
})

test('an agent that knows of no orders is sent none; one that is away is told when it comes back', async () => {
  const world = await started(2)
  await world.say(device(1).nodeId, 'status', encodeStatus({ ...statusWithout(), version: '0.9.0' }))
  await world.presence(device(2).nodeId, false)
  update(world, { waves: [{ percent: 100 }] })
  await world.pass(LOOK_MS)
  assert.equal(told(world, 2), [])
  assert.equal([standing(world).unable, standing(world).offline], [['n1'], ['n2']])
  await world.presence(device(2).nodeId, true)
  await world.pass(LOOK_MS)
  assert.equal(told(world, 2), [2])
})

function statusWithout(): StatusReport {
  const none = { epoch: 0, revision: 0 }
  return {
    version: '1',
    boot: 1,
    startedAt: 1,
    addresses: [],
    revision: { held: none, applied: none, lastGood: none },
    peers: [],
    peersTotal: 0,
    peersReachable: 0,
    health: [],
    host: { os: 'x', kernel: 'x', arch: 'x', wireguard: 'kernel' },
    at: 1,
  }
}

test('what was decided outlives the hub; the younger of two updates counts; one that is deleted is withdrawn', async () => {
  const world = await started(4)
  update(world, { waves: [{ count: 1 }, { percent: 100 }] })
  await world.pass(LOOK_MS)
  const [first = 0] = told(world, 4)
  const serial = ordersTo(world, first)[0]?.serial ?? 0
  world.crash()
  await world.restart()
  for (const at of [1, 2, 3, 4]) await world.presence(device(at).nodeId, true)
  await world.pass(LOOK_MS)
  assert.equal([standing(world).chosen, told(world, 4).length], [1, 1])
  await report(world, first, '1.0.0', { serial, state: 'waiting', version: '2.0.0' })
  world.hub.put(resource('AgentUpdate', 'other', { version: '1.0.0', allowDowngrade: true, paused: true }), admin)
  await world.pass(LOOK_MS)
  assert.is(ordersTo(world, first).at(-1)?.release, undefined)
  world.hub.delete('AgentUpdate', 'other', admin)
  world.hub.delete('AgentUpdate', 'fleet', admin)
  await report(world, first, '1.0.0', { serial: serial + 1, state: 'waiting', version: '2.0.0' })
  await world.pass(LOOK_MS)
  assert.equal([world.hub.agentUpdates(), ordersTo(world, first).at(-1)?.serial], [[], serial + 2])
})

test('a build is given to members that prove themselves for just that', async () => {
  const world = await started(1)
  const { nodeId, signer: own } = device(1)
  const proofOf = (bytes: typeof downloadProofBytes, by = own): RenewRequest => {
    const challenge = world.hub.challenge(nodeId)
    const proof = by.sign(bytes(nodeId, challenge, anchorPin(world.hub.anchor(), sha256)))
    return { nodeId, challenge: toBase64(challenge), proof: toBase64(proof) }
  }
  const ask = (proof: RenewRequest, sha = SHA): unknown => {
    const answer = attempt(() => world.hub.releaseFile(proof, sha))
    return answer instanceof Error ? answer.code : answer
  }
  assert.equal(ask(proofOf(downloadProofBytes)), { path: '/x', size: 1 })
  assert.is(ask(proofOf(downloadProofBytes), 'b'.repeat(64)), 'not-found')
  assert.is(ask(proofOf(renewProofBytes)), 'forbidden')
  assert.is(ask(proofOf(downloadProofBytes, publisher)), 'forbidden')
  const late = proofOf(downloadProofBytes)
  world.clock.advance(121_000)
  assert.is(ask(late), 'forbidden')
  world.hub.put(resource('Node', 'n1', { disabled: true }), admin)
  assert.is(ask(proofOf(downloadProofBytes)), 'forbidden')
})

test.run()
