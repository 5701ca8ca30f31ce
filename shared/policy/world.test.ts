// Whose pods are believed, and what they are called.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { packPods } from '../fact/pack-pods.ts'
import { type Pod, type PodTable, succeedPods } from '../fact/pod-table.ts'
import { parseName } from '../ids.ts'
import { podTableBytesMax } from '../pod-limits.ts'
import { fakeRecords } from '../record/parsed.fake.ts'
import { compileTable } from './compile.ts'
import { judge } from './oracle.ts'
import { lookUp } from './table.ts'
import { type Endpoint, worldOf } from './world.ts'

const records = fakeRecords({
  nodes: [
    { name: 'gate', advertise: ['10.42.0.0/24'] },
    { name: 'plain' },
    { name: 'zeta', advertise: ['10.42.0.0/16'] },
  ],
})

function pod(name: string, ...addresses: readonly string[]): Pod {
  return { namespace: parseName('shop'), name, labels: { app: name }, addresses: addresses.map(parseAddress) }
}

function podsOf(byNode: Readonly<Record<string, readonly Pod[]>>): readonly Endpoint[] {
  const world = worldOf(records, ({ name }) => {
    const pods = byNode[name]
    const namespaces = [{ name: parseName('shop'), labels: { team: 'sales', 'kubernetes.io/metadata.name': 'other' } }]
    return pods === undefined ? undefined : { podTable: packPods(pods, namespaces, podTableBytesMax).table }
  })
  return world.endpoints.filter(({ kind }) => kind === 'pod')
}

test('a pod is known by its namespace, whose name nobody can change', () => {
  const [web] = podsOf({ gate: [pod('web', '10.42.0.9')] })
  assert.ok(web)
  assert.is(web.name, 'shop/web')
  assert.is(web.node, 'gate')
  assert.equal(web.namespace, { team: 'sales', 'kubernetes.io/metadata.name': 'shop' })
})

test('a node speaks for the addresses behind it alone', () => {
  assert.equal(
    podsOf({ gate: [pod('far', '10.42.1.9'), pod('host', '10.77.0.1'), pod('half', '10.42.0.9', 'fd00::9')] }),
    [],
  )
  assert.equal(podsOf({ plain: [pod('web', '10.42.0.9')] }), [])
})

test('one address is one pod', () => {
  const both = podsOf({ gate: [pod('web', '10.42.0.9')], zeta: [pod('liar', '10.42.0.9'), pod('own', '10.42.7.1')] })
  assert.equal(
    both.map(({ name, node }) => `${name} on ${node}`),
    ['shop/web on gate', 'shop/own on zeta'],
  )
})

test('of a table in which one pod changed, all other endpoints are the very same objects', () => {
  const table = (...pods: readonly Pod[]) => packPods(pods, [], podTableBytesMax).table
  const endpoints = (podTable: ReturnType<typeof table>): readonly Endpoint[] =>
    worldOf(records, ({ name }) => (name === 'gate' ? { podTable } : undefined)).endpoints
  const before = table(pod('db', '10.42.0.8'), pod('web', '10.42.0.9'))
  const [first, again] = [endpoints(before), endpoints(before)]
  assert.ok(first.every((one, at) => one === again[at]))
  const after = endpoints(succeedPods(table(pod('db', '10.42.0.8'), pod('web', '10.42.0.10')), before))
  const kept = after.filter((one) => first.includes(one)).map(({ name }) => name)
  assert.equal(kept, ['gate', 'plain', 'zeta', 'shop/db'])
  assert.is(succeedPods(table(pod('web', '10.42.0.9'), pod('db', '10.42.0.8')), before), before)
})

test('a pod is at the site of the node in front of it, whatever its own labels say', () => {
  const site = 'holdfast.dev/pod-site'
  const at = fakeRecords({
    nodes: [
      { name: 'gate', labels: { [site]: 'north' }, advertise: ['10.42.0.0/24'] },
      { name: 'plain', advertise: ['10.43.0.0/24'] },
    ],
  })
  const liar = (address: string): Pod => ({ ...pod('web', address), labels: { app: 'web', [site]: 'south' } })
  const pods: Readonly<Record<string, readonly Pod[]>> = { gate: [liar('10.42.0.9')], plain: [liar('10.43.0.9')] }
  const world = worldOf(at, ({ name }) => ({ podTable: packPods(pods[name] ?? [], [], podTableBytesMax).table }))
  assert.equal(
    world.endpoints.filter(({ kind }) => kind === 'pod').map(({ labels }) => labels),
    [{ app: 'web', [site]: 'north' }, { app: 'web' }],
  )
})

