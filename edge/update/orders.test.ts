// Orders of the hub as a device goes through them: taken once, kept over restarts, tried again where that may help, refused for
// good where it can't, and begun when it is the time.

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog, seededEntropy, settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { parseName, parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { encodeManifest } from '../../shared/release/manifest.ts'
import { signManifest } from '../../shared/release/seal.ts'
import { type Order, sealOrder } from '../../shared/wire/order.ts'
import { encodeChunks } from '../../shared/wire/sync.ts'
import { noUpdate, type UpdateCase } from './case.ts'
import type { KeptOrder } from './order-doors.ts'
import { createOrders, type Orders, type OrdersOptions } from './orders.ts'

const [hub, stranger, publisher] = [1, 2, 3].map((byte) => signerFromSeed(new Uint8Array(32).fill(byte)))
const network = parseNetworkId('abcdefgh2345')
const self = parseNodeId('abcdefgh2345abcd')
const SHA = 'a'.repeat(64)
const SPREAD_MS = 60_000

function releaseOf(version: string): NonNullable<Order['release']> {
  const files = [{ name: 'holdfast', kind: 'agent', target: 'linux-x64', size: 1, sha256: SHA }]
  const manifest = { version, commit: 'unknown', createdAt: '2026-01-01T00:00:00Z', files }
  assert.ok(publisher !== undefined)
  return signManifest(encodeManifest(manifest), publisher)
}

interface World {
  readonly clock: FakeClock
  readonly orders: Orders
  readonly did: string[]
  kept: KeptOrder | undefined
  /** What the next fetch, or laying, ends with. */
  fault: HoldfastError | undefined
  layFault: HoldfastError | undefined
  busy: string | undefined
  online: boolean
  update: UpdateCase
}

function worldOf(kept?: KeptOrder, change: Partial<OrdersOptions> = {}): World {
  const clock = new FakeClock()
  const world = { clock, did: [] as string[], kept, online: true, update: noUpdate } as unknown as World
  const act = (what: string, fault: HoldfastError | undefined): Promise<void> => {
    world.did.push(what)
    return fault === undefined ? Promise.resolve() : Promise.reject(fault)
  }
  assert.ok(hub !== undefined && publisher !== undefined)
  const orders = createOrders({
    clock,
    entropy: seededEntropy(7),
    log: memoryLog(),
    sha256,
    verify,
    inflate: (bytes, max) => inflateRawSync(bytes, { maxOutputLength: max }),
    doors: {
      target: 'linux-x64',
      spreadMs: SPREAD_MS,
      releaseKeys: () => [publisher.publicKey],
      kept: () => world.kept,
      keep: (order) => void (world.kept = order),
      fetch: ({ name }) => act(`fetch ${name}`, world.fault).then(() => '/tmp/x'),
      lay: (_, { version }) => act(`lay ${version}`, world.layFault).then(() => ({ version, sha256: SHA })),
      clear: () => void world.did.push('clear'),
    },
    network,
    self,
    trusted: () => trustedKeys([hub.publicKey], sha256),
    version: '1.0.0',
    update: {
      begin: (sha) => act(`begin ${sha.slice(0, 4)}`, undefined).then(() => ({}) as never),
      busy: () => world.busy,
      kept: () => world.update,
    },
    isOnline: () => world.online,
    journal: () => undefined,
    leave: () => void world.did.push('leave'),
    onChange: () => undefined,
    ...change,
  })
  orders.load()
  return Object.assign(world, { orders })
}

function tell({ orders }: World, order: Partial<Order>, by = hub): void {
  assert.ok(by !== undefined)
  const whole: Order = { network, node: self, serial: 1, update: parseName('fleet'), ...order }
  const deflated = deflateRawSync(sealOrder(whole, by, sha256))
  for (const chunk of encodeChunks('order', 'abcdefgh2345abcd', deflated, sha256(deflated))) orders.onReply(chunk)
}

async function pass(world: World, ms: number): Promise<string> {
  for (let left = ms; left > 0; left -= 1_000) {
    world.clock.advance(Math.min(1_000, left))
    await settle()
  }
  const { detail, state } = world.orders.view()
  return detail === undefined ? state : `${state}: ${detail}`
}

test('an order is carried out in its turn, once', async () => {
  const world = worldOf()
  tell(world, { release: releaseOf('2.0.0') })
  assert.match(await pass(world, 1), 'waiting: its turn')
  tell(world, { release: releaseOf('2.0.0') })
  await pass(world, SPREAD_MS)
  assert.equal(world.did, ['fetch holdfast', 'lay 2.0.0', 'begin aaaa', 'leave'])
  assert.equal(world.orders.view().serial, 1)
})

test('the version that comes finds the order, watches, and is done', async () => {
  const first = worldOf()
  tell(first, { serial: 9, release: releaseOf('2.0.0') })
  const [from, to] = [
    { slot: 'a', version: '1.0.0' },
    { slot: 'b', version: '2.0.0' },
  ] as const
  const world = worldOf(first.kept, { version: '2.0.0' })
  assert.is(world.orders.view().state, 'done')
  world.update = { ...noUpdate, now: { stage: 'trial', from, to, before: {} as never, since: 0 } }
  world.orders.look()
  assert.is(world.orders.view().state, 'trial')
  world.update = noUpdate
  assert.is(await pass(world, 10_000), 'done')
  assert.equal([world.orders.view().serial, world.did], [9, []])
})

test('who puts another version there by hand afterwards is not overruled by an order that was carried out', async () => {
  const first = worldOf()
  tell(first, { serial: 9, release: releaseOf('2.0.0') })
  const done = worldOf(first.kept, { version: '2.0.0' })
  const world = worldOf(done.kept)
  assert.is(await pass(world, 2 * SPREAD_MS), 'done: 1.0.0 was put here by hand since')
  assert.equal(world.did, [])
  tell(world, { serial: 10, release: releaseOf('3.0.0') })
  await pass(world, SPREAD_MS)
  assert.is(world.did.at(-1), 'leave')
})

test('a link that is lost, and a disk that is full, are tried again, further and further apart', async () => {
  const world = worldOf()
  world.fault = new HoldfastError('unreachable', 'the download was cut off')
  tell(world, { release: releaseOf('2.0.0') })
  assert.match(await pass(world, SPREAD_MS), 'waiting: the download was cut off')
  await pass(world, 3_600_000)
  const tries = world.did.length
  assert.ok(tries > 6 && tries < 14, `${tries} tries in an hour`)
  world.fault = undefined
  world.layFault = new HoldfastError('failed', 'there is no space')
  assert.match(await pass(world, 900_000), 'waiting: there is no space')
  world.layFault = undefined
  await pass(world, 900_000)
  assert.is(world.did.at(-1), 'leave')
})

for (const [what, fault, layFault] of [
  ['another file than the release lists', new HoldfastError('corrupt', 'another file'), undefined],
  ['a build that does not start here', undefined, new HoldfastError('unsupported', 'it does not start')],
] as const) {
  test(`${what} is refused for good, also after a restart; another order is another chance`, async () => {
    const world = Object.assign(worldOf(), { fault, layFault })
    tell(world, { release: releaseOf('2.0.0') })
    const said = await pass(world, SPREAD_MS)
    assert.match(said, /^refused: /)
    const tries = world.did.length
    await pass(world, 3_600_000)
    assert.is(world.did.length, tries)
    const later = worldOf(world.kept)
    assert.is(await pass(later, 3_600_000), said)
    assert.equal(later.did, [])
    tell(later, { serial: 2, release: releaseOf('2.0.0') })
    await pass(later, SPREAD_MS)
    assert.is(later.did.at(-1), 'leave')
  })
}

test('it waits until the hub is there and nothing else is on trial; what was fetched is not begun before', async () => {
  const world = worldOf()
  world.online = false
  tell(world, { release: releaseOf('2.0.0') })
  assert.is(await pass(world, SPREAD_MS), 'waiting: the hub is away')
  world.online = true
  world.busy = 'a revision is on trial'
  assert.is(await pass(world, 60_000), 'waiting: a revision is on trial')
  assert.equal(world.did, [])
  world.busy = undefined
  await pass(world, 20_000)
  assert.is(world.did.at(-1), 'leave')
})

test('a withdrawn order is not carried out, and what was fetched of it goes', async () => {
  const world = worldOf()
  tell(world, { release: releaseOf('2.0.0') })
  tell(world, { serial: 2 })
  assert.is(await pass(world, 2 * SPREAD_MS), 'none')
  assert.equal([world.did, world.orders.view().serial], [['clear'], 2])
})

test('an old one, of a stranger, or for somebody else is no order', async () => {
  const world = worldOf()
  tell(world, { serial: 5 })
  tell(world, { serial: 4, release: releaseOf('2.0.0') })
  assert.is(faultOf(() => tell(world, { serial: 6, release: releaseOf('2.0.0') }, stranger)).code, 'untrusted')
  const other = parseNodeId('bbcdefgh2345abcd')
  assert.is(faultOf(() => tell(world, { serial: 6, node: other, release: releaseOf('2.0.0') })).code, 'untrusted')
  const elsewhere = parseNetworkId('bbcdefgh2345')
  assert.is(faultOf(() => tell(world, { serial: 6, network: elsewhere })).code, 'untrusted')
  assert.is(await pass(world, 2 * SPREAD_MS), 'none')
  assert.is(world.orders.view().serial, 5)
})

test('a kept order that is damaged is forgotten: the hub tells it again', () => {
  const world = worldOf({ envelope: new Uint8Array(100) })
  assert.equal(world.orders.view(), { serial: 0, state: 'none' })
})

test.run()
