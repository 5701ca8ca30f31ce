// The mark that a slot has not proven itself: one line that the starter, a shell script, reads before every start and counts
// in. As long as it lies there, that slot is started a few times at most. See build/starter.ts.

import { type Slot, slots } from './slot.ts'

export interface Mark {
  readonly slot: Slot
  /** How often it was started. */
  readonly starts: number
  readonly startsMax: number
  /** How long each start may last without a verdict. */
  readonly seconds: number
  /** It was ended because that time was up. */
  readonly late: boolean
}

export function formatMark({ late, seconds, slot, starts, startsMax }: Mark): string {
  return `${[slot, starts, startsMax, seconds].join(' ')}${late ? ' late' : ''}\n`
}

/** Undefined where the text is no mark: nobody has written such, and whom it speaks of is not known. */
export function parseMark(text: string | undefined): Mark | undefined {
  const found = /^([ab]) (\d{1,4}) (\d{1,4}) (\d{1,6})( late)?\n?$/.exec(text ?? '')
  const slot = slots.find((one) => one === found?.[1])
  if (found === null || slot === undefined) return undefined
  const [starts, startsMax, seconds] = [Number(found[2]), Number(found[3]), Number(found[4])]
  return { slot, starts, startsMax, seconds, late: found[5] !== undefined }
}
