// What makes a device a member, as the keys of a membership lock sign it: its name, its two keys and its mesh addresses, in
// this network. Who holds the signing key of the hub can change none of them without people.
//
// Labels, subnets, relays and endpoints are not in it: the hub decides over policies and routes anyway, which say more than
// they do, and people could not sign each of their changes.

import type { NetworkId } from '../ids.ts'
import { encodeCanonical } from './canonical.ts'
import { nodeIdOf } from './device-link.ts'
import { isLocked, type Lock, type LockScope, lockKeys } from './lock.ts'
import type { NodeBody } from './record.ts'
import { signersOf } from './signatures.ts'

/** The fields that people sign. */
export type Member = Pick<NodeBody, 'name' | 'nodeId' | 'deviceKey' | 'wgKey' | 'addresses'>

export function memberBytes(network: NetworkId, member: Member): Uint8Array {
  const { addresses, deviceKey, name, nodeId, wgKey } = member
  return encodeCanonical({ network, name, nodeId, deviceKey, wgKey, addresses })
}

/** The node as it is once it has turned to the key that it may turn to; undefined where there is none. */
export function asNext(node: NodeBody): NodeBody | undefined {
  const { next, ...rest } = node
  if (next === undefined) return undefined
  return { ...rest, wgKey: next.wgKey, wgSerial: next.serial, membership: next.membership }
}

/** `revoked`: the lock bars the device, whoever signed for it. */
export type Verdict = 'admitted' | 'unsigned' | 'revoked'
export type Judge = (node: NodeBody) => Verdict

/** Ids of the lock’s keys that signed for the node. */
function memberSigners(lock: Lock, node: NodeBody, { sha256, verify }: LockScope): ReadonlySet<string> {
  const bytes = memberBytes(lock.network, node)
  return signersOf('member', bytes, node.membership ?? [], lockKeys(lock, sha256), verify)
}

/** Judges node records under `lock`; what was judged once is remembered with the very object. */
export function createJudge(lock: Lock, scope: LockScope): Judge {
  const revoked = new Set<string>(lock.revoked)
  const known = new WeakMap<NodeBody, Verdict>()
  const judge = (node: NodeBody): Verdict => {
    // The id follows from the first key; a device that was barred must not come back under another id. That a later key is of
    // the device was shown to the people who signed for the two together.
    if (node.deviceSerial === undefined && nodeIdOf(node.deviceKey, scope.sha256) !== node.nodeId) return 'unsigned'
    if (revoked.has(node.nodeId)) return 'revoked'
    return memberSigners(lock, node, scope).size >= lock.threshold ? 'admitted' : 'unsigned'
  }
  if (!isLocked(lock)) return () => 'admitted'
  return (node) => {
    const verdict = known.get(node) ?? judge(node)
    known.set(node, verdict)
    return verdict
  }
}
