// Who may use a relay: by the capability the hub signed, the key the node proves, and the set of members if one is held.

import { fromBase64 } from '../../shared/bytes.ts'
import type { Clock, Verify } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { DeviceKey, NetworkId, NodeId } from '../../shared/ids.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import { type Capability, isExpired, openCapability } from '../../shared/wire/capability.ts'
import type { Refusal } from './frames.ts'

/** The set of members that a relay holds. */
export interface MemberSet {
  readonly version: Version
  /** True under a membership lock: the word of the hub alone, which is what a capability is, makes nobody a member. */
  readonly closed?: boolean
  keyOf(node: NodeId): DeviceKey | undefined
  /** False where the network's relayPolicy keeps this relay from carrying traffic between the two; absent where none is known. */
  carries?(node: NodeId, peer: NodeId): boolean
}

export interface AdmissionOptions {
  readonly network: NetworkId
  /** Keys that may sign capabilities. */
  readonly trusted: () => TrustedKeys
  /** Undefined where no set is held. */
  readonly members: () => MemberSet | undefined
  readonly verify: Verify
  readonly clock: Clock
}

export interface Admitted {
  readonly capability: Capability
}

/** True if the held set counts against a word of the hub that was said at `at`. */
function isDecisive(members: MemberSet, at: Version): boolean {
  return members.closed === true || compareVersion(members.version, at) >= 0
}

/** True if the held set does not have the node, and either is as new as the capability or is closed. */
export function isRemoved(members: MemberSet | undefined, node: NodeId, at: Version): boolean {
  return members !== undefined && isDecisive(members, at) && members.keyOf(node) === undefined
}

/** The key that the node has to prove: its record's, which may have followed the one that its capability names. */
function keyToProve(members: MemberSet | undefined, { deviceKey, node, ...at }: Capability): DeviceKey {
  return members !== undefined && isDecisive(members, at) ? (members.keyOf(node) ?? deviceKey) : deviceKey
}

/** By the newest rules this relay holds. */
export function isForbidden(members: MemberSet | undefined, node: NodeId, peer: NodeId): boolean {
  return members?.carries?.(node, peer) === false
}

/** A node that the set has is let in whatever the clock says: clocks fail where relays stand. */
export function judge(options: AdmissionOptions, capability: Capability): Refusal | undefined {
  const { node } = capability
  const members = options.members()
  if (members?.keyOf(node) !== undefined) return undefined
  if (isRemoved(members, node, capability)) return 'removed'
  return isExpired(capability, options.clock.now()) ? 'expired' : undefined
}

/** A capability, and the proof that who shows it holds its key: a signature over something of this moment. */
export interface Shown {
  readonly capability: Uint8Array
  /** Whom the node wants to talk to: never itself. */
  readonly peer: NodeId
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Two signatures are checked here; of unproven sources nothing may come this far unbounded. */
export function admit(
  options: AdmissionOptions,
  { capability: envelope, peer, signature, signed }: Shown,
): Admitted | Refusal {
  let capability: Capability
  try {
    capability = openCapability(envelope, options.trusted(), options.verify)
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return 'untrusted'
  }
  if (capability.network !== options.network || capability.node === peer) return 'untrusted'
  const key = keyToProve(options.members(), capability)
  if (!options.verify(fromBase64(key), signed, signature)) return 'untrusted'
  return judge(options, capability) ?? { capability }
}
