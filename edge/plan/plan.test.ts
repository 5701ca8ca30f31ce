// The planner converges in one step from any state, ignores order, and gives no node another's rights in between.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Cidr } from '../../shared/address/cidr.ts'
import { compareCidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Name, NodeId, WgKey } from '../../shared/ids.ts'
import { emptyTable } from '../../shared/policy/table.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { createFakeKernel, type FakeKernel } from '../drivers/kernel.fake.ts'
import type { Desired, DesiredPeer } from './desired.ts'
import type { Enforcement } from './enforcement.ts'
import type { Op } from './op.ts'
import { plan } from './plan.ts'

const CIDRS = ['10.0.0.1/32', '10.0.0.2/32', '10.0.0.3/32', 'fd00::1/128', '192.168.1.0/24'] as Cidr[]
const ROUTES = ['10.0.0.0/24', '192.168.1.0/24', 'fd00::/64'] as Cidr[]

/** Each block belongs to one peer at most, as in every valid network. */
const peersArbitrary: fc.Arbitrary<readonly DesiredPeer[]> = fc
  .record({
    owners: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: CIDRS.length, maxLength: CIDRS.length }),
    there: fc.subarray([1, 2, 3, 4]),
    keepaliveS: fc.constantFrom(0, 25),
    endpoint: fc.constantFrom<Endpoint | undefined>(undefined, '192.0.2.1:51820' as Endpoint),
  })
  .map(({ owners, there, keepaliveS, endpoint }) =>
    there
      .map((owner) => ({
        node: `${owner}` as NodeId,
        name: `n${owner}` as Name,
        wgKey: fakeWgKey(owner),
        allowedIps: CIDRS.filter((_, index) => owners[index] === owner).sort(compareCidr),
        keepaliveS,
        ...(endpoint === undefined ? {} : { endpoint }),
      }))
      .sort((a, b) => compareText(a.wgKey, b.wgKey)),
  )

/** What tells one policy from another here is the mesh's port. */
function policyOf(meshPort: number): Enforcement {
  return { interface: 'hf0', meshPort, phases: [{ table: emptyTable }], forwards: [] }
}

const desiredArbitrary: fc.Arbitrary<Desired> = fc.record({
  interface: fc.constant('hf0'),
  listenPort: fc.constantFrom(51_820, 51_821),
  mtu: fc.constantFrom(1_280, 1_420),
  wgKey: fc.constantFrom(fakeWgKey(10), fakeWgKey(11)),
  addresses: fc.subarray(['10.0.0.9/32', 'fd00::9/128'] as Cidr[]),
  peers: peersArbitrary,
  routes: fc
    .subarray(ROUTES)
    .chain((list) =>
      fc
        .tuple(fc.constantFrom(50, 100), fc.constantFrom({}, { mtu: 1_328 }, { mtu: 1_216 }))
        .map(([metric, size]) => list.map((destination) => ({ destination, metric, ...size }))),
    ),
  forwarding: fc.subarray<4 | 6>([4, 6]),
  policy: fc.constantFrom(policyOf(51_822), policyOf(51_823)),
  ruleset: fc.constantFrom('one', 'two'),
  services: fc.constantFrom('', 'shop', 'shop and print'),
})

/** How a state between turns may have been spoilt. */
const spoilArbitrary = fc.subarray<(kernel: FakeKernel) => void>([
  (kernel) => void (kernel.ruleset = 'foreign'),
  (kernel) => void (kernel.policy = undefined),
  (kernel) => kernel.routes.clear(),
  (kernel) => kernel.device?.addresses.clear(),
  (kernel) => void (kernel.device = undefined),
  (kernel) => void (kernel.device && (kernel.device.up = false)),
  (kernel) => void kernel.device?.peers.delete(fakeWgKey(1)),
])

test('one plan reaches what is wanted from any state, and the next is empty', async () => {
  await fc.assert(
    fc.asyncProperty(desiredArbitrary, desiredArbitrary, spoilArbitrary, fc.boolean(), async (a, b, spoil, noIpv6) => {
      const kernel = createFakeKernel()
      kernel.noIpv6 = noIpv6
      const driver = kernel.driver()
      await driver.apply(plan(a, await driver.read()))
      for (const one of spoil) one(kernel)
      const { failed } = await driver.apply(plan(b, await driver.read()))
      assert.equal(failed, [])
      assert.equal(plan(b, await driver.read()), [])
    }),
    { numRuns: 300 },
  )
})

test('the order of members is irrelevant', async () => {
  await fc.assert(
    fc.asyncProperty(desiredArbitrary, desiredArbitrary, async (a, b) => {
      const driver = createFakeKernel().driver()
      await driver.apply(plan(a, await driver.read()))
      const observed = await driver.read()
      const mirrored = {
        ...observed,
        routes: observed.routes.toReversed(),
        ...(observed.device === undefined
          ? {}
          : { device: { ...observed.device, peers: observed.device.peers.toReversed() } }),
      }
      assert.equal(plan(b, mirrored), plan(b, observed))
    }),
  )
})

