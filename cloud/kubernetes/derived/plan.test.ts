// What stays, what is looked after and what is replaced, when a cluster no longer holds what a policy followed from.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnyResource } from '../../../shared/intent/resource.ts'
import { resource } from '../../hub-world.fake.ts'
import { resourceKey } from '../cluster-intent.ts'
import type { InputObject, Inputs } from '../input.ts'
import { asLost, type Derived, isLost } from './derived.ts'
import { planDerived } from './plan.ts'
import { derivePolicy } from './policies.ts'

const options = { clusterName: 'kube', network: 'default' }

function derived(name: string, isTaken = false, clusterName = 'kube') {
  const input: InputObject = {
    kind: 'NetworkPolicy',
    namespace: 'shop',
    name,
    uid: name,
    resourceVersion: '1',
    generation: 1,
    annotations: {},
    labels: {},
    spec: { podSelector: {} },
  }
  return derivePolicy(input, { ...options, clusterName }, isTaken)
}

const served: Inputs = { NetworkPolicy: [], ClusterNetworkPolicy: 'unserved', Node: [] }
const lostDefinition: Inputs = { NetworkPolicy: 'unserved', ClusterNetworkPolicy: [] }

function shown(present: readonly Derived[], known: readonly AnyResource[], inputs = served) {
  const listed =
    inputs.NetworkPolicy === undefined || inputs.NetworkPolicy === 'unserved'
      ? inputs
      : { ...inputs, NetworkPolicy: present.map(({ input }) => input) }
  const { gone, put } = planDerived(
    present.flatMap(({ resource: one }) => one ?? []),
    known,
    listed,
    options,
  )
  return {
    put: put.map((one) => `${resourceKey(one)}${isLost(one) ? ' lost' : ''}`),
    gone: gone.map((one) => `${resourceKey(one.resource)} of ${one.source.name}${one.isReplaced ? ' replaced' : ''}`),
  }
}

test('what is there is put, and what is not any more is looked after', () => {
  const [a, b] = [derived('a'), derived('b')]
  assert.equal(shown([a], [a.resource, b.resource]), {
    put: ['Policy/kube--np--shop--a'],
    gone: ['Policy/kube--np--shop--b of b'],
  })
})

test('of a kind that the cluster does not know any more nothing was deleted', () => {
  assert.equal(shown([], [derived('a').resource], lostDefinition), {
    put: ['Policy/kube--np--shop--a lost'],
    gone: [],
  })
})

test('of a kind that is not heard yet nothing is known', () => {
  assert.equal(shown([], [derived('a').resource], {}), { put: [], gone: [] })
})

test('what was lost stays so, until its object is there again', () => {
  const a = derived('a')
  assert.equal(shown([], [asLost(a.resource)]), { put: ['Policy/kube--np--shop--a lost'], gone: [] })
  assert.equal(shown([a], [asLost(a.resource)]), { put: ['Policy/kube--np--shop--a'], gone: [] })
})

test('one of another name takes the place of the one before', () => {
  const [before, after] = [derived('a', true), derived('a')]
  assert.equal(shown([after], [before.resource, after.resource]), {
    put: ['Policy/kube--np--shop--a'],
    gone: [`${resourceKey(before.resource)} of a replaced`],
  })
})

test('nothing of people, and nothing of another cluster, is touched', () => {
  const own = resource('Policy', 'kube--np--shop--a', { subject: { nodeSelector: {} } })
  assert.equal(shown([], [own, derived('a', false, 'other').resource]), { put: [], gone: [] })
})

test.run()
