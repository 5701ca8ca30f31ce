// What people carry between the hub and the machines that their lock keys lie on: the lock, and who is to be a member. Plain
// JSON, so that who signs can read what they sign; the signatures are over the canonical bytes of it.

import * as v from 'valibot'
import { HoldfastError } from '../errors.ts'
import { parseDeviceKey, parseNetworkId, parseNodeId, parseWgKey } from '../ids.ts'
import { address, cidr, name, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { deviceLinksKeptMax, recordsMax } from '../limits.ts'
import { signedRowsMax } from '../lock-limits.ts'
import { signedLock } from './lock.ts'
import { signatures } from './signatures.ts'

const member = v.strictObject({
  name,
  nodeId: text(parseNodeId, 'node-id'),
  deviceKey: text(parseDeviceKey, 'ed25519-key'),
  wgKey: text(parseWgKey, 'wireguard-key'),
  addresses: v.pipe(v.array(address), v.minLength(1), v.maxLength(4)),
})

/** The blocks that a renumbering is to lead to; absent where those of the network stay. */
const renumberTo = v.strictObject({ cidr: v.optional(cidr), cidr6: v.optional(cidr) })
export type RenumberTo = v.InferOutput<typeof renumberTo>

const lockBundle = v.strictObject({
  network: v.strictObject({ id: text(parseNetworkId, 'network-id'), name }),
  /** The lock that is in force at the hub. */
  lock: v.optional(signedLock),
  /** The lock that is to take its place. */
  proposal: v.optional(signedLock),
  /** Where it is signed for before a renumbering: what that leads to. */
  renumber: v.optional(renumberTo),
  members: v.pipe(
    v.array(
      v.strictObject({
        member,
        signatures,
        /** From the key that the id follows from to the present one, base64; absent where they are the same. */
        links: v.optional(
          v.pipe(v.array(v.pipe(v.string(), v.base64(), v.maxLength(280))), v.maxLength(deviceLinksKeptMax)),
        ),
      }),
    ),
    v.maxLength(recordsMax * signedRowsMax),
  ),
})
export type LockBundle = v.InferOutput<typeof lockBundle>

/** As it is handed in at the hub, where the path names the network. */
export const lockSubmission = v.strictObject({
  ...lockBundle.entries,
  network: v.optional(lockBundle.entries.network),
})
export type LockSubmission = v.InferOutput<typeof lockSubmission>

export function parseLockBundle(input: unknown): LockBundle {
  const bundle = parseWith(lockBundle, input)
  for (const signed of [bundle.lock, bundle.proposal]) {
    if (signed === undefined || signed.lock.network === bundle.network.id) continue
    throw new HoldfastError('invalid', `the lock is of network ${signed.lock.network}, not of ${bundle.network.id}`)
  }
  return bundle
}
