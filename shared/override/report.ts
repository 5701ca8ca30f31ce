// What a device tells its hub of its overrides: all that hold and the last that ended, whole and signed, so that one that began
// and ended while the hub was away is told all the same.

import * as v from 'valibot'
import { fromBase64, toBase64 } from '../bytes.ts'
import type { Name } from '../ids.ts'
import { parseWith } from '../intent/resource.ts'
import { overrideReportBytesMax, overridesKeptMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import {
  type NamedOverride,
  type Override,
  type OverrideEnd,
  type OverrideEndWhy,
  type OverridePolicy,
  type OverrideSpeaker,
  openOverride,
  openOverrideEnd,
} from './override.ts'

/** An override and how it ended, if it has. */
export interface ToldOverride extends NamedOverride {
  readonly end?: OverrideEnd | undefined
  readonly endEnvelope?: Uint8Array | undefined
}

/** As people and programs are shown it. Times are milliseconds since the Unix epoch. */
export interface OverrideView extends Pick<Override, 'reason' | 'by' | 'madeAt' | 'expiresAt'> {
  readonly id: Name
  readonly policies: readonly OverridePolicy[]
  readonly state: 'active' | OverrideEndWhy
  readonly endedAt?: number
}

const base64 = v.pipe(v.string(), v.maxLength(overrideReportBytesMax))
const reportSchema = v.strictObject({
  overrides: v.pipe(
    v.array(v.strictObject({ override: base64, end: v.optional(base64) })),
    v.maxLength(overridesKeptMax),
  ),
})

export function encodeOverrides(told: readonly ToldOverride[]): Uint8Array {
  return encodeCanonical({
    overrides: told.map(({ endEnvelope, envelope }) => ({
      override: toBase64(envelope),
      ...(endEnvelope === undefined ? {} : { end: toBase64(endEnvelope) }),
    })),
  })
}

/** Verifies each of them. Throws where one is not what `speaker` signed. */
export function readOverrides(bytes: Uint8Array, speaker: OverrideSpeaker): readonly ToldOverride[] {
  const { overrides } = parseWith(reportSchema, parseCanonical(bytes, overrideReportBytesMax))
  return overrides.map(({ end, override }) =>
    pairOverride(fromBase64(override), end === undefined ? undefined : fromBase64(end), speaker),
  )
}

/** An override with the end that belongs to it. */
export function pairOverride(
  envelope: Uint8Array,
  endEnvelope: Uint8Array | undefined,
  speaker: OverrideSpeaker,
): ToldOverride {
  const named = openOverride(envelope, speaker)
  if (endEnvelope === undefined) return named
  const end = openOverrideEnd(endEnvelope, speaker)
  // The end of another says nothing about this one.
  return end.override === named.id ? { ...named, end, endEnvelope } : named
}

export function viewOverride({ end, id, override }: ToldOverride): OverrideView {
  const { by, expiresAt, madeAt, policies, reason } = override
  const state = end?.why ?? 'active'
  return { id, state, policies, reason, by, madeAt, expiresAt, ...(end === undefined ? {} : { endedAt: end.at }) }
}
