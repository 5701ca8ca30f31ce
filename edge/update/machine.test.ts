// Updates through power cuts at any point: there is always a slot to start, one that has not proven itself never stays, and
// what worked before is what runs in the end.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startsMax } from '../confirm/verdict.ts'
import { nothingWorks } from '../confirm/working.ts'
import type { TrialStage } from './case.ts'
import { type Resume, resume } from './resume.ts'
import { otherSlot, type Slot } from './slot.ts'
import { carryOutOn, endLate, fakeHome, startFrom } from './starter.fake.ts'
import { type Step, stepsBack, stepsInto, stepsToConfirm, stepsToSettle } from './steps.ts'

/** How a build behaves: it works; it ends at once; it never gets to a verdict; it runs, and something is lost under it. */
const kinds = ['works', 'crashes', 'hangs', 'loses'] as const
type Kind = (typeof kinds)[number]

interface Event {
  readonly what: 'start' | 'verdict' | 'update' | 'lay' | 'power-cut'
  readonly kind: Kind
  /** Steps that are carried out before the power goes. */
  readonly cutAfter: number
}

const failed = { check: 'hub', detail: 'the link to the hub is lost' } as const

function createDevice() {
  const home = fakeHome()
  const inside: Record<Slot, Kind> = { a: 'works', b: 'works' }
  let runs: { readonly slot: Slot; readonly found: Resume } | undefined
  let unproven = 0
  const buildOf = (slot: Slot) => ({
    slot,
    version: `${inside[slot]} in ${slot}`,
    sha256: slot.repeat(64).replace(/b/g, 'd'),
  })

  /** True if the power stayed. */
  const carryOut = (steps: readonly Step[], cutAfter: number): boolean => {
    for (const step of steps.slice(0, cutAfter)) carryOutOn(home, step)
    if (cutAfter >= steps.length) return true
    runs = undefined
    return false
  }

  const start = (cutAfter: number): void => {
    if (runs !== undefined) return
    const slot = startFrom(home)
    assert.ok(home.whole.has(slot), 'what is started is whole')
    unproven = home.kept.mark?.slot === slot ? unproven + 1 : 0
    assert.ok(unproven <= startsMax, 'one that has not proven itself is started a few times at most')
    if (inside[slot] === 'crashes') return
    if (inside[slot] === 'hangs') return endLate(home)
    const found = resume(home.kept, buildOf(slot), 0)
    if (found.next === 'watch') runs = { slot, found }
    else if (carryOut(found.steps, cutAfter)) runs = found.next === 'leave' ? undefined : { slot, found }
  }

  const verdict = (cutAfter: number): void => {
    if (runs === undefined) return
    const { found, slot } = runs
    const { now } = home.kept.update
    if (found.next === 'watch') {
      const works = inside[slot] === 'works'
      const { update } = home.kept
      const steps = works ? stepsToConfirm(update, found.trial, 0) : stepsBack(update, found.trial, failed, 0)
      if (!carryOut(steps, cutAfter)) return
      runs = works ? { slot, found: { next: 'rest', steps: [] } } : undefined
    } else if (now.stage === 'returned') carryOut(stepsToSettle(home.kept.update, true), cutAfter)
  }

  return {
    home,
    start,
    verdict,
    running: () => runs?.slot,
    kindOf: (slot: Slot) => inside[slot],
    /** The build is brought to the other slot: what lay there goes first. */
    lay(kind: Kind, cutAfter: number): boolean {
      if (runs === undefined || home.kept.update.now.stage === 'trial') return false
      const slot = otherSlot(runs.slot)
      home.whole.delete(slot)
      if (cutAfter === 0) {
        runs = undefined
        return false
      }
      inside[slot] = kind
      home.whole.add(slot)
      return true
    },
    update(cutAfter: number): void {
      if (runs === undefined || home.kept.update.now.stage === 'trial') return
      const [from, to] = [buildOf(runs.slot), buildOf(otherSlot(runs.slot))]
      if (!home.whole.has(to.slot)) return
      const trial: TrialStage = { stage: 'trial', from, to, before: nothingWorks, since: 0 }
      unproven = 0
      carryOut(stepsInto(home.kept.update, trial, 225), cutAfter)
      runs = undefined
    },
    cut: () => void (runs = undefined),
  }
}

type Device = ReturnType<typeof createDevice>

function play(device: Device, { cutAfter, kind, what }: Event): void {
  if (what === 'start') device.start(cutAfter)
  else if (what === 'verdict') device.verdict(cutAfter)
  else if (what === 'power-cut') device.cut()
  else if (what === 'lay') device.lay(kind, cutAfter)
  else if (device.lay(kind, 1)) device.update(cutAfter)
}

/** Power and starter do as they should from here on. */
function calmDown(device: Device): void {
  for (let round = 0; round < 4 * startsMax; round++) {
    device.start(99)
    device.verdict(99)
  }
}

const event = fc.record<Event>({
  what: fc.constantFrom('start', 'start', 'verdict', 'verdict', 'update', 'lay', 'power-cut'),
  kind: fc.constantFrom(...kinds),
  cutAfter: fc.constantFrom(99, 99, 99, 99, 0, 1, 2, 3),
})

test('after any power cuts a build that works runs, proven, and nothing of the update is left open', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const device = createDevice()
      for (const one of events) {
        play(device, one)
        assert.ok(device.home.whole.has(startFrom(structuredClone(device.home))), 'there is a slot to start')
      }
      calmDown(device)
      const slot = device.running()
      assert.ok(slot !== undefined)
      assert.is(device.kindOf(slot), 'works')
      const { current, kept } = device.home
      assert.equal([current, kept.mark, kept.update.now.stage], [slot, undefined, 'steady'])
    }),
    { numRuns: 3_000 },
  )
})

test('after a power cut behind each step of each sequence: confirmed, taken back, or as it was', () => {
  for (const kind of kinds) {
    for (let begun = 0; begun <= 3; begun++) {
      for (let ended = 0; ended <= 3; ended++) {
        const device = createDevice()
        device.start(99)
        device.lay(kind, 1)
        device.update(begun)
        device.start(99)
        device.verdict(ended)
        calmDown(device)
        const { last, refused } = device.home.kept.update
        const verdict = kind === 'works' ? 'confirmed' : 'taken-back'
        const outcome = begun === 0 ? undefined : begun < 3 ? 'interrupted' : verdict
        assert.is(last?.outcome, outcome, `${kind}, ${begun}, ${ended}`)
        assert.is(device.running(), outcome === 'confirmed' ? 'b' : 'a')
        assert.is(refused.length, outcome === 'taken-back' ? 1 : 0)
      }
    }
  }
})

test('a disk that takes no writes any more: the one before is started all the same, and stays', () => {
  const device = createDevice()
  device.start(99)
  device.lay('crashes', 1)
  device.update(99)
  device.home.writable = false
  device.start(0)
  assert.is(device.home.current, 'b')
  device.home.writable = true
  calmDown(device)
  assert.is(device.running(), 'a')
})

test.run()
