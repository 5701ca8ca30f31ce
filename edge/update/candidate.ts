// Whether a build may be put in the place of the one that runs, by what it says of itself. Pure.
//
// The state database is never taken back with the program: that would give back members, keys and trust. So the next version
// must read what this one has written, and this one, in case it is needed again, what the next one will write.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { integer } from '../../shared/intent/field.ts'
import { compareRelease } from '../../shared/release/version-order.ts'
import { layoutRead, layoutWritten } from '../store/layout.ts'
import type { UpdateCase } from './case.ts'

/** Of the mark, the record and the starter; another one needs another starter. */
const PROTOCOL = 1

/** What this build says of itself. */
export const updatable = { layout: { writes: layoutWritten, reads: layoutRead }, update: PROTOCOL } as const

const counter = integer(0, 1_000_000)
const answerSchema = v.object({
  program: v.literal('holdfast'),
  version: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  layout: v.object({ writes: counter, reads: counter }),
  update: counter,
})
export type Candidate = Omit<v.InferOutput<typeof answerSchema>, 'program'>

/** What `version --json` of a build printed. Throws `unsupported`. */
export function readAnswer(text: string): Candidate {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch (cause) {
    throw new HoldfastError('unsupported', 'the file does not answer `version --json` as Holdfast does', {
      remedy: 'Is it the agent’s build for devices, holdfast-….tar.gz?',
      cause,
    })
  }
  const read = v.safeParse(answerSchema, answer)
  if (read.success) return read.output
  const { version } = { version: '', ...(answer as object) }
  throw new HoldfastError('unsupported', `the file is no Holdfast that proves itself after an update (${version})`, {
    remedy: 'Builds from before there was `holdfast update` are put in place by hand.',
  })
}

/** The device, as far as a build must fit it. */
export interface Place {
  readonly version: string
  readonly layout: Candidate['layout']
  readonly refused: UpdateCase['refused']
}

/** Where somebody insists, and it does no lasting harm. */
export interface Insists {
  /** The version that runs, or a file that was taken back. */
  readonly again?: boolean
  /** An older version. */
  readonly downgrade?: boolean
}

/** Why it may not; undefined where it may. */
export function objectionTo(
  { layout, update, version }: Candidate,
  sha256: string,
  place: Place,
  { again = false, downgrade = false }: Insists,
): HoldfastError | undefined {
  const no = (message: string, remedy: string): HoldfastError => new HoldfastError('conflict', message, { remedy })
  if (update !== PROTOCOL)
    return no(`version ${version} is updated in another way`, 'Put it in place by hand, with its own starter.')
  if (layout.reads < place.layout.writes)
    return no(
      `version ${version} is too old for the state of this device (layout ${place.layout.writes}, it reads ${layout.reads})`,
      'Take a newer one. State is never taken back: members and keys that are gone would be there again.',
    )
  if (layout.writes > place.layout.reads)
    return no(
      `this version could not read what version ${version} writes (layout ${layout.writes}), so there would be no way back`,
      'Update to a version in between first: one that reads both.',
    )
  if (!again && version === place.version)
    return no(`version ${version} runs already`, 'To put it there again: --force.')
  if (!downgrade && (compareRelease(version, place.version) ?? 0) < 0)
    return no(
      `version ${version} is older than ${place.version}, which runs`,
      'An older version brings mended faults back. To go back all the same: --force.',
    )
  const was = place.refused.find((one) => one.sha256 === sha256)
  if (was === undefined || again) return undefined
  const when = new Date(was.at).toISOString().slice(0, 16)
  return no(
    `this very file was taken back here on ${when}Z`,
    'See `holdfast update --status` for why. To try it again: --force.',
  )
}
