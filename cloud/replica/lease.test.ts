// The lease: who may take it when, by the own clock alone.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type LeaseState,
  leaseTimes,
  nextLease,
  nextStep,
  observed,
  releasedLease,
  renewed,
  type SeenLease,
  standingOf,
  waitMs,
} from './lease.ts'

const at = '2026-01-02T03:04:05.000000Z'

function lease(holder: string, resourceVersion = '1', durationS = 15): SeenLease {
  return { holder, durationS, acquireTime: at, renewTime: at, transitions: 4, generation: 2, resourceVersion }
}

const times = leaseTimes(15)
const { leaseMs, renewDeadlineMs } = times
const fresh: LeaseState = { me: 'a', times }

test('where there is no lease it is made, by who could take over', () => {
  assert.is(nextStep(fresh, true, 0), 'create')
  assert.is(nextStep(fresh, false, 0), 'wait')
  assert.equal(nextLease(fresh, 'create', at, 0), {
    holder: 'a',
    durationS: 15,
    acquireTime: at,
    renewTime: at,
    transitions: 0,
    generation: 0,
  })
})

test('one that is free is taken at once', () => {
  const state = observed(fresh, lease('', '1', 1), 100)
  assert.is(nextStep(state, true, 100), 'take')
  assert.is(nextStep(state, false, 100), 'wait')
  assert.is(nextLease(state, 'take', at, 0).transitions, 5)
})

test('one that another holds is taken when it has not changed for its whole duration, as it was watched here', () => {
  const first = observed(fresh, lease('b'), 1_000)
  const again = observed(first, lease('b'), 9_000)
  assert.is(nextStep(again, true, 1_000 + leaseMs - 1), 'wait')
  assert.is(nextStep(again, true, 1_000 + leaseMs), 'take')
  const alive = observed(again, lease('b', '2'), 12_000)
  assert.is(nextStep(alive, true, 1_000 + leaseMs), 'wait')
  assert.is(nextStep(alive, true, 12_000 + leaseMs), 'take')
})

test('a holder is never given up sooner than the own duration, and a longer one of its own is kept', () => {
  assert.is(nextStep(observed(fresh, lease('b', '1', 1), 0), true, leaseMs - 1), 'wait')
  assert.is(nextStep(observed(fresh, lease('b', '1', 60), 0), true, leaseMs), 'wait')
  assert.is(nextStep(observed(fresh, lease('b', '1', 60), 0), true, 60_000), 'take')
})

test('who leads is unsure when it could not renew in time, and leads again when it could, if nobody was there', () => {
  const state = renewed(fresh, lease('a'), 0)
  assert.is(standingOf(fresh, 0), 'follows')
  assert.is(standingOf(state, renewDeadlineMs - 1), 'leads')
  assert.is(standingOf(state, renewDeadlineMs), 'unsure')
  assert.is(nextStep(state, false, 60_000), 'renew', 'its own state is there, whatever its copy says')
  const renewal = nextLease(state, 'renew', 'later', 9)
  assert.equal([renewal.acquireTime, renewal.renewTime, renewal.transitions, renewal.generation], [at, 'later', 4, 9])
  assert.is(standingOf(renewed(state, lease('a', '2'), 60_000), 60_001), 'leads')
})

test('who led never takes the lease again: another may have led and stopped meanwhile', () => {
  const led = renewed(fresh, lease('a'), 0)
  for (const seen of [lease('b', '2'), lease('', '3'), undefined]) {
    const state = observed(led, seen, 60_000)
    assert.is(standingOf(state, 60_000), 'lost')
    assert.is(nextStep(state, true, 120_000), 'leave')
  }
})

test('what is left behind is free, and keeps what it says of the state', () => {
  const left = releasedLease(lease('a'), 'later')
  assert.equal([left.holder, left.durationS, left.generation, left.transitions], ['', 1, 2, 4])
})

test('the times are those of client-go', () => {
  assert.equal(times, { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 })
})

test('looks come every two seconds, never together for long', () => {
  assert.is(waitMs(times, 0), 2_000)
  assert.is(waitMs(times, 0.5), 1_800)
})

test.run()
