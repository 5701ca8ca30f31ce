// What people are told of replicas.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { replicaText } from './replica-text.ts'

const status = { name: 'hub-a_abc', leader: 'hub-a_abc', leads: true, generation: 12, isSettled: true, transitions: 3 }

test('who leads, and how far its state is', () => {
  assert.is(replicaText(status), 'hub-a_abc leads; its state in the cluster is at generation 12, all of it is there.')
  assert.match(replicaText({ ...status, isSettled: false }), /generation 12, a change is on its way there/)
})

test('one that can’t say so tells why, and what that means', () => {
  assert.match(
    replicaText({ ...status, leads: false }),
    /CAN’T SAY WHETHER IT LEADS.*Nothing new is taken in; devices go on/,
  )
})

test.run()
