// The hub's command to one device to do something now and tell what came of it: signed as heads are, for one session of the
// device alone, in an order that only rises, and for a short time. So a broker can hold one back, and neither give one itself
// nor give one twice.
//
// The session is what the device calls its present life in its presence: a command of an earlier one is worth nothing after a
// restart, without the device having to remember anything. Within a session the serial rises.
//
// An answer is what the device signs, followed by the bytes of the result that it names the digest of:
//
//   bytes 0–3   length of the envelope
//   then        the envelope
//   then        the result

import * as v from 'valibot'
import { concat, fromBase64, toHex } from '../bytes.ts'
import { commandAnswerBytesMax, commandBytesMax, commandPingsMax, commandResultBytesMax } from '../command-limits.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { type DeviceKey, parseNetworkId, parseNodeId } from '../ids.ts'
import { integer, name, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { openEnvelope, seal, type TrustedKeys, trustedKeys } from '../record/envelope.ts'
import { tolerantPick } from './tolerant.ts'

/**
 * `ping`: whether it answers, or whether a peer answers it. `history`: how it reached a peer of late. All but `rotate-key` only
 * look.
 */
export const commandKinds = ['ping', 'netcheck', 'history', 'bundle', 'rotate-key'] as const
export type CommandKind = (typeof commandKinds)[number]

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const id = v.pipe(v.string(), v.regex(/^[a-z2-7]{16}$/))

const commandSchema = v.object({
  network: text(parseNetworkId, 'network-id'),
  node: text(parseNodeId, 'node-id'),
  /** Made up by the hub; the answer repeats it. */
  id,
  /** As the device said in its presence. */
  session: id,
  serial: counter,
  /** By the hub's clock, milliseconds since the Unix epoch. */
  issuedAt: counter,
  expiresAt: counter,
  kind: v.picklist(commandKinds),
  /** Of a ping, absent where the device itself is asked; of a history. */
  peer: v.optional(name),
  count: v.optional(integer(1, commandPingsMax)),
})
export type Command = v.InferOutput<typeof commandSchema>

export function sealCommand(command: Command, signer: Signer, sha256: Sha256): Uint8Array {
  return seal('command', encodeCanonical(command), signer, sha256)
}

/** Verifies before it parses. Whether it is for this device, now, and new is the caller's question. */
export function openCommand(envelope: Uint8Array, trusted: TrustedKeys, verify: Verify): Command {
  const { payload } = openEnvelope('command', envelope, trusted, verify)
  return parseWith(commandSchema, parseCanonical(payload, commandBytesMax))
}

const sentence = v.pipe(v.string(), v.maxLength(500))

/** `done`: it was carried out. `failed`: it was tried. `refused`: the device would not. */
const answerSchema = v.object({
  network: text(parseNetworkId, 'network-id'),
  node: text(parseNodeId, 'node-id'),
  id,
  state: tolerantPick(['done', 'failed', 'refused'], 'failed'),
  /** Why it was refused, or failed. */
  code: v.optional(v.pipe(v.string(), v.maxLength(32))),
  message: v.optional(sentence),
  remedy: v.optional(sentence),
  /** SHA-256 of the result, lower-case hex. */
  resultHash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})
export type CommandAnswer = Omit<v.InferOutput<typeof answerSchema>, 'resultHash'> & {
  /** JSON as the command line prints it, or the bytes of a file; may be empty. */
  readonly result: Uint8Array
}

export function sealAnswer({ result, ...answer }: CommandAnswer, signer: Signer, sha256: Sha256): Uint8Array {
  if (result.length > commandResultBytesMax) {
    throw new HoldfastError('too-large', `a result of ${result.length} bytes`)
  }
  const body = encodeCanonical({ ...answer, resultHash: toHex(sha256(result)) })
  const envelope = seal('command-answer', body, signer, sha256)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, envelope.length)
  return concat(length, envelope, result)
}

/** Throws where it is not what the device signed. */
export function openAnswer(bytes: Uint8Array, key: DeviceKey, verify: Verify, sha256: Sha256): CommandAnswer {
  const invalid = new HoldfastError('invalid', 'not an answer to a command')
  if (bytes.length < 4) throw invalid
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
  if (length > commandAnswerBytesMax || 4 + length > bytes.length) throw invalid
  const trusted = trustedKeys([fromBase64(key)], sha256)
  const { payload } = openEnvelope('command-answer', bytes.subarray(4, 4 + length), trusted, verify)
  const { resultHash, ...answer } = parseWith(answerSchema, parseCanonical(payload, commandAnswerBytesMax))
  const result = bytes.slice(4 + length)
  if (result.length > commandResultBytesMax) throw new HoldfastError('too-large', `a result of ${result.length} bytes`)
  if (toHex(sha256(result)) !== resultHash) throw new HoldfastError('bad-root', 'the result is not what was signed')
  return { ...answer, result }
}

/** How the bytes that a device answers by may be split: an answer of the largest result, with its head. */
export const commandAnswerFrameMax = 4 + commandAnswerBytesMax + commandResultBytesMax
