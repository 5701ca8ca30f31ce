// Pods behind a service: which of them it has, what they are called from here, and who of them gets the next flow.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { packPods } from '../../shared/fact/pack-pods.ts'
import type { KnownPod, PodTable } from '../../shared/fact/pod-table.ts'
import { type NodeId, parseName } from '../../shared/ids.ts'
import { podTableBytesMax } from '../../shared/pod-limits.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { renderServices } from '../plan/nft-services.ts'
import { choose, chooseAll, type Known, type Way } from './choose.ts'
import { type Fronts, frontsOf } from './front.ts'
import { goneOf, type Stood, tableOf } from './table.ts'
import { unasked } from './verdict.ts'

const site = (name: string) => ({ role: 'gate', 'holdfast.dev/pod-site': name })
const pods = { namespace: 'shop', podSelector: { matchLabels: { app: 'web' } } }
const backends = { matchLabels: { role: 'gate' } }
const web = { ports: [{ port: 80, targetPort: 8_080 }], backends, pods }

const nodes = [
  { name: 'a', labels: site('north'), advertise: ['10.42.1.0/24'] },
  { name: 'b', labels: site('south'), advertise: ['10.42.2.0/24'] },
  { name: 'c', labels: site('north') },
  { name: 'd' },
]
const [A, B, C, D] = ['b', 'c', 'd', 'e'].map((letter) => `${letter}aaaaaaaaaaaaaaa` as NodeId) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]
const via = (name: string) => ({ matchLabels: { 'holdfast.dev/pod-site': name } })
const routes = {
  north: { destination: '10.42.1.0/24', via: via('north'), nat: 'none' },
  south: { destination: '10.42.2.0/24', via: via('south'), nat: 'netmap', mapTo: '10.202.2.0/24' },
}

function intent(services: Readonly<Record<string, object>> = { web }) {
  return fakeRecords({ nodes, routes, services })
}

interface FakePod extends Partial<Pick<KnownPod, 'labels' | 'ports' | 'ready'>> {
  readonly namespace?: string
}

function pod(name: string, address: string, { namespace = 'shop', ...more }: FakePod = {}): KnownPod {
  const labels = { app: 'web' }
  return { name, namespace: parseName(namespace), labels, addresses: [parseAddress(address)], ...more }
}

const table = (...all: readonly KnownPod[]): PodTable => packPods(all, [], podTableBytesMax).table
const told = new Map<NodeId, PodTable>([
  [A, table(pod('web-0', '10.42.1.11', { ready: true }), pod('web-1', '10.42.1.12', { ready: false }))],
  [B, table(pod('web-0', '10.42.2.11', { ready: true }))],
])

function found(self: NodeId, tables: ReadonlyMap<NodeId, PodTable> = told, records = intent()): Fronts {
  return frontsOf({ records, self, isLeaving: () => false, tableOf: (node) => tables.get(node) })
}

/** Each with its place, as the node calls it. */
function seen(fronts: Fronts): readonly string[] {
  const [front] = fronts.fronts
  return (front?.backends ?? []).map(({ addresses, behind, name, ports, ready }) => {
    return `${name} behind ${behind} ${addresses.join()}:${ports.map(({ targetPort }) => targetPort).join()} ${ready}`
  })
}

function stood(fronts: Fronts, ways: ReadonlyMap<NodeId, Partial<Way>> = new Map()): readonly Stood[] {
  const known: Known = {
    verdict: () => unasked,
    way: (node) => ({ path: 'direct', gone: false, ...ways.get(node) }),
    served: () => false,
  }
  return fronts.fronts.map((front) => ({ front, standing: choose(front.backends, known) }))
}

function standing(...given: Parameters<typeof stood>): readonly string[] {
  return stood(...given).flatMap((one) =>
    Array.from(one.standing, ([{ behind, name }, now]) => `${name}@${behind} ${now}`),
  )
}

test('pods are called as the mesh calls them, and by their own addresses at their own site', () => {
  const north = ['shop/web-0 behind a 10.42.1.11:8080 true', 'shop/web-1 behind a 10.42.1.12:8080 false']
  assert.equal(seen(found(D)), [north[0], 'shop/web-0 behind b 10.202.2.11:8080 true', north[1]])
  assert.equal(seen(found(B)), [north[0], 'shop/web-0 behind b 10.42.2.11:8080 true', north[1]])
  const twins = fakeRecords({
    nodes: [...nodes.slice(0, 3), { name: 'd', labels: via('south').matchLabels }],
    routes,
    services: { web },
  })
  assert.equal(seen(found(D, told, twins))[1], 'shop/web-0 behind b 10.42.2.11:8080 true')
})

