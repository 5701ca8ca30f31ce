// How this node and its relays look, as `netcheck` and `paths` are told.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { type NodeId, parseName, parseNodeId } from '../../shared/ids.ts'
import type { Chooser } from '../paths/chooser.ts'
import type { RelaySight } from '../paths/outlook.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { agentPaths, type PathSources } from './paths.ts'

const ME = parseNodeId('mmmmmmmmmmmmmmmm')
const NAMES: ReadonlyMap<NodeId, string> = new Map(
  ['near', 'far', 'firm', 'gone'].map((name) => [parseNodeId(name.padEnd(16, 'a')), name]),
)
const [NEAR, FAR, FIRM, GONE] = [...NAMES.keys()] as [NodeId, NodeId, NodeId, NodeId]

const member = (name: string) => ({ member: { name: parseName(name) } })
const sources = {
  clock: new FakeClock(),
  peers: {
    entries: [],
    of: (node: NodeId) => (NAMES.has(node) ? member(NAMES.get(node) ?? '') : undefined),
  },
  facts: { facts: new Map() },
  members: { me: () => ({ name: parseName('me'), nodeId: ME }) },
  sizes: undefined,
  ports: { report: () => undefined },
  uplinks: { report: () => undefined, translator: () => undefined },
} as unknown as PathSources

function chooser(sights: readonly RelaySight[]): Chooser {
  return {
    engine: () => 'on',
    mapping: () => ({ natType: 'symmetric', mapped: [], relays: [] }),
    outsideHosts: () => ['198.51.100.7'],
    relaySights: () => sights,
  } as unknown as Chooser
}

function local(address: string, block: string, physical = true): LocalAddress {
  return { address: parseAddress(address), cidr: parseCidr(block), interface: 'eth0', physical }
}

test('relays by name, the nearest first, those that do not answer last; this node has a name, too', () => {
  const sights: readonly RelaySight[] = [
    { relay: GONE, by: 'silent' },
    { relay: FIRM, by: 'tls' },
    { relay: FAR, by: 'udp', rttMs: 80 },
    { relay: NEAR, by: 'udp', rttMs: 9 },
    { relay: ME, by: 'silent' },
  ]
  const { relays } = agentPaths(sources, chooser(sights), undefined, [])
  assert.equal(relays, [
    { name: 'near', by: 'udp', rttMs: 9 },
    { name: 'far', by: 'udp', rttMs: 80 },
    { name: 'firm', by: 'tls' },
    { name: 'gone', by: 'silent' },
    { name: 'me', by: 'silent' },
  ])
})

test('outside are the addresses that others see, and the own ones that nobody translates', () => {
  const addresses = [
    local('192.168.1.9', '192.168.1.0/24'),
    local('2001:db8::9', '2001:db8::/64'),
    local('2001:db8:5::9', '2001:db8:5::/64', false),
  ]
  const { outside } = agentPaths(sources, chooser([]), undefined, addresses)
  assert.equal(outside, ['198.51.100.7', '2001:db8::9'])
})

test.run()
