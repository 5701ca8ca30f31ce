// Which routes lead to pods, who gives way where two sites have the same addresses, and what stands on the nodes for it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Resource } from '../../../shared/intent/resource.ts'
import { resource } from '../../hub-world.fake.ts'
import type { InputObject } from '../input.ts'
import type { Derived } from './derived.ts'
import { derivePods, podPlaces, podSitesOf, withoutPods, withPods } from './pods.ts'

const options = { clusterName: 'kube', network: 'default' }
const ours = (name: string, spec: object = {}) => resource('Node', name, spec) as Resource<'Node'>
const route = (name: string, spec: object) => resource('Route', name, spec) as Resource<'Route'>

function theirs(name: string, podCIDRs: readonly unknown[], more: Partial<InputObject> = {}): InputObject {
  return {
    kind: 'Node',
    namespace: '',
    name,
    uid: name,
    resourceVersion: '1',
    generation: 1,
    annotations: {},
    labels: {},
    spec: { podCIDR: podCIDRs[0], podCIDRs },
    ...more,
  }
}

function derive(
  nodes: readonly InputObject[],
  routes: readonly Resource<'Route'>[] = [],
  names: readonly Resource<'Node'>[] = ['a', 'b', 'c'].map((name) => ours(name)),
): readonly Derived[] {
  return derivePods(nodes, { nodes: new Map(names.map((one) => [one.metadata.name as string, one])), routes }, options)
}

/** `kube--pods--a 10.42.0.0/24`, or what is wrong. */
function shown(list: readonly Derived[]): readonly string[] {
  return list
    .map(({ about, fault, resource: one }) =>
      one?.kind === 'Route' ? `${one.metadata.name} ${one.spec.destination}` : `${about}: ${fault?.message ?? ''}`,
    )
    .sort()
}

function routesOf(list: readonly Derived[]): readonly Resource<'Route'>[] {
  return list.flatMap(({ resource: one }) => (one?.kind === 'Route' ? [one] : []))
}

test('a node that is a device of ours has a route for each family; others have none', () => {
  const nodes = [theirs('a', ['10.42.0.0/24', 'fd42::/64']), theirs('stranger', ['10.42.1.0/24']), theirs('b', [])]
  const derived = derive(nodes)
  assert.equal(shown(derived), ['kube--pods--a 10.42.0.0/24', 'kube--pods6--a fd42::/64'])
  const [first] = routesOf(derived)
  assert.equal([first?.spec.nat, first?.spec.via], ['none', { matchLabels: { 'holdfast.dev/pod-site': 'kube' } }])
})

test('another name is told by an annotation or a label, and the network is that of the device', () => {
  const names = [ours('a', { network: 'second' }), ours('b')]
  const [two, one] = routesOf(
    derive(
      [
        theirs('ip-10-0-0-1.internal', ['10.42.0.0/24'], { annotations: { 'holdfast.dev/node': 'a' } }),
        theirs('x', ['10.42.1.0/24'], { labels: { 'holdfast.dev/node': 'b', 'holdfast.dev/pod-site': 'plant' } }),
      ],
      [],
      names,
    ),
  )
  assert.match(one?.metadata.name ?? '', /^kube--pods-x--ip-10-0-0-1-internal--[a-z2-7]{10}$/)
  assert.is(one?.spec.network, 'second')
  assert.equal(two?.spec.via.matchLabels, { 'holdfast.dev/pod-site': 'plant' })
})

test('of two sites with the same addresses the one that was there first keeps them, and the other is told', () => {
  const site = (name: string, block: string): InputObject =>
    theirs(name, [block], { labels: { 'holdfast.dev/pod-site': name } })
  const overlapping = [site('b', '10.42.0.0/24'), site('a', '10.42.0.0/16')]
  const first = derive(overlapping)
  assert.equal(shown(first), [
    'Node/b: the pods’ block 10.42.0.0/24 overlaps 10.42.0.0/16 of Node a',
    'kube--pods--a 10.42.0.0/16',
  ])
  assert.equal(shown(derive(overlapping, routesOf(derive([site('b', '10.42.0.0/24')])))), [
    'Node/a: the pods’ block 10.42.0.0/16 overlaps 10.42.0.0/24 of Node b',
    'kube--pods--b 10.42.0.0/24',
  ])
})

test('what people route themselves is theirs, by the name that it has in the mesh', () => {
  const spec = { via: { matchLabels: { role: 'gateway' } } }
  const node = [theirs('a', ['10.42.0.0/24'])]
  assert.match(shown(derive(node, [route('own', { destination: '10.42.0.0/16', ...spec })]))[0] ?? '', /of Route\/own$/)
  const mapped = route('own', { destination: '10.42.0.0/16', nat: 'netmap', mapTo: '10.99.0.0/16', ...spec })
  assert.equal(shown(derive(node, [mapped])), ['kube--pods--a 10.42.0.0/24'])
})

test('what is no block is told, and keeps no other from its route', () => {
  const derived = derive([theirs('a', ['10.42.0.0/33']), theirs('b', [7]), theirs('c', ['10.42.2.0/24'])])
  assert.is(derived.filter(({ fault }) => fault?.field === 'spec.podCIDRs').length, 2)
  assert.is(shown(derived).at(-1), 'kube--pods--c 10.42.2.0/24')
})

test('nodes of one site may have blocks within each other', () => {
  const nodes = [theirs('a', ['10.42.0.0/16']), theirs('b', ['10.42.7.0/24'])]
  assert.is(shown(derive(nodes)).filter((line) => line.startsWith('kube--pods')).length, 2)
})

test('what such a route leads to is advertised by its node, and nothing of it is written where people write', () => {
  const places = podPlaces(routesOf(derive([theirs('a', ['10.42.0.0/24', 'fd42::/64'])])))
  const plain = ours('a', { labels: { role: 'x' }, advertise: ['192.168.7.0/24'] })
  const full = withPods(plain, places) as Resource<'Node'>
  assert.equal(full.spec.advertise, ['192.168.7.0/24', '10.42.0.0/24', 'fd42::/64'])
  assert.equal(full.spec.labels, { role: 'x', 'holdfast.dev/pod-site': 'kube' })
  assert.equal(withoutPods(full, places), plain)
  for (const other of [ours('b'), ours('a', { network: 'second' }), route('a', { destination: '10.0.0.0/8', via: {} })])
    assert.is(withPods(other, places), other)
})

test('the sites of a cluster are those of its nodes that are devices', () => {
  const at = (name: string, site?: string) =>
    theirs(name, [], { labels: site === undefined ? {} : { 'holdfast.dev/pod-site': site } })
  const fleet = { nodes: new Map(['a', 'b', 'c'].map((name) => [name, ours(name)])) }
  const nodes = [at('c', 'south'), at('b'), at('a', 'north'), at('stranger', 'moon'), at('a2', 'north')]
  assert.equal(podSitesOf(nodes, fleet, options), ['kube', 'north', 'south'])
  assert.equal(podSitesOf([], fleet, options), [])
})

test.run()
