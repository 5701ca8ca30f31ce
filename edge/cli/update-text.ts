// An update for people: how it stands, and what became of the last one.

import type { UpdateEndView, UpdateView } from '../update/view.ts'
import { ageText } from './words.ts'

function endText({ certain, failed, from, outcome, version }: UpdateEndView): string {
  switch (outcome) {
    case 'confirmed':
      return `${version} has proven itself, in place of ${from}`
    case 'interrupted':
      return `to ${version} was interrupted before it began; ${from} runs on`
    case 'taken-back': {
      const open = certain === true ? '' : ' (whether the update was to blame is not proven)'
      return `to ${version} was taken back, ${from} runs again; check ${failed?.check}: ${failed?.detail}${open}`
    }
  }
}

/** One line, without an end. */
export function updateText({ last, trial }: UpdateView, nowMs: number): string {
  if (trial !== undefined) {
    const { from, secondsLeft, version } = trial
    const left = secondsLeft > 0 ? `${secondsLeft} s to go` : 'something that was lost is waited for'
    return `to ${version} is on trial: ${left}, else back to ${from}`
  }
  return last === undefined ? 'none yet' : `${endText(last)}, ${ageText((nowMs - last.at) / 1_000)} ago`
}
