// An update for people: how it stands, and what became of the last one.

import type { OrderView } from '../update/order-doors.ts'
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

const ORDER_STATES = {
  none: '',
  waiting: 'waits',
  fetching: 'is being fetched',
  trial: 'is on trial',
  done: 'runs',
  refused: 'is refused',
} as const satisfies Record<OrderView['state'], string>

/** What the hub wants to run here; nothing where it wants nothing. */
export function orderLines(order: OrderView | undefined): readonly string[] {
  if (order === undefined || order.state === 'none') return []
  const { detail, state, version } = order
  return [
    `ordered   ${version ?? 'a version'} by the hub, ${ORDER_STATES[state]}${detail === undefined ? '' : `: ${detail}`}`,
  ]
}
