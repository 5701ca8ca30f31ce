// Objects of a cluster become intent, whatever an API server and its tools keep in them; intent becomes objects.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apiVersion } from '../../shared/intent/resource.ts'
import { resource } from '../hub-world.fake.ts'
import type { ClusterObject } from './cluster.ts'
import { objectOf, readObjects } from './cluster-intent.ts'

function object(intent: unknown, more: Partial<ClusterObject> = {}): ClusterObject {
  return {
    kind: 'Policy',
    name: 'p',
    resourceVersion: '1',
    generation: 1,
    isLeaving: false,
    finalizers: [],
    intent,
    status: undefined,
    ...more,
  }
}

const spec = { subject: { nodeSelector: {} } }
const metadata = {
  name: 'p',
  labels: { team: 'a' },
  annotations: { why: 'so', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
}

test('labels and annotations come along, kubectl’s own copy does not', () => {
  const { faults, resources } = readObjects([object({ apiVersion, kind: 'Policy', metadata, spec })])
  assert.is(faults.size, 0)
  assert.equal(resources[0]?.metadata, { name: 'p', labels: { team: 'a' }, annotations: { why: 'so' } })
})

test('what is no intent is told by its key, and keeps nobody else out; what leaves is not read', () => {
  const good = object({ apiVersion, kind: 'Policy', metadata: { name: 'q' }, spec }, { name: 'q' })
  const bad = object({ apiVersion, kind: 'Policy', metadata: { name: 'p' }, spec: { ...spec, priority: -1 } })
  const leaving = object(null, { name: 'r', isLeaving: true })
  for (const odd of [null, 7, 'text', [], {}, { kind: 'Pod' }]) {
    const { faults, resources } = readObjects([bad, good, leaving, object(odd, { name: 'odd' })])
    assert.equal([...faults.keys()], ['Policy/p', 'Policy/odd'])
    assert.equal(
      resources.map((one) => one.metadata.name),
      ['q'],
    )
  }
})

test('a membership lock is not written into a cluster, and a written object is read as the same intent', () => {
  const network = resource('Network', 'n', { cidr: '10.7.0.0/16', membershipLock: { keys: ['k'], threshold: 1 } })
  const written = objectOf(network) as { readonly spec: Readonly<Record<string, unknown>> }
  assert.is(written.spec['membershipLock'], undefined)
  const policy = resource('Policy', 'p', spec)
  assert.equal(readObjects([object(objectOf(policy))]).resources, [policy])
})

test.run()
