// A network changes its addresses: whatever step two devices have heard of, they have addresses by which they talk in both ways,
// as long as nobody is two steps behind the end.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, type Cidr, contains, familyOf, hostCidr } from '../../shared/address/cidr.ts'
import type { NodeId } from '../../shared/ids.ts'
import { fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { movedTo, renumbered, type Step, steps } from '../../shared/record/renumbered.fake.ts'
import { zoneOf } from '../names/zone.ts'
import { desire } from './desire.ts'
import type { Desired } from './desired.ts'

const NAMES = ['a', 'b', 'c', 'd']
const RECORDS = fakeRecords({
  nodes: [...NAMES.map((name) => ({ name })), { name: 'gw', labels: { role: 'gw' }, advertise: ['192.168.50.0/24'] }],
  routes: { plant: { destination: '192.168.50.0/24', via: { matchLabels: { role: 'gw' } } } },
  services: { web: { backends: { matchLabels: { role: 'gw' } }, ports: [{ port: 80 }] } },
  policies: {
    web: { subject: { nodeSelector: {} }, ingress: [{ from: [{ nodeSelector: {} }], ports: [{ port: 80 }] }] },
  },
})
const OLD = RECORDS.nodes.map(({ addresses }) => addresses)

/** The device of that place, at that step. */
function at(index: number, step: Step): Desired {
  return desire({
    records: renumbered(RECORDS, step),
    self: RECORDS.nodes[index]?.nodeId as NodeId,
    wgKey: fakeWgKey(index + 1),
    interface: 'hf0',
    listenPort: 51_820,
    meshPort: 51_822,
    endpoints: new Map(),
    local: [],
  }).desired
}

/** From which address the kernel asks another one, by the longest route; undefined where nothing leads there. */
function sourceTo({ addresses, routes }: Desired, to: Address): Address | undefined {
  const [route] = routes
    .filter(({ destination }) => contains(destination, hostCidr(to)))
    .toSorted((x, y) => Number(y.destination.split('/')[1]) - Number(x.destination.split('/')[1]))
  if (route === undefined) return undefined
  const only = addresses.filter((own) => familyOf(own) === familyOf(to))
  return route.source ?? (only.length === 1 ? (only[0]?.split('/')[0] as Address) : undefined)
}

function allows({ peers }: Desired, name: string | undefined, address: Address): boolean {
  return peers.some((peer) => peer.name === name && peer.allowedIps.includes(hostCidr(address)))
}

/** `from` asks `to`, which answers. */
function isHeard(from: Desired, fromName: string | undefined, to: Desired, toName: string | undefined, asked: Address) {
  const source = sourceTo(from, asked)
  if (source === undefined || !from.addresses.includes(hostCidr(source))) return false
  const arrives = allows(from, toName, asked) && allows(to, fromName, source) && to.addresses.includes(hostCidr(asked))
  return arrives && sourceTo(to, source) !== undefined
}

const step = fc.constantFrom(...steps)

test('two devices at any steps talk in both ways by an address that both know; only who slept through all of it does not', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 4, maxLength: 4 }), (held) => {
      const worlds = held.map((one, index) => at(index, one))
      for (const [i, from] of worlds.entries()) {
        for (const [j, to] of worlds.entries()) {
          if (i === j) continue
          const pair = [held[i], held[j]]
          const all = [...(OLD[j] ?? []), ...(OLD[j] ?? []).map(movedTo)]
          const heard = all.filter((asked) => isHeard(from, NAMES[i], to, NAMES[j], asked))
          const slept = pair.includes('before') && pair.includes('done')
          // Of both families, and one of them at least in each.
          assert.is(heard.length > 0, !slept, `${pair.join(' and ')}: ${heard.join()}`)
          if (!slept) assert.equal(new Set(heard.map(familyOf)).size, 2)
        }
      }
    }),
  )
})

test('no two peers have one address, and none has an address of its own peer', () => {
  for (const one of steps) {
    const { addresses, peers } = at(0, one)
    const all = [...addresses, ...peers.flatMap(({ allowedIps }) => allowedIps)]
    assert.is(new Set(all).size, all.length, one)
  }
})

test('what lies behind routers is asked from the address that all know already', () => {
  const sourceAt = (one: Step) =>
    at(0, one).routes.find(({ destination }) => destination === ('192.168.50.0/24' as Cidr))?.source
  assert.equal(steps.map(sourceAt), [undefined, '10.77.0.1', '10.90.0.1', undefined])
})

test('names answer the older address until the turn, and both addresses have a name', () => {
  const zoneAt = (one: Step) => zoneOf(renumbered(RECORDS, one), 1)
  const hostAt = (one: Step, name: string) => zoneAt(one)?.hosts.get(`${name}.mesh.internal`)
  assert.equal(hostAt('both', 'b'), ['10.77.0.2', 'fd77::2'])
  assert.equal(hostAt('turned', 'b'), ['10.90.0.2', 'fd90::2'])
  assert.equal(hostAt('both', 'web'), ['10.77.0.201'])
  assert.equal(hostAt('turned', 'web'), ['10.90.0.201'])
  for (const one of ['both', 'turned'] as const) {
    for (const address of ['10.77.0.2', '10.90.0.2', 'fd77::2', 'fd90::2'] as Address[]) {
      assert.is(zoneAt(one)?.names.get(address), 'b.mesh.internal', `${one} ${address}`)
    }
  }
})

test('policy knows a peer by either address', () => {
  const table = at(0, 'both').policy.phases[0]?.table
  for (const address of ['10.77.0.2', '10.90.0.2', 'fd77::2', 'fd90::2'] as Address[]) {
    const identity = table?.addresses.get(hostCidr(address))
    assert.ok(identity !== undefined && identity === table?.addresses.get('10.77.0.2/32' as Cidr), address)
  }
  const own = ['10.77.0.1', '10.90.0.1'] as Address[]
  assert.is(new Set(own.map((address) => table?.locals.get(address))).size, 1)
})

test('the network that a host stands in takes neither of its addresses, and no route asks from one it does not have', () => {
  const { desired } = desire({
    records: renumbered(RECORDS, 'both'),
    self: RECORDS.nodes[0]?.nodeId as NodeId,
    wgKey: fakeWgKey(1),
    interface: 'hf0',
    listenPort: 51_820,
    meshPort: 51_822,
    endpoints: new Map(),
    local: [{ interface: 'eth0', address: '10.90.0.77' as Address, cidr: '10.90.0.0/24' as Cidr, physical: true }],
  })
  assert.not(desired.addresses.includes('10.90.0.1/32' as Cidr))
  for (const { source } of desired.routes)
    if (source !== undefined) assert.ok(desired.addresses.includes(hostCidr(source)))
})

test.run()
