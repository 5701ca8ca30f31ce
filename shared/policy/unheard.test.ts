// What means nothing on a node is listed with its place; what does not speak of it is not.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseWith, specs } from '../intent/resource.ts'
import { fakeRecords } from '../record/parsed.fake.ts'
import { unheardIn } from './unheard.ts'

const [self] = fakeRecords({ nodes: [{ name: 'a', labels: { role: 'web' } }] }).nodes
assert.ok(self)

const pods = { from: [{ podSelector: {} }], ports: [{ port: 'http' }] }
const node = { nodeSelector: {} }

function unheard(spec: object): readonly string[] {
  assert.ok(self)
  return unheardIn(parseWith(specs.Policy, spec), self)
}

test('peers that are pods, and ports by name', () => {
  assert.equal(unheard({ subject: node, ingress: [{}, pods], egress: [{ to: [{ namespaceSelector: {} }] }] }), [
    'ingress[1]: a peer that selects pods',
    'ingress[1]: a named port',
    'egress[0]: a peer that selects pods',
  ])
})

test('not of other nodes, not of a direction that the policy leaves alone, not in Audit mode', () => {
  assert.equal(unheard({ subject: { node: 'b' }, ingress: [pods] }), [])
  assert.equal(unheard({ subject: node, policyTypes: ['Egress'], ingress: [pods] }), [])
  assert.equal(unheard({ subject: node, mode: 'Audit', ingress: [pods] }), [])
})

test.run()
