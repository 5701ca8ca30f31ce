// Who goes first: some, not all, the same on every machine.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { base32, type Name, type NodeId } from '../ids.ts'
import { type Candidate, chosenBy, turnsOf } from './goes-first.ts'

const name = 'canary' as Name
const candidate = fc
  .tuple(fc.uint8Array({ minLength: 10, maxLength: 10 }), fc.constantFrom('north', 'south'))
  .map(([bytes, site]): Candidate => ({ nodeId: base32(bytes, 16) as NodeId, labels: { site } }))
const fleet = fc.uniqueArray(candidate, { maxLength: 60, selector: ({ nodeId }) => nodeId })
const north = { matchLabels: { site: 'north' } }

test('a share is rounded up, comes from those that are selected, and does not depend on order', () =>
  fc.assert(
    fc.property(fleet, fc.integer({ min: 1, max: 99 }), fc.boolean(), (nodes, percent, narrow) => {
      const spec = narrow ? { percent, nodes: north } : { percent }
      const chosen = chosenBy({ name, spec }, nodes)
      const eligible = nodes.filter(({ labels }) => !narrow || labels['site'] === 'north')
      assert.is(chosen.size, Math.ceil((eligible.length * percent) / 100))
      for (const node of chosen) assert.ok(eligible.some(({ nodeId }) => nodeId === node))
      assert.equal([...chosenBy({ name, spec }, nodes.toReversed())], [...chosen])
    }),
  ))

test('a larger share keeps who went before', () =>
  fc.assert(
    fc.property(fleet, fc.integer({ min: 1, max: 98 }), (nodes, percent) => {
      const larger = chosenBy({ name, spec: { percent: percent + 1 } }, nodes)
      for (const node of chosenBy({ name, spec: { percent } }, nodes)) assert.ok(larger.has(node))
    }),
  ))

test('without a canary it is everybody’s turn, with several it is that of whom any names', () =>
  fc.assert(
    fc.property(fleet, (nodes) => {
      const [first, second] = [{ percent: 10 }, { nodes: north }].map((spec) => ({ name, spec }))
      if (first === undefined || second === undefined) return
      const none = turnsOf([], nodes)
      const both = turnsOf([first, second], nodes)
      for (const { nodeId } of nodes) {
        assert.ok(none(nodeId))
        assert.is(both(nodeId), chosenBy(first, nodes).has(nodeId) || chosenBy(second, nodes).has(nodeId))
      }
    }),
  ))

test('other canaries begin with others', () => {
  const nodes = Array.from({ length: 40 }, (_, at): Candidate => ({ nodeId: `node${at}` as NodeId, labels: {} }))
  const one = chosenBy({ name, spec: { percent: 20 } }, nodes)
  const other = chosenBy({ name: 'another' as Name, spec: { percent: 20 } }, nodes)
  assert.not.equal([...one].sort(), [...other].sort())
})

test.run()
