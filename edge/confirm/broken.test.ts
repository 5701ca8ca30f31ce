// What counts as broken by a revision, and what does not.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NodeId } from '../../shared/ids.ts'
import { type FakeIntent, fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { brokenIn } from './broken.ts'
import { type Scope, scopeOf, wholeScope } from './change.ts'
import { nothingWorks, type Working } from './working.ts'

const nodes = ['me', 'near', 'far', 'relay'].map((name) => ({ name }))
const base: FakeIntent = { nodes }
const idOf = (index: number): NodeId => fakeRecords(base).nodes[index]?.nodeId as NodeId
const [near, far, relay] = [idOf(1), idOf(2), idOf(3)]

const all: Working = {
  hub: true,
  kernel: true,
  gateways: ['eth0 192.168.1.1', 'wwan0 10.64.0.1'],
  neighbours: ['eth0 192.168.1.7', 'eth0 192.168.1.8'],
  relays: [relay],
  peers: [near, far],
  probes: ['ping:10.0.0.1'],
}

const policy = { subject: { nodeSelector: {} } }
const changes = {
  policy: { nodes, policies: { web: policy } },
  route: {
    nodes: [{ name: 'me' }, { name: 'near', advertise: ['10.9.0.0/16'] }, ...nodes.slice(2)],
    routes: { wide: { destination: '10.9.0.0/16', via: {} } },
  },
  'far labels': { nodes: [...nodes.slice(0, 2), { name: 'far', labels: { role: 'x' } }, ...nodes.slice(3)] },
  joins: { nodes: [...nodes, { name: 'new' }] },
  'near leaves': base,
  'near has a new key': { nodes: [{ name: 'me' }, { name: 'near', wgKey: fakeWgKey(99) }, ...nodes.slice(2)] },
} as const satisfies Record<string, FakeIntent>

/** The relay offers itself. */
function withRelay(records: ParsedRecords): ParsedRecords {
  const offer = { port: 3_478, tlsPort: 443 }
  return { ...records, nodes: records.nodes.map((node) => (node.name === 'relay' ? { ...node, relay: offer } : node)) }
}

function change(name: keyof typeof changes): Scope {
  const next = withRelay(fakeRecords(changes[name]))
  const stays = next.nodes.filter((node) => name !== 'near leaves' || node.name !== 'near')
  return scopeOf({ good: withRelay(fakeRecords(base)), next: { ...next, nodes: stays }, self: idOf(0), local: [] })
}

const lost = (name: keyof typeof changes, now: Partial<Working>): string =>
  brokenIn(all, { ...all, ...now }, change(name))
    .map(({ check }) => check)
    .join(' ')

for (const [name, now, expected] of [
  ['policy', {}, ''],
  ['policy', { hub: false }, 'hub'],
  [
    'policy',
    { hub: false, gateways: [], neighbours: [], relays: [], probes: [] },
    'hub default-route lan relays probe',
  ],
  ['policy', { gateways: ['wwan0 10.64.0.1'], neighbours: ['eth0 192.168.1.8'] }, ''],
  ['policy', { peers: [far] }, ''],
  ['policy', { peers: [] }, 'peers'],
  ['route', { peers: [far] }, 'peers'],
  ['route', { hub: false }, 'hub'],
  ['far labels', { peers: [near] }, 'peers'],
  ['far labels', { peers: [far] }, ''],
  ['joins', { hub: false, gateways: [], neighbours: [] }, ''],
  ['joins', { peers: [] }, ''],
  ['joins', { probes: [] }, 'probe'],
  ['joins', { kernel: false }, 'kernel'],
  ['near leaves', { peers: [far] }, ''],
  ['near has a new key', { peers: [far] }, ''],
] as const satisfies readonly (readonly [keyof typeof changes, Partial<Working>, string])[]) {
  test(`${name}: without ${Object.keys(now).join(', ') || 'nothing'} (${JSON.stringify(now)})`, () => {
    assert.is(lost(name, now), expected)
  })
}

test('what did not work before is not missed', () => {
  assert.equal(brokenIn(nothingWorks, nothingWorks, change('route')), [])
})

test('the detail names the case', () => {
  const [first] = brokenIn(all, { ...all, peers: [far] }, change('route'))
  assert.is(first?.detail, 'no answer from near')
})

test('a kernel that was not brought to the revision yet is another loss than one that refuses it', () => {
  const due = { epoch: 1, revision: 7 }
  assert.equal(brokenIn(all, { ...all, kernel: false, due }, change('joins')), [
    { check: 'kernel', detail: 'the kernel is not brought to revision 7 yet', due: '7' },
  ])
  assert.equal(brokenIn(all, { ...all, due }, change('joins')), [])
})

test('another version of the program answers for everything, but for peers that are no members any more', () => {
  const records = withRelay(fakeRecords(base))
  const gone = { ...records, nodes: records.nodes.filter(({ name }) => name !== 'far') }
  assert.equal(
    brokenIn(all, nothingWorks, wholeScope(gone)).map(({ check, detail }) => `${check}: ${detail}`),
    [
      'hub: the link to the hub is lost',
      'default-route: no way out by eth0 192.168.1.1, wwan0 10.64.0.1',
      'lan: no answer from eth0 192.168.1.7, eth0 192.168.1.8',
      'kernel: the kernel does not take the revision wholly',
      'relays: no answer from relay',
      'peers: no answer from near',
      'probe: no answer from ping:10.0.0.1',
    ],
  )
})

test.run()
