// The key of a cluster's agent, as one word to be laid into a Secret of that cluster. The hub keeps its public half alone.

import { concat, fromBase64Url, toBase64, toBase64Url, utf8 } from '../../shared/bytes.ts'
import type { Entropy, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import {
  base32,
  type DeviceKey,
  type NetworkId,
  type NodeId,
  parseDeviceKey,
  parseNetworkId,
  parseNodeId,
} from '../../shared/ids.ts'

export interface ClusterKey {
  readonly signer: Signer
  /** Pins the hub. */
  readonly pin: Uint8Array
  readonly node: NodeId
  readonly channel: NetworkId
  readonly key: DeviceKey
}

const PREFIX = 'hfc1'

function keyOf(seed: Uint8Array, pin: Uint8Array): ClusterKey {
  const signer = signerFromSeed(seed)
  const id = (what: string): Uint8Array => sha256(concat(utf8(`holdfast/cluster/${what}/1\0`), signer.publicKey))
  return {
    signer,
    pin,
    node: parseNodeId(base32(id('node'), 16)),
    channel: parseNetworkId(base32(id('channel'), 12)),
    key: parseDeviceKey(toBase64(signer.publicKey)),
  }
}

/** `hfc1.<base64url of seed(32) and pin(32)>`. The word is a secret. */
export function makeClusterKey(entropy: Entropy, pin: Uint8Array): ClusterKey & { readonly word: string } {
  const seed = entropy.bytes(32)
  return { ...keyOf(seed, pin), word: `${PREFIX}.${toBase64Url(concat(seed, pin))}` }
}

/** Throws `invalid`; never says the word. */
export function parseClusterKey(word: string): ClusterKey {
  const [prefix, body = '', rest] = word.trim().split('.')
  const remedy =
    'Copy the whole word that `holdfast-hub cluster add` printed, or make another: holdfast-hub cluster rekey NAME.'
  if (prefix !== PREFIX || rest !== undefined)
    throw new HoldfastError('invalid', 'this is not the key of a cluster', { remedy })
  let bytes: Uint8Array
  try {
    bytes = fromBase64Url(body)
  } catch {
    throw new HoldfastError('invalid', 'the key of the cluster has a typing error in it', { remedy })
  }
  if (bytes.length !== 64) throw new HoldfastError('invalid', 'the key of the cluster is cut short', { remedy })
  return keyOf(bytes.slice(0, 32), bytes.slice(32))
}