test('a keepalive begins with the endpoint, in one operation', async () => {
  await fc.assert(
    fc.asyncProperty(desiredArbitrary, desiredArbitrary, async (a, b) => {
      const kernel = createFakeKernel()
      const driver = kernel.driver()
      for (const desired of [a, b]) {
        for (const op of plan(desired, await driver.read())) {
          await driver.apply([op])
          for (const { endpoint, keepaliveS } of kernel.device?.peers.values() ?? []) {
            assert.ok(keepaliveS === 0 || endpoint !== undefined)
          }
        }
      }
    }),
  )
})

interface Moment {
  readonly port: number | undefined
  readonly cidr: Cidr
  readonly wgKey: WgKey
}

/** Who holds each block while the policy with that port is in force, at every moment of a plan. */
async function holders(a: Desired, b: Desired): Promise<readonly Moment[]> {
  const kernel = createFakeKernel()
  const driver = kernel.driver()
  await driver.apply(plan(a, await driver.read()))
  const moments: Moment[] = []
  const note = (): void => {
    for (const peer of kernel.device?.peers.values() ?? []) {
      for (const cidr of peer.allowedIps) moments.push({ port: kernel.policy?.meshPort, cidr, wgKey: peer.wgKey })
    }
  }
  for (const op of plan(b, await driver.read())) {
    await driver.apply([op])
    note()
  }
  return moments
}

test('no peer ever holds an address under a policy that means another by it', async () => {
  await fc.assert(
    fc.asyncProperty(desiredArbitrary, desiredArbitrary, async (a, b) => {
      const before = { ...a, policy: policyOf(1) }
      const after = { ...b, policy: policyOf(2) }
      const owner = (desired: Desired, cidr: Cidr): WgKey | undefined =>
        desired.peers.find((peer) => peer.allowedIps.includes(cidr))?.wgKey
      for (const { cidr, port, wgKey } of await holders(before, after)) {
        const meant = owner(port === 1 ? before : after, cidr)
        if (meant !== undefined) assert.is(wgKey, meant, `${cidr} under policy ${port}`)
      }
    }),
    { numRuns: 300 },
  )
})

/** As the peers of `desired`, but one of them has had another key. */
function renamed(desired: Desired, from: WgKey, to: WgKey): Desired {
  const peers = desired.peers.map((peer) => (peer.wgKey === from ? { ...peer, wgKey: to, replaces: from } : peer))
  return { ...desired, peers }
}

test('a device with another key is never without its addresses, and is reached where it was', async () => {
  const [key, next] = [fakeWgKey(1), fakeWgKey(20)]
  await fc.assert(
    fc.asyncProperty(desiredArbitrary, fc.boolean(), async (some, otherPolicy) => {
      const kernel = createFakeKernel()
      const driver = kernel.driver()
      await driver.apply(plan(some, await driver.read()))
      const before = kernel.device?.peers.get(key)
      const wanted = renamed({ ...some, policy: otherPolicy ? policyOf(1) : some.policy }, key, next)
      const silent = { ...wanted, peers: wanted.peers.map((peer) => ({ ...peer, keepaliveS: 0 })) }
      for (const peer of silent.peers) Reflect.deleteProperty(peer, 'endpoint')
      for (const op of plan(silent, await driver.read())) {
        await driver.apply([op])
        const held = [key, next].flatMap((one) => kernel.device?.peers.get(one)?.allowedIps ?? [])
        assert.equal(held, before?.allowedIps ?? [], 'one of the two keys has them at every moment')
      }
      const after = kernel.device?.peers.get(next)
      assert.is(after?.endpoint, before?.endpoint)
      const rest = plan(silent, await driver.read())
      assert.equal(rest, before === undefined ? [] : [{ op: 'peer-remove', wgKey: key }])
      await driver.apply(rest)
      assert.equal(plan(silent, await driver.read()), [])
    }),
  )
})

test('a former key that is somebody’s passes nothing over', async () => {
  const blank = { keepaliveS: 25, node: 'n' as NodeId, name: 'n' as Name }
  const peers = [
    { ...blank, wgKey: fakeWgKey(2), replaces: fakeWgKey(1), allowedIps: CIDRS.slice(0, 1) },
    { ...blank, wgKey: fakeWgKey(1), allowedIps: CIDRS.slice(1, 2) },
  ]
  const [base] = fc.sample(desiredArbitrary, { numRuns: 1, seed: 7 })
  assert.ok(base)
  const kernel = createFakeKernel()
  const driver = kernel.driver()
  await driver.apply(plan({ ...base, peers: peers.slice(1) }, await driver.read()))
  await driver.apply(plan({ ...base, peers }, await driver.read()))
  assert.is(kernel.device?.peers.size, 2)
})

test('on a fresh host policy comes first, and routes after what they need', async () => {
  const [desired] = fc.sample(
    desiredArbitrary.filter(
      (d) => d.peers.length > 0 && d.routes.length > 0 && d.addresses.length > 0 && d.services !== '',
    ),
    { numRuns: 1, seed: 7 },
  )
  assert.ok(desired)
  const names = plan({ ...desired, forwarding: [4] }, await createFakeKernel().driver().read()).map((op: Op) => op.op)
  assert.equal(
    [...new Set(names)],
    [
      'policy-set',
      'ruleset-set',
      'services-set',
      'link-add',
      'device-set',
      'peer-set',
      'address-add',
      'link-set',
      'forwarding-on',
      'route-add',
    ],
  )
})

test.run()
