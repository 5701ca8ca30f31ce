// How far a revision that has not proven itself has come, as the store keeps it: a power cut in the middle of a watch must
// not end it.

import * as v from 'valibot'
import { integer } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { checks } from './broken.ts'
import { workingSchema } from './working.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const version = v.strictObject({ epoch: counter, revision: counter })
const attempt = v.picklist([1, 2])
const check = v.picklist(checks)
const broken = v.strictObject({ check, detail: v.string() })
/** Milliseconds since the Unix epoch; for people, deadlines go by another clock. */
const since = v.number()

const trial = v.strictObject({
  stage: v.literal('trial'),
  attempt,
  starts: integer(1, 100),
  suspects: v.array(check),
  /** What worked before the revision. */
  before: workingSchema,
  since,
})

const returned = v.strictObject({
  stage: v.literal('returned'),
  /** This one, and what is older than it and newer than the last good one, is not followed. */
  version,
  attempt,
  failed: broken,
  before: workingSchema,
  since,
})

const quarantined = v.strictObject({ stage: v.literal('quarantined'), version, failed: broken, since })

const caseSchema = v.strictObject({
  now: v.variant('stage', [v.strictObject({ stage: v.literal('steady') }), trial, returned, quarantined]),
  /** Revisions in a row that were quarantined. */
  failures: integer(0, Number.MAX_SAFE_INTEGER),
})

export type Case = v.InferOutput<typeof caseSchema>
export type Stage = Case['now']
export type TrialStage = Extract<Stage, { stage: 'trial' }>
export type ReturnedStage = Extract<Stage, { stage: 'returned' }>

export const steady: Stage = { stage: 'steady' }

/** Throws `invalid` where the text is not a case. */
export function parseCase(text: string | undefined): Case {
  return text === undefined ? { now: steady, failures: 0 } : parseWith(caseSchema, JSON.parse(text))
}
