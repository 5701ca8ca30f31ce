// Beacons as they lie on the wire: a node's own signed fact, sealed for the members of its network.
//
//   0–3    0xF0 'h' 'b' and version 1
//   4–19   salt, random for each beacon
//   20–    sealed (ChaCha20-Poly1305, nonce zero, the 20 bytes before as associated data):
//          kind (1), node id (16), length of the fact (2), the fact's envelope, length of the state (2), what the node holds
//          (gossip/state.ts), zeros up to a multiple of 128
//
// The key of a beacon is HKDF-SHA-256 of a key that signs the network's heads, with the salt and the network's id. Its public
// half is no secret of the hub or the broker, but it crosses no LAN in clear: devices learn it inside TLS and keep it, heads and
// capabilities bear eight bytes of its hash only. So it is what every member has, at whatever revision and however long
// alone, and a stranger on the LAN has not; it changes with the signing key, and nobody has to hand out anything new.
//
// What this gives: who says it and what is said is proven by the device key of the sender's record, whoever sealed it.
// A stranger on the LAN learns from beacons that holdfast runs at an address, and about how much it says; neither which network
// nor which node it is. An old beacon is outranked by what is held (boot, seq), and one that is not yet outranked says what is
// known already. What it does not give: secrecy from those who hold the signing key's certificate (members, the
// hub and its broker, and until the signing key is changed whoever was a member, and members of the same hub's other
// networks). And nothing here shows that the sender is still there: a candidate is a hint, and probes prove it.

import { concat, fromUtf8, sameBytes, utf8 } from '../../shared/bytes.ts'
import type { Entropy } from '../../shared/effects.ts'
import { type NetworkId, type NodeId, parseNodeId } from '../../shared/ids.ts'
import { beaconBytesMax, beaconKeysMax } from '../../shared/limits.ts'
import type { TalkCrypto } from '../paths/path-talk.ts'

/** `call`: to whoever is on the link, and wants answers. `answer`: to one node that just called. */
export type BeaconKind = 'call' | 'answer'

export interface Beacon {
  readonly kind: BeaconKind
  readonly node: NodeId
  /** The fact's envelope; nothing of it is verified. */
  readonly fact: Uint8Array
  /** What the node holds, so that neighbours know who has to ask whom; absent where it takes no part in gossip. */
  readonly state?: Uint8Array
}

/** Public keys that sign the network's heads: one, or two while the signing key is changed. */
export type BeaconKeys = Iterable<Uint8Array>

export interface BeaconCodec {
  /** The same beacon for each of the keys; none where the fact is too large. */
  seal(keys: BeaconKeys, beacon: Beacon): readonly Uint8Array[]
  /** Undefined for everything that was not sealed under one of the keys. */
  open(keys: BeaconKeys, bytes: Uint8Array): Beacon | undefined
}

export interface BeaconCodecOptions {
  readonly network: NetworkId
  readonly crypto: Pick<TalkCrypto, 'hkdf' | 'seal' | 'open'>
  readonly entropy: Entropy
}

const MAGIC = Uint8Array.of(0xf0, 0x68, 0x62, 1)
const SALT_BYTES = 16
const HEADER_BYTES = MAGIC.length + SALT_BYTES
const SEAL_BYTES = 16
const NODE_BYTES = 16
const INSIDE_BYTES = 1 + NODE_BYTES + 2
/** Sizes tell one node from another; in steps they tell less. */
const STEP_BYTES = 128
/** Each beacon has a key of its own. */
const NONCE = new Uint8Array(12)
const NOTHING = new Uint8Array(0)
const KINDS: readonly BeaconKind[] = ['call', 'answer']

function encodeInside({ fact, kind, node, state = NOTHING }: Beacon): Uint8Array {
  const length = Math.ceil((INSIDE_BYTES + fact.length + 2 + state.length) / STEP_BYTES) * STEP_BYTES
  const bytes = new Uint8Array(length)
  bytes[0] = KINDS.indexOf(kind) + 1
  bytes.set(utf8(node), 1)
  new DataView(bytes.buffer).setUint16(1 + NODE_BYTES, fact.length)
  bytes.set(fact, INSIDE_BYTES)
  const stateAt = INSIDE_BYTES + fact.length
  new DataView(bytes.buffer).setUint16(stateAt, state.length)
  bytes.set(state, stateAt + 2)
  return bytes
}

/** Zeros, or nothing at all, of whoever says none. */
function parseState(bytes: Uint8Array): Pick<Beacon, 'state'> {
  if (bytes.length < 2) return {}
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(0)
  return length === 0 || bytes.length < 2 + length ? {} : { state: new Uint8Array(bytes.subarray(2, 2 + length)) }
}

function parseInside(bytes: Uint8Array): Beacon | undefined {
  const kind = KINDS[(bytes[0] ?? 0) - 1]
  if (kind === undefined || bytes.length < INSIDE_BYTES) return undefined
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(1 + NODE_BYTES)
  if (bytes.length < INSIDE_BYTES + length) return undefined
  try {
    const node = parseNodeId(fromUtf8(bytes.subarray(1, 1 + NODE_BYTES)))
    const fact = new Uint8Array(bytes.subarray(INSIDE_BYTES, INSIDE_BYTES + length))
    return { kind, node, fact, ...parseState(bytes.subarray(INSIDE_BYTES + length)) }
  } catch {
    return undefined
  }
}

export function createBeaconCodec({ crypto, entropy, network }: BeaconCodecOptions): BeaconCodec {
  const label = utf8(`holdfast beacon 1 ${network}`)
  const keyOf = (key: Uint8Array, salt: Uint8Array): Uint8Array => crypto.hkdf(key, salt, label, 32)

  return {
    seal(keys, beacon) {
      const inside = encodeInside(beacon)
      if (HEADER_BYTES + inside.length + SEAL_BYTES > beaconBytesMax) return []
      return [...keys].slice(0, beaconKeysMax).map((key) => {
        const salt = entropy.bytes(SALT_BYTES)
        const header = concat(MAGIC, salt)
        return concat(header, crypto.seal(keyOf(key, salt), NONCE, inside, header))
      })
    },
    open(keys, bytes) {
      if (bytes.length < HEADER_BYTES + INSIDE_BYTES + SEAL_BYTES || bytes.length > beaconBytesMax) return undefined
      if (!sameBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return undefined
      const header = bytes.subarray(0, HEADER_BYTES)
      const salt = bytes.subarray(MAGIC.length, HEADER_BYTES)
      for (const key of [...keys].slice(0, beaconKeysMax)) {
        const inside = crypto.open(keyOf(key, salt), NONCE, bytes.subarray(HEADER_BYTES), header)
        if (inside !== undefined) return parseInside(inside)
      }
      return undefined
    },
  }
}
