// Reads who this device is. Apart from `join`, so that the running agent does not carry enrolment along.

import { HoldfastError } from '../../shared/errors.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { StateFiles } from '../host/files.ts'
import { type Identity, identitySchema } from '../identity.ts'

/** The identity that enrolment left; undefined where the device never joined. */
export function loadIdentity(files: Pick<StateFiles, 'identity'>): Identity | undefined {
  const text = readIfThere(files.identity)
  if (text === undefined) return undefined
  const remedy = 'Bring the file back from a backup, or run `holdfast leave --purge` and join again.'
  try {
    return parseWith(identitySchema, JSON.parse(text))
  } catch (cause) {
    throw new HoldfastError('corrupt', `${files.identity} cannot be read`, { cause, remedy })
  }
}
