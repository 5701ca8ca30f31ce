// What the hub says of a service: who stands behind it, and no more than it knows.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apiVersion, parseResource } from '../../shared/intent/resource.ts'
import { conditionsOf } from './conditions.ts'
import { type Candidate, servingOf } from './serving.ts'

const web = { role: 'web' }
const nodes: readonly Candidate[] = [
  { name: 'c', labels: { ...web, 'holdfast.dev/drain': 'true' }, online: true },
  { name: 'a', labels: web, online: true },
  { name: 'b', labels: web, online: false },
  { name: 'd', labels: {}, online: true },
]

function ready(list: readonly Candidate[]): string | undefined {
  const resource = parseResource({
    apiVersion,
    kind: 'Service',
    metadata: { name: 'shop' },
    spec: { ports: [{ port: 80 }], backends: { matchLabels: web } },
  })
  const stored = { resource, createdAt: 1, generation: 1, resourceVersion: '1', updatedAt: 1, uid: 'u' }
  const serving = servingOf({ matchLabels: web }, list)
  const said = conditionsOf(
    stored as unknown as Parameters<typeof conditionsOf>[0],
    { progress: undefined, node: undefined, rollout: undefined, serving },
    (_, __, first) => first,
  ).find(({ type }) => type === 'Ready')
  return said && `${said.status} ${said.reason}: ${said.message}`
}

test('who is selected, connected, and draining', () => {
  assert.equal(servingOf({ matchLabels: web }, nodes), { online: ['a', 'c'], offline: ['b'], draining: ['c'] })
})

test('ready where somebody is connected, unknown where all are offline, and not where nobody is selected', () => {
  const some = 'True SomeOffline: 2 of 3 backends are connected; offline: b; draining: c'
  assert.is(ready(nodes), some)
  assert.is(ready(nodes.slice(1, 2)), 'True BackendsOnline: 1 of 1 backends are connected')
  assert.is(ready(nodes.slice(2)), 'Unknown BackendsOffline: 0 of 1 backends are connected; offline: b')
  assert.match(ready(nodes.slice(3)) ?? '', /^False NoBackends: its backends select no member/)
})

test.run()
