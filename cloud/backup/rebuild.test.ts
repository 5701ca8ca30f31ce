// Intent to records and back: a hub that is rebuilt from what devices hold signs the very same records, one epoch higher, and
// moves nobody's address.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import { lockKeyOf, lockSigner } from '../../shared/host/lock-keys.fake.ts'
import { parseName } from '../../shared/ids.ts'
import { encodeSnapshot } from '../../shared/record/delta.ts'
import { signHead } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { admin, createWorld, device, enrolRequest, recordOf, resource, signer, type World } from '../hub-world.fake.ts'
import { proposeFirst, signBundle } from '../lock/signing.ts'
import { keepVerdicts } from '../override/verdicts.ts'
import type { Published } from '../store/hub-store.ts'
import { MemoryHubStore } from '../store/memory.fake.ts'
import { openCarriedSet } from './carried-set.ts'
import type { HubSecrets } from './keys.ts'
import { rebuild } from './rebuild.ts'

const root = signerFromSeed(sha256(utf8('root')))
const certificate = certifyKey(signer.publicKey, 1, root, sha256)
const secrets: HubSecrets = {
  root,
  roots: [],
  signing: { signer, certificate, issuedAt: 1 },
  authority: undefined,
  files: {} as HubSecrets['files'],
}

const held = (world: World): Published => world.store.published(world.network()) as Published
const frameOf = ({ head, records }: Pick<Published, 'head' | 'records'>): Uint8Array => encodeSnapshot(records, head)

/** A hub on a database that was made of nothing but what `world` has published. */
async function rebuiltFrom(world: World): Promise<World> {
  const next = createWorld()
  rebuild(next.store, [openCarriedSet(frameOf(held(world)), secrets)], {
    clock: new FakeClock(9_000),
    entropy: seededEntropy(3),
  })
  await next.restart()
  return next
}

const labels = fc.dictionary(fc.constantFrom('site', 'role', 'tier'), fc.constantFrom('a', 'b', ''), {
  noNullPrototype: true,
})
const selector = fc.record(
  {
    matchLabels: labels,
    matchExpressions: fc.array(fc.constant({ key: 'site', operator: 'In', values: ['a', 'b'] }), { maxLength: 2 }),
  },
  { requiredKeys: [], noNullPrototype: true },
)
const port = fc.integer({ min: 1, max: 65_535 })
const rules = fc.array(
  fc.record(
    {
      from: fc.array(
        selector.map((nodeSelector) => ({ nodeSelector })),
        { maxLength: 2 },
      ),
      ports: fc.array(
        port.map((p) => ({ protocol: 'TCP', port: p })),
        { maxLength: 3 },
      ),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
  { maxLength: 3 },
)
const some = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { requiredKeys: [], noNullPrototype: true })

const nodeSpec = some({
  labels,
  publicEndpoint: fc.constantFrom('203.0.113.7:51820', 'node.example.org:51820', '[2001:db8::7]:1'),
  relay: fc.record({ enabled: fc.boolean(), port }, { noNullPrototype: true }),
  advertise: fc.subarray(['192.168.77.0/24', '192.168.5.0/24', 'fd77::/64']),
  disabled: fc.boolean(),
})
const policySpec = fc.record(
  { subject: selector.map((nodeSelector) => ({ nodeSelector })), ingress: rules },
  { noNullPrototype: true },
)
const routeSpec = fc.record(
  {
    destination: fc.constantFrom('192.168.77.0/24', '192.168.5.0/24'),
    via: selector,
    metric: fc.integer({ min: 0, max: 65_535 }),
    nat: fc.constantFrom('none', 'masquerade'),
  },
  { noNullPrototype: true },
)
const serviceSpec = fc.record(
  { ports: port.map((one) => [{ port: one }]), backends: selector },
  { noNullPrototype: true },
)
const fleet = fc.record({
  nodes: fc.array(nodeSpec, { maxLength: 4 }),
  policies: fc.array(policySpec, { maxLength: 3 }),
  // Two routes to one place are refused where the same nodes lead there.
  routes: fc.uniqueArray(routeSpec, { maxLength: 2, selector: ({ destination }) => destination }),
  services: fc.array(serviceSpec, { maxLength: 2 }),
  canaries: fc.array(fc.record({ percent: fc.integer({ min: 1, max: 99 }) }, { noNullPrototype: true }), {
    maxLength: 1,
  }),
  network: some({ mtu: fc.integer({ min: 1_280, max: 9_000 }), failover: fc.constantFrom('fast', 'frugal') }),
})

async function worldOf(wanted: {
  readonly nodes: readonly object[]
  readonly policies: readonly object[]
  readonly routes: readonly object[]
  readonly services: readonly object[]
  readonly canaries: readonly object[]
  readonly network: object
}): Promise<World> {
  const world = createWorld()
  await world.start()
  const before = world.hub.get('Network', 'default')?.resource.spec as object
  world.hub.put(resource('Network', 'default', { ...before, ...wanted.network }), admin)
  for (const [at, spec] of wanted.nodes.entries()) {
    await world.join(at, `node-${at}`)
    world.hub.put(resource('Node', `node-${at}`, spec), admin)
  }
  for (const [kind, specs] of [
    ['Policy', wanted.policies],
    ['Route', wanted.routes],
    ['Service', wanted.services],
    ['Canary', wanted.canaries],
  ] as const)
    for (const [at, spec] of specs.entries()) world.hub.put(resource(kind, `${kind.toLowerCase()}-${at}`, spec), admin)
  await world.pass()
  return world
}

test('whatever was intended, a rebuilt hub signs the same records, one epoch higher, and knows the same devices', () =>
  fc.assert(
    fc.asyncProperty(fleet, async (wanted) => {
      const world = await worldOf(wanted)
      const before = held(world)
      const next = await rebuiltFrom(world)
      const after = held(next)
      assert.equal(after.records, before.records)
      assert.equal(after.version, { epoch: before.version.epoch + 1, revision: 1 })
      const members = world.hub.fleet().filter(({ name }) => before.records.has(`node/${name}`))
      assert.equal(
        next.hub
          .fleet()
          .map(({ addresses, deviceKey, name, nodeId, wgKey }) => [name, nodeId, wgKey, deviceKey, addresses]),
        members.map(({ addresses, deviceKey, name, nodeId, wgKey }) => [name, nodeId, wgKey, deviceKey, addresses]),
      )
      // And once more: nothing wears off.
      assert.equal(held(await rebuiltFrom(next)).records, after.records)
    }),
    { numRuns: 25 },
  ))

test('addresses stay, also those of nodes that no record tells of: they are given last', async () => {
  const world = createWorld()
  await world.start()
  for (const seed of [1, 2, 3]) await world.join(seed, `node-${seed}`)
  world.hub.put(resource('Node', 'node-2', { disabled: true }), admin)
  await world.pass()
  const lost = world.store.allocations().find(({ owner }) => owner === 'node/node-2')?.addresses ?? []
  const next = await rebuiltFrom(world)
  assert.equal(recordOf(next, 'node/node-3')['addresses'], recordOf(world, 'node/node-3')['addresses'])
  await next.join(4, 'node-4')
  const given = recordOf(next, 'node/node-4')['addresses'] as readonly string[]
  assert.is(
    given.some((address) => lost.includes(address as never)),
    false,
  )
})

test('a device that is known comes back under its name, one that is not needs a token; old tokens open nothing', async () => {
  const world = createWorld()
  await world.start()
  const word = world.token()
  await world.join(1, 'alpha', word)
  const next = await rebuiltFrom(world)
  for (const seed of [1, 2]) {
    const error: unknown = await next.hub
      .enrol(enrolRequest(word, device(seed), 'alpha'))
      .catch((reason: unknown) => reason)
    assert.ok(isHoldfastError(error, 'forbidden'), String(error))
  }
  await next.join(1, 'alpha')
  assert.equal(
    next.hub.fleet().map(({ name }) => name),
    ['alpha'],
  )
})

test('who rebuilt it, from what, stands in the audit log; no first network is made beside', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  const next = await rebuiltFrom(world)
  assert.equal(next.hub.list('Network').length, 1)
  const row = next.hub.audit(100).find(({ verb }) => verb === 'restore')
  assert.match(`${row?.target} ${row?.detail}`, /network\/default from devices at revision \d+; epoch 2/)
})

