// An overlay changes the policies of one node, and nothing else that records say.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../ids.ts'
import { parseWith, specs } from '../intent/resource.ts'
import type { OverridePolicy } from '../override/override.ts'
import { fakeRecords } from '../record/parsed.fake.ts'
import type { ParsedRecords } from '../record/parsed.ts'
import { overlayFault, withOverlays } from './overlay.ts'
import { rulesFor } from './rules.ts'

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

test('where priorities tie, the override comes first', () => {
  const open = policy('zz', { tier: 'Admin', priority: 0, subject: { nodeSelector: {} }, ingress: [{}] })
  const laid = withOverlays(records, [{ id: parseName('zzz'), policies: [open], expiresAt: 5_001 }])
  const { admin } = rulesFor(laid, nodeOf(records, 0)).ingress
  assert.equal(
    admin.map(({ origin, verdict }) => [origin, verdict]),
    [
      ['+zzz/zz/ingress[0]', 'accept'],
      ['shut/ingress[0]', 'drop'],
    ],
  )
  assert.equal(
    admin.map(({ untilS }) => untilS),
    [6, undefined],
  )
})

test('what opens for a while says until when; what closes, and what intent says, does not', () => {
  const mixed = policy('m', {
    tier: 'Admin',
    subject: { nodeSelector: {} },
    ingress: [{ action: 'Pass' }, { action: 'Deny' }, { action: 'Accept' }],
  })
  const laid = withOverlays(records, [{ id: parseName('zzz'), policies: [mixed], expiresAt: 9_000 }])
  assert.equal(
    rulesFor(laid, nodeOf(records, 0)).ingress.admin.map(({ untilS }) => untilS),
    [undefined, 9, undefined, 9],
  )
})

test('a subject by name selects that node', () => {
  const named = policy('p', { subject: { node: 'b' }, ingress: [{}] })
  assert.match(overlayFault(records, nodeOf(records, 0), named) ?? '', /changes nothing/)
  assert.is(overlayFault(records, nodeOf(records, 1), named), undefined)
})

test.run()
