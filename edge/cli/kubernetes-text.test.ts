// What people are told of the cluster behind a node, in the status and by the doctor.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { KubernetesView } from '../pods/view.ts'
import { kubernetesFinding } from './kubernetes-finding.ts'
import { kubernetesText } from './kubernetes-text.ts'

const view: KubernetesView = {
  source: 'in-cluster',
  node: 'site-a',
  state: 'reading',
  heardAgoS: 3,
  pods: 12,
  named: 12,
  leftOut: 0,
  elsewhere: 0,
  doubled: 0,
  unreadable: 0,
}

test('what is read, and how old it is', () => {
  assert.is(kubernetesText(view), '12 pods of node site-a by in-cluster, last heard 3s ago')
  const waiting = { ...view, state: 'waiting', failure: 'nobody listens', elsewhere: 2, named: 10 } as const
  const counted = '12 pods (2 told by address alone, 2 not behind this node) of node site-a by in-cluster'
  assert.is(kubernetesText(waiting), `${counted}, last heard 3s ago; what was known holds: nobody listens`)
})

test('the doctor notes what policy can’t know', () => {
  const verdictOf = (changes: Partial<KubernetesView>): string | undefined =>
    kubernetesFinding({ ...view, ...changes })[0]?.verdict
  assert.equal(kubernetesFinding(undefined), [])
  assert.is(verdictOf({}), 'ok')
  assert.is(verdictOf({ elsewhere: 7 }), 'ok')
  for (const changes of [
    { state: 'waiting' },
    { unreadable: 1 },
    { leftOut: 1 },
    { doubled: 1 },
    { failure: 'namespaces can’t be read' },
    { pods: 0, named: 0, elsewhere: 7 },
  ] as const) {
    assert.is(verdictOf(changes), 'note')
  }
  assert.match(kubernetesFinding({ ...view, pods: 0, elsewhere: 7 })[0]?.remedy ?? '', /spec\.advertise/)
})

test.run()
