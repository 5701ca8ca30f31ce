// What stands in an object's status: the hub's own words in the manner of the place, and times that move only with what they
// date.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { admin, createWorld, emptyPolicy, resource } from '../hub-world.fake.ts'
import { clusterStatus } from './cluster-status.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const fresh = { generation: 4, status: undefined }

async function shownPolicy() {
  const world = createWorld()
  await world.start()
  const shown = world.hub.put(resource('Policy', 'p', emptyPolicy), admin)
  await world.hub.flushed()
  return world.hub.get('Policy', 'p') ?? shown
}

test('an object that is taken is said to be, and to be ready when all do it', async () => {
  const status = clusterStatus(fresh, await shownPolicy(), undefined, NOW)
  assert.is(status.observedGeneration, 4)
  assert.is(status.programmed, '0/0')
  assert.equal(
    status.conditions.map((one) => [one.type, one.status, one.observedGeneration, one.lastTransitionTime]),
    ['Accepted', 'Programmed', 'Ready'].map((type) => [type, 'True', 4, '2026-01-02T03:04:05Z']),
  )
})

test('the time of a condition moves with its status alone, whoever wrote it before', async () => {
  const shown = await shownPolicy()
  const first = clusterStatus(fresh, shown, undefined, NOW)
  const later = { generation: 5, status: structuredClone(first) }
  const second = clusterStatus(later, shown, undefined, NOW + 3_600_000)
  assert.is(second.conditions[0]?.lastTransitionTime, '2026-01-02T03:04:05Z')
  assert.is(second.conditions[0]?.observedGeneration, 5)
  const fault = new HoldfastError('invalid', 'no such network', { field: 'spec.network', remedy: 'Name another.' })
  const third = clusterStatus(later, shown, fault, NOW + 7_200_000)
  const [accepted] = third.conditions
  assert.equal([accepted?.status, accepted?.reason], ['False', 'Invalid'])
  assert.is(accepted?.lastTransitionTime, '2026-01-02T05:04:05Z')
  assert.match(accepted?.message ?? '', /spec\.network.*Name another\. The hub goes on with what it took before\./s)
})

test('what the hub never took promises nothing, and garbage in a status is no reason to fail', () => {
  const fault = new HoldfastError('conflict', 'still used by Policy/p')
  for (const status of [undefined, null, 7, [], { conditions: 3 }, { conditions: [null, 1, { type: 'Accepted' }] }]) {
    const { conditions } = clusterStatus({ generation: 1, status }, undefined, fault, NOW)
    assert.equal(
      conditions.map((one) => [one.type, one.status, one.reason]),
      [
        ['Accepted', 'False', 'Conflict'],
        ['Ready', 'False', 'Conflict'],
      ],
    )
    assert.is(conditions[0]?.message, 'still used by Policy/p.')
  }
})

test.run()
