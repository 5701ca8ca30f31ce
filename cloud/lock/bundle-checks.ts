// What a hub in wrong hands could slip under people's signatures, and a machine can see: read before anything is signed.

import { type Address, blockOf, isWithin } from '../../shared/address/cidr.ts'
import type { Sha256 } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { lockKeys } from '../../shared/record/lock.ts'
import type { LockBundle } from '../../shared/record/lock-bundle.ts'
import { type Member, memberBytes } from '../../shared/record/member.ts'
import { signersOf } from '../../shared/record/signatures.ts'

type Row = LockBundle['members'][number]

const REMEDY = 'Sign nothing of this. Somebody changed the file, or controls the hub.'

/** True if as many keys of the lock as it asks for have signed for this very row. */
export function isSigned({ lock, network }: LockBundle, { member, signatures }: Row, sha256: Sha256): boolean {
  if (lock === undefined || lock.lock.threshold === 0) return false
  const keys = lockKeys(lock.lock, sha256)
  return signersOf('member', memberBytes(network.id, member), signatures, keys, verify).size >= lock.lock.threshold
}

/** Throws `untrusted` where two devices are to have one address. */
function refuseShared({ members }: LockBundle): void {
  const owners = new Map<Address, Member>()
  for (const { member } of members) {
    for (const address of member.addresses) {
      const other = owners.get(address) ?? member
      owners.set(address, other)
      if (other.nodeId === member.nodeId) continue
      throw new HoldfastError('untrusted', `${address} is to belong to ${other.name} and to ${member.name}`, {
        remedy: REMEDY,
      })
    }
  }
}

/** Throws `untrusted` where a member gets an address that it was not signed for, outside the blocks that the bundle speaks of. */
function refuseStrange(bundle: LockBundle, sha256: Sha256): void {
  const { members, renumber } = bundle
  if (renumber === undefined) return
  const blocks = [renumber.cidr, renumber.cidr6].flatMap((block) => (block === undefined ? [] : [blockOf(block)]))
  const known = new Map<string, Set<Address>>()
  for (const row of members) {
    if (!isSigned(bundle, row, sha256)) continue
    const own = known.get(row.member.nodeId) ?? new Set()
    known.set(row.member.nodeId, own)
    for (const address of row.member.addresses) own.add(address)
  }
  for (const { member } of members) {
    const own = known.get(member.nodeId)
    // Nobody has signed for it yet: its id is what people compare.
    if (own === undefined) continue
    const strange = member.addresses.find(
      (address) => !own.has(address) && !blocks.some((block) => isWithin(block, address)),
    )
    if (strange === undefined) continue
    const where = [renumber.cidr, renumber.cidr6].filter((block) => block !== undefined).join(' and ')
    throw new HoldfastError('untrusted', `${strange} of ${member.name} lies outside ${where}`, { remedy: REMEDY })
  }
}

export function refuseSwapped(bundle: LockBundle, sha256: Sha256): void {
  refuseShared(bundle)
  refuseStrange(bundle, sha256)
}