test('only those are backends that the service selects, behind nodes that it selects', () => {
  const others = new Map(told).set(
    A,
    table(
      pod('db', '10.42.1.13', { labels: { app: 'db' } }),
      pod('web-0', '10.42.1.11', { namespace: 'stage' }),
      pod('far', '10.42.2.99'),
    ),
  )
  assert.equal(seen(found(D, others)), ['shop/web-0 behind b 10.202.2.11:8080 true'])
  assert.equal(seen(found(D, told, intent({ web: { ...web, backends: { matchLabels: { role: 'none' } } } }))), [])
  // Nothing leads there without a route.
  const unrouted = fakeRecords({ nodes, services: { web } })
  assert.equal(seen(found(D, told, unrouted)), [])
  assert.is(seen(found(C, told, unrouted)).length, 2, 'but for those of the same cluster')
})

test('a port by its name is that of each pod, in its protocol, and who has none by it has none of the service', () => {
  const page = (port: number, protocol: 'TCP' | 'UDP' = 'TCP') => [{ name: parseName('page'), protocol, port }]
  const named = { web: { ...web, ports: [{ port: 80, targetPort: 'page' }] } }
  const tables = new Map([
    [A, table(pod('web-0', '10.42.1.11', { ports: page(8_081) }), pod('web-1', '10.42.1.12', { ports: page(8_082) }))],
    [B, table(pod('mute', '10.42.2.11'), pod('other', '10.42.2.12', { ports: page(8_083, 'UDP') }))],
  ])
  const fronts = found(D, tables, intent(named))
  assert.equal(seen(fronts), [
    'shop/web-0 behind a 10.42.1.11:8081 undefined',
    'shop/web-1 behind a 10.42.1.12:8082 undefined',
  ])
  const text = renderServices(tableOf('hf0', stood(fronts)))
  assert.match(text, 'map { 0 : 10.42.1.11 . 8081, 1 : 10.42.1.12 . 8082 }')
})

test('only who is ready gets flows, the nearest site first, and the next where nobody there is', () => {
  const near = new Map([
    [A, { path: 'lan', rttMs: 1 } as const],
    [B, { path: 'direct', rttMs: 20 } as const],
  ])
  assert.equal(standing(found(D), near), ['shop/web-1@a fails', 'shop/web-0@a serves', 'shop/web-0@b stands-by'])
  assert.equal(standing(found(B), near), ['shop/web-1@a fails', 'shop/web-0@a stands-by', 'shop/web-0@b serves'])
  const none = new Map(told).set(A, table(pod('web-0', '10.42.1.11', { ready: false })))
  assert.equal(standing(found(D, none), near), ['shop/web-0@a fails', 'shop/web-0@b serves'])
  assert.match(renderServices(tableOf('hf0', stood(found(D, none), near))), 'dnat ip to 10.202.2.11:8080')
  const nobody = new Map([[A, table(pod('web-0', '10.42.1.11', { ready: false }))]])
  assert.not.match(renderServices(tableOf('hf0', stood(found(D, nobody)))), 'dnat')
  // A site that nothing comes back from.
  assert.equal(standing(found(D), new Map([[A, { gone: true }]])), [
    'shop/web-0@a lost',
    'shop/web-1@a lost',
    'shop/web-0@b serves',
  ])
})

test('without an address it is answered with all who are ready, however far, and nobody is led anywhere', () => {
  const fronts = found(D, told, intent({ web: { ...web, headless: true } }))
  const [front] = fronts.fronts
  assert.equal([front?.addresses, front?.headless], [[], true])
  const near: Known = {
    verdict: () => unasked,
    way: (node) => ({ path: node === A ? 'lan' : 'relay', rttMs: node === A ? 1 : 90, gone: false }),
    served: () => false,
  }
  const all = Array.from(
    chooseAll(front?.backends ?? [], near),
    ([{ behind, name }, now]) => `${name}@${behind} ${now}`,
  )
  assert.equal(all, ['shop/web-1@a fails', 'shop/web-0@a serves', 'shop/web-0@b serves'])
  assert.is(renderServices(tableOf('hf0', stood(fronts))), '')
})

test('those that are not ready serve where that is asked for', () => {
  const fronts = found(D, told, intent({ web: { ...web, pods: { ...pods, publishNotReady: true } } }))
  assert.ok(standing(fronts).includes('shop/web-1@a serves'), standing(fronts).join())
})

