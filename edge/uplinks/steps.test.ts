// Figures that waver, rise and fall, and the step of the scale that is told meanwhile.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { noteFigure, nothingKnown, type Scale, type Standing, stepOf } from './steps.ts'

const scale: Scale = { steps: [5, 10, 20, 50, 100], worseAfterMs: 60_000, betterAfterMs: 120_000 }
const EVERY_MS = 15_000

/** What is told after each of the samples, which come every 15 s. */
function told(
  figures: readonly (number | undefined)[],
  from: Standing = nothingKnown,
): readonly (number | undefined)[] {
  let standing = from
  return figures.map((figure, i) => {
    if (figure !== undefined) standing = noteFigure(standing, scale, figure, i * EVERY_MS)
    return standing.step
  })
}

const held: Standing = { step: 20, at: 0 }
const times = (count: number, figure: number): readonly number[] => Array.from({ length: count }, () => figure)

test('a figure is in the least step that holds it, and beyond all in the last', () => {
  assert.equal(
    [0, 5, 5.1, 100, 1_000].map((one) => stepOf(scale.steps, one)),
    [5, 5, 10, 100, 100],
  )
})

test('the first step is told after half a minute of figures', () => {
  assert.equal(told([17, 17, 17]), [undefined, undefined, 20])
  assert.equal(
    told([17, undefined, undefined, undefined, undefined, undefined, undefined, 17, 17, 17]).at(-2),
    undefined,
  )
})

test('a figure that wavers about the border of a step changes nothing, ever', () => {
  const wavering = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 19 : 21.9))
  assert.equal(new Set(told(wavering, held)), new Set([20]))
})

test('it is worse after a minute, better after two, and a break on the way begins anew', () => {
  assert.equal(told(times(5, 45), held), [20, 20, 20, 20, 50])
  assert.equal(told(times(9, 8), held), [20, 20, 20, 20, 20, 20, 20, 20, 10])
  assert.is(told([45, 45, 45, 18, 45, 45, 45, 45], held).at(-1), 20)
})

test('time without figures counts for nothing', () => {
  const gap = Array.from({ length: 8 }, () => undefined)
  assert.equal(told([45, ...gap, 45, 45, 45, 45, 45], held).slice(-2), [20, 50])
})

test('of several steps that were seen meanwhile the nearest is told', () => {
  assert.is(told([90, 90, 45, 90, 90], held).at(-1), 50)
  assert.is(told([...times(8, 2), 8], held).at(-1), 10)
})

test.run()
