// What runs after a rollback: properties over random pairs of sets.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { fakeLock, signMember } from '../../shared/host/lock-keys.fake.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Lock } from '../../shared/record/lock.ts'
import { createJudge } from '../../shared/record/member.ts'
import { FakeHub, type TestDevice, testDevice, testNetwork } from '../link/hub.fake.ts'
import { acceptSnapshot, type Held, type Readable } from './accept.ts'
import { composeRunning } from './compose.ts'

const devices = ['a', 'b', 'c', 'd', 'e'].map((name, index) => testDevice(name, index + 1))
const strangers = devices.map(({ name }, index) => ({ ...testDevice('x', index + 11), name }))
const newKeys = devices.map((_, index) => testDevice('y', index + 21).wgKey)

/** What one set says of each device: nothing, the device, the device with a new key, or another one under its name. */
type Says = 'absent' | 'same' | 'rotated' | 'replaced'
interface Draft {
  readonly nodes: readonly Says[]
  readonly role: string
  readonly cidr: string
  readonly unreadable: boolean
  readonly lock: boolean
}

const draft = fc.record<Draft>({
  nodes: fc.array(fc.constantFrom<Says>('absent', 'same', 'rotated', 'replaced'), { minLength: 5, maxLength: 5 }),
  role: fc.constantFrom('camera', 'press'),
  cidr: fc.constantFrom('10.77.0.0/24', '10.78.0.0/16'),
  unreadable: fc.boolean(),
  lock: fc.boolean(),
})

function deviceOf(says: Says, index: number): TestDevice | undefined {
  const device = devices[index]
  if (says === 'absent' || device === undefined) return undefined
  if (says === 'replaced') return strangers[index]
  return says === 'rotated' ? { ...device, wgKey: newKeys[index] as WgKey } : device
}

function fill(hub: FakeHub, { cidr, lock, nodes, role, unreadable }: Draft): void {
  for (const { name } of devices) hub.remove(`node/${name}`)
  nodes.forEach((says, index) => {
    const device = deviceOf(says, index)
    if (device !== undefined) hub.putNode(device, { labels: { role } })
  })
  const membershipLock = lock ? { membershipLock: { keys: ['one'], threshold: 1 } } : {}
  const manners = { dnsDomain: 'mesh.internal', mtu: 1420, defaultPolicy: 'Deny', keepalive: 25, failover: 'normal' }
  hub.put('network/default', { name: 'default', spec: { cidr, ...manners, relayPolicy: [], ...membershipLock } })
  if (unreadable) hub.put('teapot/x', {})
  else hub.remove('teapot/x')
}

function pair(older: Draft, newer: Draft): { good: Readable; held: Held } {
  const hub = new FakeHub()
  fill(hub, { ...older, unreadable: false })
  hub.commit()
  const good = acceptSnapshot(hub.anchors, undefined, hub.snapshot()).next
  fill(hub, newer)
  hub.commit()
  const held = acceptSnapshot(hub.anchors, good, hub.snapshot()).next
  if (good.parsed === undefined) throw new Error('the older set is readable')
  return { good, held }
}

const property = (check: (good: Readable, held: Held, older: Draft, newer: Draft) => void): void =>
  fc.assert(
    fc.property(draft, draft, (older, newer) => {
      const { good, held } = pair(older, newer)
      check(good, held, older, newer)
    }),
    { numRuns: 60 },
  )

test('nobody runs who is not in the newer set with that very device and key, and nobody who was not in the older', () =>
  property((good, held, older, newer) => {
    const running = composeRunning(good, held)
    const expected = devices.flatMap((_, index) => {
      const [was, is] = [
        deviceOf(older.nodes[index] ?? 'absent', index),
        deviceOf(newer.nodes[index] ?? 'absent', index),
      ]
      return was !== undefined && is?.nodeId === was.nodeId ? [`${is.nodeId} ${is.wgKey}`] : []
    })
    assert.equal(
      running.parsed.records.nodes.map(({ nodeId, wgKey }) => `${nodeId} ${wgKey}`),
      expected,
    )
  }))

test('everything else is the older set’s, but for who may vouch for members', () =>
  property((good, held, older, newer) => {
    const { network, nodes, policies, routes } = composeRunning(good, held).parsed.records
    assert.is(network?.spec.cidr, older.cidr)
    assert.equal([policies, routes], [good.parsed.records.policies, good.parsed.records.routes])
    for (const { labels } of nodes) assert.is(labels['role'], older.role)
    const lock = newer.unreadable ? older.lock : newer.lock
    assert.is(network?.spec.membershipLock !== undefined, lock)
  }))

