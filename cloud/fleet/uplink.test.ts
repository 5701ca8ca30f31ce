// What is said of a device’s way out while it is there, once it is away, and before it ever came.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FleetNode, NodeState } from '../hub.ts'
import { uplinkOf } from './uplink.ts'

const [NOW, MINUTE_MS] = [1_700_000_000_000, 60_000]
const figures = { rttMs: 20, lossPercent: 1, metered: true }

function node(state: NodeState, sinceMin = 0, uplink: object | undefined = figures): FleetNode {
  return { state, since: NOW - sinceMin * MINUTE_MS, report: { uplink } } as unknown as FleetNode
}
const of = (one: FleetNode, hearsMin = 600) => uplinkOf(one, NOW - hearsMin * MINUTE_MS, NOW)

test('a device that is there is as it says; one that is older than such words says nothing', () => {
  assert.equal(of(node('online', 900)), { state: 'online', ...figures })
  assert.equal(of({ ...node('online'), report: {} } as FleetNode), { state: 'online' })
  assert.equal(of({ state: 'online', since: 0 } as FleetNode), { state: 'unknown' })
})

test('one that is away keeps its word for five minutes, counted from when the hub could hear it', () => {
  assert.is(of(node('offline', 4)).state, 'online')
  assert.equal(of(node('offline', 5)), { state: 'offline' })
  assert.is(of(node('offline', 900), 4).state, 'online')
  assert.is(of(node('offline', 900), 5).state, 'offline')
})

test('one that is shut out is away, and of one that was never there nothing is known', () => {
  assert.equal(of(node('disabled')), { state: 'offline' })
  for (const state of ['never-seen', 'pending', 'unsigned'] as const)
    assert.equal(of(node(state)), { state: 'unknown' })
})

test.run()
