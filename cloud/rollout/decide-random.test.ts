// Roll-outs at random: never more devices than the waves say, never on after too many failed.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decide, lostMs, type RollState } from './decide.ts'
import { changeSome, chosen, done, memberOf, type Run, refused, runOf, SOAK_MS, step } from './roll-world.fake.ts'

interface Deed {
  readonly kind: 'done' | 'refused' | 'away' | 'back' | 'trial' | 'gone' | 'comes'
  readonly at: number
  readonly passedMs: number
}

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom('done', 'done', 'done', 'refused', 'away', 'back', 'trial', 'gone', 'comes'),
  at: fc.nat(29),
  passedMs: fc.oneof(fc.nat(5_000), fc.nat(2 * SOAK_MS), fc.nat(lostMs)),
})

function act(run: Run, { at, kind }: Deed): void {
  const told = chosen(run)
  const target = run.members[at % Math.max(1, run.members.length)]
  if (kind === 'comes') {
    const fresh = memberOf(at)
    if (!run.members.some(({ nodeId }) => nodeId === fresh.nodeId)) run.members.push(fresh)
  }
  if (target === undefined) return
  const is = (id: string): boolean => id === target.nodeId
  if (kind === 'gone') run.members = run.members.filter(({ nodeId }) => !is(nodeId))
  if (kind === 'away') changeSome(run, is, (one) => ({ ...one, online: false }))
  if (kind === 'back') changeSome(run, is, (one) => ({ ...one, online: true }))
  if (!told.includes(target.nodeId) || run.state === undefined) return
  const { state } = run
  if (kind === 'done') changeSome(run, is, done)
  if (kind === 'trial') changeSome(run, is, (one) => ({ ...one, onTrial: !one.onTrial }))
  if (kind === 'refused') changeSome(run, is, (one) => refused(one, state))
}

const worlds = fc.record({
  count: fc.integer({ min: 1, max: 25 }),
  maxFailed: fc.nat(2),
  waves: fc.array(
    fc.oneof(
      fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ count: fc.integer({ min: 1, max: 9 }) }),
    ),
    { minLength: 1, maxLength: 4 },
  ),
  deeds: fc.array(deed, { maxLength: 60 }),
})

/** How many the open waves allow at the most. */
function bound({ members, spec, state }: Run): number {
  const open = spec.waves.slice(0, (state?.wave ?? -1) + 1)
  const n = members.length
  return Math.max(
    0,
    ...open.map(({ count = 0, percent = 0 }) => Math.max(Math.min(count, n), Math.ceil((n * percent) / 100))),
  )
}

test('whatever happens: no more than the waves allow, one wave at a time, nobody after a halt', () => {
  fc.assert(
    fc.property(worlds, ({ count, deeds, maxFailed, waves }) => {
      const run = runOf(count, { waves, maxFailed })
      step(run)
      for (const one of deeds) {
        act(run, one)
        const before = run.state as RollState
        const wasChosen = new Set(chosen(run).filter((id) => run.members.some(({ nodeId }) => nodeId === id)))
        const { standing, state } = step(run, one.passedMs)
        const now = chosen(run)
        assert.ok(now.length <= Math.max(bound(run), wasChosen.size), 'more than the waves allow')
        for (const id of wasChosen) assert.ok(now.includes(id), 'one that was chosen is not any more')
        if (before.halted !== undefined || state.halted !== undefined) {
          assert.equal([state.wave, now.length], [before.wave, wasChosen.size], 'on after a halt')
        }
        if (state.halted === undefined) assert.ok(standing.failed.length <= maxFailed, 'on beyond what may fail')
        if (state.wave > before.wave && before.wave >= 0) {
          assert.ok(before.settledAt !== undefined && run.now - before.settledAt >= SOAK_MS, 'on before it has soaked')
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('the order in which devices are listed makes no difference', () => {
  fc.assert(
    fc.property(worlds, fc.infiniteStream(fc.nat(1_000)), ({ count, deeds, maxFailed, waves }, order) => {
      const run = runOf(count, { waves, maxFailed })
      step(run)
      for (const one of deeds.slice(0, 15)) {
        act(run, one)
        const shuffled = run.members
          .map((member) => ({ member, key: order.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ member }) => member)
        const other = decide({ ...run, name: 'u', members: shuffled, now: run.now + one.passedMs })
        assert.equal(step(run, one.passedMs), other)
      }
    }),
    { numRuns: 100 },
  )
})

test.run()
