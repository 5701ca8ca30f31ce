// A device's word on its WireGuard key, signed by its device key: this one from now on. The hub takes it into the node's record;
// until then, and where the hub is away, peers go by the word itself.
//
// The serial orders the keys of a device, and a record says which serial its key has: an older word, played again, changes
// nothing, and a newer record silences every word that it knew of.

import * as v from 'valibot'
import { fromBase64 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { type DeviceKey, type NetworkId, type NodeId, parseNetworkId, parseNodeId, parseWgKey } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { keyStatementBytesMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { openEnvelope, seal, trustedKeys } from '../record/envelope.ts'

const statement = v.strictObject({
  network: text(parseNetworkId, 'network-id'),
  node: text(parseNodeId, 'node-id'),
  /** Rises by one with each key; that of enrolment has 0. */
  serial: integer(1, Number.MAX_SAFE_INTEGER),
  wgKey: text(parseWgKey, 'wireguard-key'),
  /** Not in use yet: it asks people to sign for it, under a membership lock. */
  asked: v.optional(v.literal(true)),
})
export type KeyStatement = v.InferOutput<typeof statement>

/** As a fact carries it: the envelope in base64. */
export const keyStatementText = v.pipe(v.string(), v.base64(), v.maxLength(Math.ceil(keyStatementBytesMax / 3) * 4))

export function sealKeyStatement(word: KeyStatement, signer: Signer, sha256: Sha256): Uint8Array {
  return seal('wg-key', encodeCanonical(word), signer, sha256)
}

/** Whose word it has to be. */
export interface KeyHolder {
  readonly network: NetworkId
  readonly node: NodeId
  readonly deviceKey: DeviceKey
}

/** Verifies with the device key of the node that it came for, then parses. */
export function openKeyStatement(
  envelope: Uint8Array,
  { deviceKey, network, node }: KeyHolder,
  verify: Verify,
  sha256: Sha256,
): KeyStatement {
  const { payload } = openEnvelope('wg-key', envelope, trustedKeys([fromBase64(deviceKey)], sha256), verify)
  const word = parseWith(statement, parseCanonical(payload, keyStatementBytesMax))
  if (word.network !== network) {
    throw new HoldfastError('untrusted', `a key of ${node} was stated for network ${word.network}`)
  }
  if (word.node !== node) throw new HoldfastError('untrusted', `a key of ${word.node} was stated by ${node}`)
  return word
}
