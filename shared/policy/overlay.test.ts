// An overlay changes the policies of one node, and nothing else that records say.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../address/cidr.ts'
import { parseName } from '../ids.ts'
import { parseWith, specs } from '../intent/resource.ts'
import type { OverridePolicy } from '../override/override.ts'
import { fakeRecords } from '../record/parsed.fake.ts'
import type { ParsedRecords } from '../record/parsed.ts'
import type { Decision } from './decision.ts'
import { judge } from './oracle.ts'
import { overlayFault, overTime, withOverlays } from './overlay.ts'
import { endpointOf } from './world.fake.ts'
import { worldOf } from './world.ts'

const NODES = [
  { name: 'a', labels: { role: 'web' } },
  { name: 'b', labels: { role: 'db' } },
]

function policy(name: string, spec: object): OverridePolicy {
  return { name: parseName(name), spec: parseWith(specs.Policy, spec) }
}

function nodeOf(records: ParsedRecords, index: number): ParsedRecords['nodes'][number] {
  const node = records.nodes[index]
  assert.ok(node)
  return node
}

const records = fakeRecords({
  nodes: NODES,
  policies: {
    shut: { tier: 'Admin', priority: 0, action: 'Deny', subject: { nodeSelector: {} }, ingress: [{}] },
    web: { subject: { nodeSelector: {} }, ingress: [{ ports: [{ port: 80 }] }] },
  },
})

test('nothing but policies differs, and intent’s own are all still there', () => {
  const tier = fc.constantFrom('Admin', 'Standard', 'Baseline')
  const anything = fc.record({ tier, port: fc.integer({ min: 1, max: 65_535 }), name: fc.constantFrom('shut', 'x') })
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 4 }), (list) => {
      const policies = list.map(({ name, port, tier: own }) =>
        policy(name, { tier: own, subject: { nodeSelector: {} }, ingress: [{ ports: [{ port }] }] }),
      )
      const laid = withOverlays(records, [{ id: parseName('abc'), policies, expiresAt: 5_001 }])
      const { policies: after, ...rest } = laid
      const { policies: before, ...intent } = records
      assert.equal(rest, intent)
      for (const key of ['nodes', 'routes', 'keys'] as const) assert.is(laid[key], records[key])
      assert.equal(
        after.filter(({ name }) => !name.startsWith('+')),
        before,
      )
      assert.is(after.length, before.length + list.length)
    }),
  )
})

test('without overlays it is the very same object', () => assert.is(withOverlays(records, []), records))

/** What node `a` says of TCP to its port. */
function asked(laid: ParsedRecords, port: number): Decision {
  const world = worldOf(laid, () => undefined)
  const other = '10.77.0.2' as Address
  return judge({ subject: endpointOf(world, 'a'), direction: 'ingress', other, protocol: 'TCP', port }, world)
}

test('where priorities tie, the override comes first', () => {
  const open = policy('zz', { tier: 'Admin', priority: 0, subject: { nodeSelector: {} }, ingress: [{}] })
  const laid = withOverlays(records, [{ id: parseName('zzz'), policies: [open], expiresAt: 5_001 }])
  assert.is(asked(records, 80).verdict, 'drop')
  const { reason, verdict } = asked(laid, 80)
  assert.is(verdict, 'accept')
  assert.is(reason.kind === 'rule' && reason.policy, '+zzz/zz')
})

test('what opens, or passes by what closes, lapses by itself; what closes stays, and so does intent', () => {
  const mixed = policy('m', {
    tier: 'Admin',
    subject: { nodeSelector: {} },
    ingress: [
      { action: 'Pass', ports: [{ port: 80 }] },
      { action: 'Deny', ports: [{ port: 81 }] },
      { action: 'Accept', ports: [{ port: 82 }] },
    ],
  })
  const more = policy('n', { tier: 'Admin', subject: { nodeSelector: {} }, ingress: [{ ports: [{ port: 83 }] }] })
  const shut = policy('z', {
    tier: 'Admin',
    priority: 600,
    action: 'Deny',
    subject: { nodeSelector: {} },
    ingress: [{}],
  })
  const intent = {
    ...records,
    policies: [...records.policies.filter(({ name }) => name !== 'shut'), { name: parseName('z'), spec: shut.spec }],
  }
  const spans = overTime(intent, [
    { id: parseName('later'), policies: [more], expiresAt: 11_500 },
    { id: parseName('first'), policies: [mixed], expiresAt: 9_000 },
  ])
  const verdicts = spans.map(({ records: laid }) => [80, 81, 82, 83].map((port) => asked(laid, port).verdict))
  assert.equal(
    spans.map(({ untilS }) => untilS),
    [9, 12, undefined],
  )
  assert.equal(verdicts, [
    ['accept', 'drop', 'accept', 'accept'],
    ['drop', 'drop', 'drop', 'accept'],
    ['drop', 'drop', 'drop', 'drop'],
  ])
})

test('a Standard policy whose time is over goes on isolating', () => {
  const open = policy('o', { subject: { nodeSelector: {} }, ingress: [{ ports: [{ port: 81 }] }] })
  const allow = fakeRecords({ network: { defaultPolicy: 'Allow' }, nodes: NODES })
  const [during, after] = overTime(allow, [{ id: parseName('x'), policies: [open], expiresAt: 5_000 }])
  assert.ok(during && after)
  assert.equal([asked(during.records, 81).verdict, asked(during.records, 82).verdict], ['accept', 'drop'])
  assert.equal([asked(after.records, 81).verdict, asked(after.records, 82).verdict], ['drop', 'drop'])
})

test('without overlays there is one span, of the very same records', () => {
  assert.equal(overTime(records, []), [{ records }])
})

test('a subject by name selects that node', () => {
  const named = policy('p', { subject: { node: 'b' }, ingress: [{}] })
  assert.match(overlayFault(nodeOf(records, 0), named) ?? '', /changes nothing/)
  assert.is(overlayFault(nodeOf(records, 1), named), undefined)
})

test.run()