test('flows from one address go to one of them, and who comes or goes moves nobody else’s', () => {
  const tables = (...last: readonly number[]) =>
    new Map([[A, table(...last.map((at) => pod(`web-${at}`, `10.42.1.${at}`, { ready: true })))]])
  const heaps = (...last: readonly number[]): readonly string[] => {
    const fronts = found(D, tables(...last), intent({ web: { ...web, clientAffinityS: 600 } }))
    const text = renderServices(tableOf('hf0', stood(fronts)))
    assert.match(text, /jhash ip saddr mod 256 seed 0x[1-9a-f][0-9a-f]* map/)
    return [...text.matchAll(/\d+ : (10\.42\.1\.\d+) \. 8080/g)].map(([, address]) => address ?? '')
  }
  const [three, two] = [heaps(11, 12, 13), heaps(11, 13)]
  assert.is(three.length, 256)
  for (const last of [11, 12, 13]) {
    const own = three.filter((address) => address === `10.42.1.${last}`).length
    assert.ok(own > 50 && own < 130, `${own} heaps of .${last}`)
  }
  for (const [at, address] of three.entries()) {
    if (address === '10.42.1.12') assert.is.not(two[at], address)
    else assert.is(two[at], address)
  }
  const one = found(D, tables(11), intent({ web: { ...web, clientAffinityS: 600 } }))
  assert.match(renderServices(tableOf('hf0', stood(one))), 'dnat ip to 10.42.1.11:8080')
})

test('pods of an older agent, which says nothing of who is ready, serve like nodes: until they answer nothing', () => {
  const older = new Map([[A, table(pod('web-0', '10.42.1.11'), pod('web-1', '10.42.1.12'))]])
  assert.equal(standing(found(D, older)), ['shop/web-0@a serves', 'shop/web-1@a serves'])
})

test('flows are not refused for a gateway that is gone where another leads to the same pod', () => {
  const both = fakeRecords({
    nodes: [
      { name: 'a', labels: site('north'), advertise: ['10.42.1.0/24'] },
      { name: 'c', labels: site('north'), advertise: ['10.42.1.0/24'] },
      { name: 'd' },
    ],
    routes,
    services: { web: { ...web, ports: [{ port: 53, protocol: 'UDP' }] } },
  })
  const twice = new Map([
    [A, table(pod('web-0', '10.42.1.11', { ready: true }), pod('web-1', '10.42.1.12', { ready: true }))],
    [B, table(pod('web-0', '10.42.1.11', { ready: true }))],
  ])
  const now = stood(found(C, twice, both), new Map([[A, { gone: true }]]))
  assert.equal(
    goneOf(now).map(({ backend }) => backend),
    ['10.42.1.12'],
  )
  assert.equal(
    tableOf('hf0', now).lost.map(({ backend }) => backend),
    ['10.42.1.12'],
  )
})

test('many pods are bounded: ready ones first, and no site is left out for another’s many', () => {
  const many = (block: string, ready: (at: number) => boolean) =>
    Array.from({ length: 240 }, (_, at) => pod(`web-${at}`, `${block}.${at + 10}`, { ready: ready(at) }))
  const tables = new Map([
    [A, table(...many('10.42.1', (at) => at % 2 === 0))],
    [B, table(...many('10.42.2', () => true))],
  ])
  const fronts = found(D, tables)
  const all = fronts.fronts[0]?.backends ?? []
  assert.is(all.length, 256)
  assert.ok(all.every(({ ready }) => ready === true))
  assert.equal(
    [A, B].map((node) => all.filter((one) => one.node === node).length),
    [120, 136],
  )
  assert.equal(fronts.omitted, ['224 backends of Service/web, beyond 256'])
  assert.is(found(B, tables).fronts[0]?.backends.filter(({ here }) => here).length, 240, 'own ones come first')
  assert.ok(tableOf('hf0', stood(fronts)).ways.every(({ to }) => to.length <= 64))
  const records = intent()
  const services = Array.from({ length: 70 }, (_, at) => {
    return records.services.map((one) => ({ ...one, name: parseName(`web-${at}`), addresses: [] }))
  })
  const crowd = found(D, tables, { ...records, services: services.flat() })
  assert.is(
    crowd.fronts.reduce((sum, one) => sum + one.backends.length, 0),
    16_384,
  )
  assert.is(crowd.omitted.length, 70)
  assert.match(crowd.omitted.at(-1) ?? '', /^480 backends of Service\/web-69, beyond 0$/)
})

test.run()
