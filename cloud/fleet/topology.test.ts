// Paths between sites, within one, and pair by pair: each pair counted once while both its ends are there.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topologySpotsMax } from '../../shared/dashboard-limits.ts'
import { parseName } from '../../shared/ids.ts'
import type { FleetNode } from '../hub.ts'
import type { RosterNode } from './roster.ts'
import { halvesOf, topologyOf } from './topology.ts'

type Peer = readonly [string, 'lan' | 'direct' | 'relay' | 'none', number?]

function node(name: string, site: string): RosterNode {
  return { name: parseName(name), network: parseName('default'), labels: site === '' ? {} : { site }, addresses: [] }
}

function device(name: string, peers: readonly Peer[], state: FleetNode['state'] = 'online'): FleetNode {
  const told = peers.map(([peer, path, rttUs]) => ({
    name: parseName(peer),
    path,
    ...(rttUs === undefined ? {} : { rttUs }),
    rxBytes: 1,
    txBytes: 1,
  }))
  return { name: parseName(name), state, health: [], report: { at: 5, peers: told } } as unknown as FleetNode
}

const nodes = [node('a', 'kiel'), node('b', 'kiel'), node('c', 'jena'), node('d', '')]
const fleet = [
  device('a', [
    ['b', 'lan', 300],
    ['c', 'relay', 40_000],
    ['d', 'none'],
  ]),
  device('b', [
    ['a', 'lan', 310],
    ['c', 'direct', 20_000],
  ]),
  device('c', [
    ['a', 'relay', 41_000],
    ['b', 'direct', 21_000],
  ]),
  device('d', [['a', 'direct', 9]], 'offline'),
]

test('pairs between sites are counted once, by their kind of path', () => {
  const { by, links, spots } = topologyOf(nodes, fleet, {})
  assert.is(by, 'site')
  assert.equal(
    spots.map(({ key, nodes: all, online }) => `${key}:${online}/${all}`),
    [':0/1', 'jena:1/1', 'kiel:2/2'],
  )
  assert.equal(links, [
    { a: '', b: 'kiel', paths: { none: 1 } },
    { a: 'jena', b: 'kiel', paths: { relay: 1, direct: 1 }, rttUs: 40_000 },
    { a: 'kiel', b: 'kiel', paths: { lan: 1 }, rttUs: 300 },
  ])
})

test('within a site each node stands for itself', () => {
  const { links, spots } = topologyOf(nodes, fleet, { by: 'site', within: 'kiel' })
  assert.equal(
    spots.map(({ key }) => key),
    ['a', 'b'],
  )
  assert.equal(links, [{ a: 'a', b: 'b', paths: { lan: 1 }, rttUs: 300 }])
})

test('behind a link both ends say how they reach each other, the worst first', () => {
  const halves = halvesOf(nodes, fleet, { by: 'site', a: 'jena', b: 'kiel' })
  assert.equal(
    halves.map(({ from, path, to }) => `${from}>${to} ${path}`),
    ['a>c relay', 'c>a relay', 'b>c direct', 'c>b direct'],
  )
  const alone = halvesOf(nodes, fleet, { by: 'site', a: '', b: 'kiel' })
  assert.equal(
    alone.map(({ from, path, state }) => `${from} ${path} ${state}`),
    ['a none online', 'd direct offline'],
  )
})

test('each node for itself, and by labels: one of each key will do, and a node without the key is none of them', () => {
  const role = (name: string, site: string, value: string): RosterNode => {
    return { ...node(name, site), labels: { site, role: value } }
  }
  const labelled = [role('a', 'kiel', 'till'), role('b', 'kiel', 'plc'), role('c', 'jena', 'till'), node('d', '')]
  const keysOf = (labels: Record<string, string[]>, each = true) => {
    const asked = new Map(Object.entries(labels).map(([key, values]) => [key, new Set(values)]))
    const { links, spots } = topologyOf(labelled, fleet, { each, labels: asked })
    return [spots.map(({ key }) => key), links.map(({ a, b }) => a + b)]
  }
  assert.equal(keysOf({}), [
    ['a', 'b', 'c', 'd'],
    ['ab', 'ac', 'ad', 'bc'],
  ])
  assert.equal(keysOf({ role: ['till'] }), [['a', 'c'], ['ac']])
  assert.equal(keysOf({ role: ['till', 'plc'], site: ['kiel'] }), [['a', 'b'], ['ab']])
  assert.equal(keysOf({ role: ['till'] }, false), [['jena', 'kiel'], ['jenakiel']])
  assert.equal(keysOf({ constructor: [''] }), [[], []])
  const till = new Map([['role', new Set(['till'])]])
  const halves = halvesOf(labelled, fleet, { by: 'site', a: 'jena', b: 'kiel', labels: till })
  assert.equal(
    halves.map(({ from, to }) => from + to),
    ['ac', 'ca'],
    'behind a link stand only those that are shown',
  )
})

test('more spots than a screen shows are counted, not drawn', () => {
  const many = Array.from({ length: topologySpotsMax + 5 }, (_, at) => node(`n${at}`, `s${at}`))
  const { more, spots } = topologyOf(many, [], { by: 'site' })
  assert.equal([spots.length, more], [topologySpotsMax, 5])
})

test.run()
