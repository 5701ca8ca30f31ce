// Roll-outs, step by step.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decide, lostMs, type RollState, stuckMs } from './decide.ts'
import { changeSome, chosen, done, type Run, refused, runOf, SOAK_MS, specOf, step, WANTED } from './roll-world.fake.ts'

/** Whoever was told runs it. */
function follow(run: Run): void {
  changeSome(run, (id) => chosen(run).includes(id), done)
}

test('one, then a tenth, then all: each wave once those before run it and have soaked', () => {
  const run = runOf(40)
  const first = step(run)
  assert.equal(
    [first.standing.phase, first.standing.wave, first.standing.waves, chosen(run).length],
    ['rolling', 1, 3, 1],
  )
  step(run, 10 * SOAK_MS)
  assert.is(chosen(run).length, 1, 'nobody has proven it')
  follow(run)
  step(run, 1)
  step(run, SOAK_MS - 1)
  assert.is(chosen(run).length, 1, 'it has not soaked')
  step(run, 1)
  assert.is(chosen(run).length, 4)
  follow(run)
  step(run, 1)
  step(run, SOAK_MS)
  assert.is(chosen(run).length, 40)
  follow(run)
  const last = step(run, 1)
  assert.equal([last.standing.phase, last.standing.done, last.standing.wave], ['complete', 40, 3])
})

test('one that takes it back halts it, and it stays halted until people change it', () => {
  const run = runOf(10)
  step(run)
  const { state } = run
  changeSome(
    run,
    (id) => chosen(run).includes(id),
    (one) => refused(one, state as RollState, 'check hub: lost'),
  )
  const { standing } = step(run, 1)
  assert.is(standing.phase, 'halted')
  assert.match(standing.haltedBy ?? '', /1 failed, and at most 0 may\. n\d: check hub: lost/)
  changeSome(run, () => true, done)
  assert.is(step(run, 10 * SOAK_MS).standing.phase, 'halted')
  assert.is(chosen(run).length, 1)
  run.generation = 2
  step(run, 1)
  assert.is(step(run, SOAK_MS).standing.phase === 'halted', false)
})

test('a failure that is allowed for does not hold up the others, if somebody has proven it', () => {
  const run = runOf(10, { waves: [{ count: 2 }, { percent: 100 }], maxFailed: 1 })
  step(run)
  const [bad, good] = chosen(run)
  changeSome(
    run,
    (id) => id === bad,
    (one) => refused(one, run.state as RollState),
  )
  changeSome(run, (id) => id === good, done)
  step(run, 1)
  assert.is(step(run, SOAK_MS).standing.chosen, 10)
  const alone = runOf(10, { maxFailed: 3 })
  step(alone)
  changeSome(
    alone,
    (id) => chosen(alone).includes(id),
    (one) => refused(one, alone.state as RollState),
  )
  assert.match(step(alone, 1).standing.haltedBy ?? '', /nobody has proven it/)
})

test('who is away holds nobody up, is told when it comes back, and is chosen last', () => {
  const run = runOf(4, { waves: [{ count: 1 }, { percent: 100 }] })
  run.members = run.members.map((one, at) => (at === 2 ? one : { ...one, online: false }))
  step(run)
  assert.equal(chosen(run), [run.members[2]?.nodeId])
  follow(run)
  step(run, 1)
  const { standing } = step(run, SOAK_MS)
  assert.equal([standing.chosen, standing.offline.length, standing.phase], [4, 3, 'rolling'])
  step(run, 30 * 86_400_000)
  assert.is(run.state?.halted, undefined)
  changeSome(
    run,
    () => true,
    (one) => ({ ...one, online: true }),
  )
  assert.is(step(run, 1).standing.pending.length, 3)
  follow(run)
  assert.is(step(run, 1).standing.phase, 'complete')
})

test('who falls silent after it was told has failed; so has who comes to no end', () => {
  const run = runOf(3)
  step(run)
  changeSome(
    run,
    (id) => chosen(run).includes(id),
    (one) => ({ ...one, online: false }),
  )
  step(run, 1)
  assert.is(step(run, lostMs - 1).standing.phase, 'rolling')
  assert.match(step(run, 1).standing.haltedBy ?? '', /fell silent/)
  const slow = runOf(3)
  step(slow)
  assert.is(step(slow, stuckMs - 1).standing.phase, 'rolling')
  assert.match(step(slow, 1).standing.haltedBy ?? '', /no end within 6 hours/)
})

test('a version on trial is not there yet', () => {
  const run = runOf(2)
  step(run)
  changeSome(
    run,
    (id) => chosen(run).includes(id),
    (one) => ({ ...one, version: WANTED, onTrial: true }),
  )
  step(run, 1)
  assert.is(step(run, 10 * SOAK_MS).standing.done, 0)
})

test('agents that take no orders are named, and never chosen', () => {
  const run = runOf(3, { waves: [{ percent: 100 }] })
  run.members = run.members.map((one, at) => {
    const { order: _, ...rest } = one
    return at === 1 ? rest : one
  })
  const { standing } = step(run)
  assert.equal([standing.selected, standing.chosen, standing.unable], [3, 2, ['n1']])
})

test('labels say who is meant, and who goes first', () => {
  const run = runOf(10, {
    selector: { matchLabels: { site: 'north' } },
    waves: [{ matchLabels: { first: 'yes' } }, { percent: 100 }],
  })
  run.members = run.members.map((one, at) => (at === 4 ? { ...one, labels: { ...one.labels, first: 'yes' } } : one))
  step(run)
  assert.equal(chosen(run), [run.members[4]?.nodeId])
  follow(run)
  step(run, 1)
  assert.is(step(run, SOAK_MS).standing.chosen, 5)
})

test('paused and held back it opens nothing; the serial of its orders is above whatever was heard', () => {
  const run = runOf(5)
  step(run, 0, { held: 'a canary' })
  assert.is(chosen(run).length, 0)
  run.spec = specOf({ paused: true })
  assert.is(step(run).standing.phase, 'paused')
  run.spec = specOf()
  step(run)
  const { serial } = run.state as RollState
  changeSome(
    run,
    () => true,
    (one) => ({ ...one, order: { serial: serial + 7, state: 'none' } }),
  )
  step(run, 1)
  assert.is(run.state?.serial, serial + 8)
  const fresh = decide({ ...run, name: 'v', state: undefined })
  assert.is(fresh.state.serial > serial + 7, true)
})

test('another version begins anew', () => {
  const run = runOf(5)
  step(run)
  const { serial } = run.state as RollState
  run.spec = specOf({ version: '3.0.0' })
  run.generation = 2
  step(run, 1)
  assert.equal([run.state?.version, run.state?.wave, chosen(run).length], ['3.0.0', 0, 1])
  assert.is((run.state?.serial ?? 0) > serial, true)
})

test.run()
