// How far an update has come, as it is kept beside the slots: what worked before it, what became of it, and which builds are
// not taken again. Not in the state database, which knows nothing of programs and may be made anew under any of them.

import * as v from 'valibot'
import { parseWith } from '../../shared/intent/resource.ts'
import { updateRefusedMax } from '../../shared/update-limits.ts'
import { checks } from '../confirm/broken.ts'
import { workingSchema } from '../confirm/working.ts'
import { slots } from './slot.ts'

/** Milliseconds since the Unix epoch; for people, deadlines go by another clock. */
const time = v.number()
const version = v.pipe(v.string(), v.maxLength(64))
/** Of the file that it was made of, lower-case hex. */
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))

/** What lies in a slot. */
export const buildSchema = v.strictObject({
  slot: v.picklist(slots),
  version,
  /** Absent for what was not brought there by an update. */
  sha256: v.optional(digest),
})
export type Build = v.InferOutput<typeof buildSchema>

const failed = v.strictObject({ check: v.picklist(checks), detail: v.pipe(v.string(), v.maxLength(500)) })
const both = { from: buildSchema, to: buildSchema }

const trial = v.strictObject({
  stage: v.literal('trial'),
  ...both,
  /** What worked before the update. */
  before: workingSchema,
  since: time,
})

/** The one before runs again, or is about to. */
const returned = v.strictObject({ stage: v.literal('returned'), ...both, before: workingSchema, failed, since: time })

const outcomes = ['confirmed', 'taken-back', 'interrupted'] as const
export type Outcome = (typeof outcomes)[number]

const lastSchema = v.strictObject({
  outcome: v.picklist(outcomes),
  ...both,
  at: time,
  failed: v.optional(failed),
  /** What failed works again without it; false while that is open, and where it does not. */
  certain: v.optional(v.boolean()),
})
export type Last = v.InferOutput<typeof lastSchema>

const caseSchema = v.strictObject({
  now: v.variant('stage', [v.strictObject({ stage: v.literal('steady') }), trial, returned]),
  /** What became of the last update; absent before the first, and while one is on trial. */
  last: v.optional(lastSchema),
  /** Builds that were taken back, the newest first. */
  refused: v.pipe(v.array(v.strictObject({ sha256: digest, version, at: time })), v.maxLength(updateRefusedMax)),
})
export type UpdateCase = v.InferOutput<typeof caseSchema>
export type TrialStage = v.InferOutput<typeof trial>
export type ReturnedStage = v.InferOutput<typeof returned>
export type Failed = v.InferOutput<typeof failed>

export const noUpdate: UpdateCase = { now: { stage: 'steady' }, refused: [] }

/** Throws `invalid` where the text is no case. */
export function parseUpdateCase(text: string | undefined): UpdateCase {
  return text === undefined ? noUpdate : parseWith(caseSchema, JSON.parse(text))
}

export function formatUpdateCase(update: UpdateCase): string {
  return `${JSON.stringify(update)}\n`
}