test('behind routers that map their subnets, pods with the same address are told apart', () => {
  const via = (role: string) => ({ matchLabels: { role } })
  const mapped = fakeRecords({
    nodes: [
      { name: 'east', labels: { role: 'east' }, advertise: ['10.42.0.0/24'] },
      { name: 'west', labels: { role: 'west' }, advertise: ['10.42.0.0/24'] },
    ],
    routes: {
      east: { destination: '10.42.0.0/24', via: via('east'), nat: 'netmap', mapTo: '10.142.0.0/24' },
      west: { destination: '10.42.0.0/24', via: via('west'), nat: 'none' },
    },
  })
  const table = () => packPods([pod('db', '10.42.0.8')], [], podTableBytesMax).table
  const tables = new Map<string, PodTable>([
    ['east', table()],
    ['west', table()],
  ])
  const told = (routes: typeof mapped.routes) =>
    worldOf({ ...mapped, routes }, ({ name }) => ({ podTable: tables.get(name) })).endpoints.filter(
      ({ kind }) => kind === 'pod',
    )
  const names = (routes: typeof mapped.routes) =>
    told(routes).map(({ addresses, name, node }) => `${name} on ${node} ${addresses.join()}`)
  assert.equal(names(mapped.routes), ['shop/db on east 10.142.0.8', 'shop/db on west 10.42.0.8'])
  assert.equal(names([]), ['shop/db on east 10.42.0.8'])
  const [first, again] = [told(mapped.routes), told(mapped.routes)]
  assert.ok(first.every((one, at) => one === again[at]))
})

test('a service that pods serve stands for them as a peer, behind its own nodes alone, and for no node', () => {
  const web = { ports: [{ port: 80 }], backends: { matchLabels: { role: 'gate' } } }
  const spec = { subject: { node: 'plain' }, ingress: [{ from: [{ service: 'web' }] }] }
  const shop = fakeRecords({
    nodes: [
      { name: 'gate', labels: { role: 'gate' }, advertise: ['10.42.0.0/24'] },
      { name: 'plain' },
      { name: 'zeta', advertise: ['10.43.0.0/24'] },
    ],
    services: { web: { ...web, pods: { namespace: 'shop', podSelector: { matchLabels: { app: 'web' } } } } },
    policies: { spec },
  })
  const table = (...pods: readonly Pod[]): PodTable => packPods(pods, [], podTableBytesMax).table
  const tables = new Map<string, PodTable>([
    ['gate', table(pod('web', '10.42.0.8'), pod('db', '10.42.0.9'))],
    ['zeta', table(pod('web', '10.43.0.8'))],
  ])
  const of = (some: typeof shop) => worldOf(some, ({ name }) => ({ podTable: tables.get(name) }))
  const world = of(shop)
  const plain = world.endpoints.find(({ name }) => name === 'plain')
  assert.ok(plain)
  const { table: compiled } = compileTable(world, 'plain')
  const mayCome = (from: string): boolean => {
    const question = { direction: 'ingress', other: parseAddress(from), protocol: 'TCP', port: 80 } as const
    const said = judge({ ...question, subject: plain }, world)
    const [local] = plain.addresses
    assert.ok(local)
    assert.equal(lookUp(compiled, { ...question, local }), said)
    return said.verdict === 'accept'
  }
  const gate = String(world.endpoints[0]?.addresses[0])
  assert.equal(['10.42.0.8', '10.42.0.9', '10.43.0.8', gate].map(mayCome), [true, false, false, false])
  // Where no policy names it, pods are what they were.
  const unnamed = of({ ...shop, policies: [] })
  assert.ok(unnamed.endpoints.every(({ serves }) => serves === undefined))
})

test.run()
