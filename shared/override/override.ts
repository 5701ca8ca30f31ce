// A policy override: what somebody with root at a device that is cut off put over its policy for a while. It can say nothing
// but policies, so there is nothing else it could change, and it is signed by the device, so it speaks for that one alone.

import * as v from 'valibot'
import { fromBase64 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { base32, type DeviceKey, type Name, type NetworkId, type NodeId, parseNetworkId, parseNodeId } from '../ids.ts'
import { integer, name, text } from '../intent/field.ts'
import { policySpec } from '../intent/policy.ts'
import { parseWith } from '../intent/resource.ts'
import {
  overrideBytesMax,
  overrideDurationMsMax,
  overrideDurationMsMin,
  overridePoliciesMax,
  overrideReasonMax,
} from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { openEnvelope, seal, trustedKeys } from '../record/envelope.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)

/** Who asked, as the device's own command line saw it: the user id, and the login it was reached from where sudo says so. */
export const overrideBy = v.strictObject({
  uid: integer(0, 0xffff_ffff),
  login: v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,64}$/, 'is not the name of a user'))),
})
export type OverrideBy = v.InferOutput<typeof overrideBy>

/** One line: it is shown in tables, logs and conditions. */
export const overrideReason = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1),
  v.maxLength(overrideReasonMax),
  v.regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'has control characters: write one plain line'),
)

export const overridePolicies = v.pipe(
  v.array(v.strictObject({ name, spec: policySpec })),
  v.minLength(1),
  v.maxLength(overridePoliciesMax),
  v.check((list) => new Set(list.map((one) => one.name)).size === list.length, 'names a policy twice'),
)
export type OverridePolicy = v.InferOutput<typeof overridePolicies>[number]

const overrideSchema = v.pipe(
  v.strictObject({
    network: text(parseNetworkId, 'network-id'),
    node: text(parseNodeId, 'node-id'),
    policies: overridePolicies,
    reason: overrideReason,
    by: overrideBy,
    /** Milliseconds since the Unix epoch, by the later of the device's clock and the last time it knew to have passed. */
    madeAt: counter,
    expiresAt: counter,
  }),
  v.check(({ expiresAt, madeAt }) => {
    const life = expiresAt - madeAt
    return life >= overrideDurationMsMin && life <= overrideDurationMsMax
  }, 'lives for longer or shorter than an override may'),
)
export type Override = v.InferOutput<typeof overrideSchema>

const overrideEnds = ['expired', 'restored', 'accepted', 'dropped'] as const
/** `restored`: by hand, on the device. `accepted` and `dropped`: by the hub. */
export type OverrideEndWhy = (typeof overrideEnds)[number]

const endSchema = v.strictObject({
  network: text(parseNetworkId, 'network-id'),
  node: text(parseNodeId, 'node-id'),
  /** Id of the override. */
  override: name,
  why: v.picklist(overrideEnds),
  at: counter,
  by: v.optional(overrideBy),
})
export type OverrideEnd = v.InferOutput<typeof endSchema>

/** An override with its id: sixteen characters of the hash of what was signed, so nobody can take that of another. */
export interface NamedOverride {
  readonly id: Name
  readonly override: Override
  readonly envelope: Uint8Array
}

/** Whose word counts, and how it is checked. */
export interface OverrideSpeaker {
  readonly network: NetworkId
  readonly node: NodeId
  readonly key: DeviceKey
  /** Others that count as well: of the device's own words, which it keeps through a change of its key. */
  readonly formerKeys?: readonly DeviceKey[]
  readonly verify: Verify
  readonly sha256: Sha256
}

/** What surrounds the payload of an envelope. */
const ENVELOPE_BYTES = 128
const END_BYTES_MAX = 1 << 10

function named(override: Override, payload: Uint8Array, envelope: Uint8Array, sha256: Sha256): NamedOverride {
  return { id: base32(sha256(payload), 16) as Name, override, envelope }
}

/** Throws `too-large` where it has more bytes than may be kept and reported. */
export function sealOverride(override: Override, signer: Signer, sha256: Sha256): NamedOverride {
  const payload = encodeCanonical(parseWith(overrideSchema, override))
  if (payload.length > overrideBytesMax) {
    throw new HoldfastError('too-large', `the override has ${payload.length} bytes, at most ${overrideBytesMax} fit`, {
      remedy: 'Override less: only what has to change on this device until the hub is back.',
    })
  }
  return named(override, payload, seal('override', payload, signer, sha256), sha256)
}

function checkSpeaker({ network, node }: Pick<Override, 'network' | 'node'>, speaker: OverrideSpeaker): void {
  if (network === speaker.network && node === speaker.node) return
  throw new HoldfastError('untrusted', `an override for ${node} in ${network} was signed by ${speaker.node}`)
}

function payloadOf(kind: 'override' | 'override-end', envelope: Uint8Array, speaker: OverrideSpeaker): Uint8Array {
  const { formerKeys = [], key, sha256, verify } = speaker
  const keys = [key, ...formerKeys].map((one) => fromBase64(one))
  const bytesMax = (kind === 'override' ? overrideBytesMax : END_BYTES_MAX) + ENVELOPE_BYTES
  if (envelope.length > bytesMax) throw new HoldfastError('too-large', `an ${kind} of ${envelope.length} bytes`)
  return openEnvelope(kind, envelope, trustedKeys(keys, sha256), verify).payload
}

/** Verifies with the key of the device that it is of, then parses. */
export function openOverride(envelope: Uint8Array, speaker: OverrideSpeaker): NamedOverride {
  const payload = payloadOf('override', envelope, speaker)
  const override = parseWith(overrideSchema, parseCanonical(payload, overrideBytesMax))
  checkSpeaker(override, speaker)
  return named(override, payload, envelope, speaker.sha256)
}

export function sealOverrideEnd(end: OverrideEnd, signer: Signer, sha256: Sha256): Uint8Array {
  return seal('override-end', encodeCanonical(parseWith(endSchema, end)), signer, sha256)
}

export function openOverrideEnd(envelope: Uint8Array, speaker: OverrideSpeaker): OverrideEnd {
  const end = parseWith(endSchema, parseCanonical(payloadOf('override-end', envelope, speaker), END_BYTES_MAX))
  checkSpeaker(end, speaker)
  return end
}

/** `root`, `root (login anna)`, `uid 1000`: for people. */
export function overrideByText({ login, uid }: OverrideBy): string {
  const user = uid === 0 ? 'root' : `uid ${uid}`
  return login === undefined || login === 'root' ? user : `${user} (login ${login})`
}