test('composing a set with itself, and once more, changes nothing', () =>
  property((good, held) => {
    assert.is(composeRunning(good, good), good)
    const once = composeRunning(good, held)
    assert.equal(composeRunning({ ...good, ...once, parsed: { ...good.parsed, ...once.parsed } }, held), once)
  }))

test('a device that changed its device key is known by the new one alone, and is the same member', () => {
  const [device, later] = [testDevice('a', 1), testDevice('a', 41)]
  const hub = new FakeHub().putNode(device, { labels: { role: 'camera' } })
  hub.commit()
  const good = acceptSnapshot(hub.anchors, undefined, hub.snapshot()).next as Readable
  hub.putNode(device, { labels: { role: 'press' }, deviceKey: later.deviceKey, deviceSerial: 1 }).commit()
  const held = acceptSnapshot(hub.anchors, good, hub.snapshot()).next
  const [node] = composeRunning(good, held).parsed.records.nodes
  assert.equal(
    [node?.nodeId, node?.deviceKey, node?.deviceSerial, node?.labels['role']],
    [device.nodeId, later.deviceKey, 1, 'camera'],
  )
})

/** A locked set in which `a` has these addresses, signed for by these keys. */
function lockedSet(hub: FakeHub, lock: Lock, addresses: readonly string[], by: readonly number[]): FakeHub {
  const [device] = devices as [TestDevice]
  const { deviceKey, name, nodeId, wgKey } = device
  const own = addresses.map((address) => parseAddress(address))
  const membership = signMember(lock.network, { name, nodeId, deviceKey, wgKey, addresses: own }, by)
  hub.putNode(device, { addresses: own, membership }).commit()
  return hub
}

const OWN = '10.77.0.1'
const MOVED = ['10.90.0.1', OWN]
const judged = (good: Readable, held: Held, lock: Lock): string => {
  const [node] = composeRunning(good, held).parsed.records.nodes
  assert.ok(node)
  return `${node.addresses.join()} ${createJudge(lock, { sha256, verify })(node)}`
}

test('a step of a renumbering that is taken back leaves members who they are: each list has signatures of its own', () => {
  const lock = fakeLock({ network: testNetwork, keys: [1, 2], threshold: 2 })
  const hub = lockedSet(new FakeHub(), lock, [OWN], [1, 2])
  const good = acceptSnapshot(hub.anchors, undefined, hub.snapshot()).next as Readable
  lockedSet(hub, lock, MOVED, [1, 2])
  const held = acceptSnapshot(hub.anchors, good, hub.snapshot()).next
  assert.is(judged(good, held, lock), `${OWN} admitted`)
  const running = composeRunning(good, held)
  assert.is(running.parsed.records.nodes[0]?.membership?.length, 4)
  // A list that people never signed for has none, whatever stands beside it.
  const swapped = lockedSet(new FakeHub(), lock, [OWN], [])
  const bad = acceptSnapshot(swapped.anchors, undefined, swapped.snapshot()).next as Readable
  lockedSet(swapped, lock, MOVED, [1, 2])
  assert.is(judged(bad, acceptSnapshot(swapped.anchors, bad, swapped.snapshot()).next, lock), `${OWN} unsigned`)
})

test('what was signed before counts by the keys of the lock that is trusted now alone', () => {
  const before = fakeLock({ network: testNetwork, keys: [1, 2], threshold: 2 })
  const after = fakeLock({ network: testNetwork, keys: [2, 3], threshold: 2, after: before })
  const hub = lockedSet(new FakeHub(), before, [OWN], [1, 2])
  const good = acceptSnapshot(hub.anchors, undefined, hub.snapshot()).next as Readable
  lockedSet(hub, after, MOVED, [2, 3])
  const held = acceptSnapshot(hub.anchors, good, hub.snapshot()).next
  assert.is(judged(good, held, after), `${OWN} unsigned`)
  assert.is(judged(held as Readable, held, after), `${MOVED.join()} admitted`)
})

test('what is the same stays the same list', () => {
  const hub = new FakeHub().putNode(devices[0] as TestDevice)
  hub.commit()
  const good = acceptSnapshot(hub.anchors, undefined, hub.snapshot()).next as Readable
  hub.putNode(devices[1] as TestDevice).commit()
  const held = acceptSnapshot(hub.anchors, good, hub.snapshot()).next
  const { network, nodes, policies } = composeRunning(good, held).parsed.records
  assert.is(nodes, good.parsed.records.nodes)
  assert.is(policies, good.parsed.records.policies)
  assert.is(network, good.parsed.records.network)
})

test.run()