test('a set counts only whole, under the root, and if every record is understood', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  const good = held(world)
  const without = new Map(good.records)
  without.delete('node/alpha')
  const stranger = signerFromSeed(sha256(utf8('another root')))
  const other: HubSecrets = { ...secrets, root: stranger, signing: undefined }
  const byStranger = signHead(world.head(), stranger, sha256)
  const frame = frameOf(good)
  for (const [bytes, under, code] of [
    [frameOf({ ...good, records: without }), secrets, 'bad-root'],
    [frame, other, 'untrusted'],
    [frameOf({ ...good, head: byStranger }), secrets, 'untrusted'],
    [frame.slice(0, -1), secrets, 'invalid'],
    [frame.slice(0, 40), secrets, 'invalid'],
    [new Uint8Array(0), secrets, 'invalid'],
  ] as const) {
    try {
      openCarriedSet(bytes, under)
      assert.unreachable(code)
    } catch (error) {
      assert.ok(isHoldfastError(error, code), `${code}: ${String(error)}`)
    }
  }
  assert.is(openCarriedSet(frame, secrets).records.size, good.records.size)
})

test('a membership lock comes back with what people signed, and still keeps out who is not signed for', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  const { members, network } = world.hub.lockView('default')
  const list = members.map(({ member, signatures }) => ({ member, signatures: [...signatures] }))
  const proposal = proposeFirst(network.id, [lockKeyOf(1)], 1, 1)
  const signed = signBundle({ network, proposal, members: list }, lockSigner(1), 'all', sha256)
  world.hub.signMembers('default', signed, false, admin)
  await world.pass()
  const next = await rebuiltFrom(world)
  assert.equal(held(next).records, held(world).records)
  assert.equal(next.hub.lockView('default'), world.hub.lockView('default'))
  assert.is((await next.join(2, 'beta')).state, 'pending')
})

test('two networks of one name are not one hub’s', async () => {
  const [a, b] = [createWorld(), createWorld({ entropy: seededEntropy(99) })]
  for (const world of [a, b]) {
    await world.start()
    await world.join(1, 'alpha')
  }
  const sets = [a, b].map((world) => openCarriedSet(frameOf(held(world)), secrets))
  const store = new MemoryHubStore()
  assert.throws(
    () => rebuild(store, sets, { clock: new FakeClock(), entropy: seededEntropy(1) }),
    (error: unknown) => isHoldfastError(error, 'conflict'),
  )
  assert.equal(store.networks(), [])
})

test('what was said of an override is still said to its device', async () => {
  const world = createWorld()
  await world.start()
  const verdict = { id: parseName('abcdefghijklmnop'), node: device(1).nodeId, network: parseName('default') }
  keepVerdicts(world.store, [{ ...verdict, verdict: 'dropped' }])
  await world.hub.stop()
  await world.restart()
  const next = await rebuiltFrom(world)
  assert.equal(recordOf(next, `verdict/${verdict.id}`), recordOf(world, `verdict/${verdict.id}`))
})

test.run()
