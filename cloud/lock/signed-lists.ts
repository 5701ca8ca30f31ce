// What people signed for a device, by the list of addresses that it is over: a renumbering leads through several, and which of
// them is published is for the step to say.

import type { Address } from '../../shared/address/cidr.ts'
import { signedListsMax } from '../../shared/lock-limits.ts'
import type { Signatures } from '../../shared/record/signatures.ts'
import type { Signed } from '../store/hub-store.ts'

/** What was signed for that very list, as such; undefined where nothing was. */
export function ownList({ lists = [] }: Signed, addresses: readonly Address[]): Signatures | undefined {
  return lists.find((one) => one.addresses.join() === addresses.join())?.signatures
}

/** What may be shown with `addresses`: what was signed for that list, else what was signed before there were lists. */
export function signaturesOver(signed: Signed, addresses: readonly Address[]): Signatures | undefined {
  return ownList(signed, addresses) ?? signed.signatures
}

/** A list to keep signatures for. */
export interface Into {
  readonly addresses: readonly Address[]
  /** The lists that the device has or comes to have, each joined by commas: none of them is forgotten. */
  readonly needed: ReadonlySet<string>
}

/** Where there are too many the oldest go of those that nobody needs, such as of a renumbering that never began. */
export function withList<T extends Signed>(signed: T, { addresses, needed }: Into, signatures: Signatures): T {
  const others = (signed.lists ?? []).filter((one) => one.addresses.join() !== addresses.join())
  const spare = others.filter((one) => !needed.has(one.addresses.join()))
  const gone = new Set(spare.slice(0, Math.max(0, others.length + 1 - signedListsMax)))
  return { ...signed, lists: [...others.filter((one) => !gone.has(one)), { addresses, signatures }] }
}

/** As much of `signed` as people signed. */
export function signedIn({ lists, signatures }: Signed): Signed {
  return { ...(signatures === undefined ? {} : { signatures }), ...(lists === undefined ? {} : { lists }) }
}

/** Ids of the keys that signed any of it. */
export function signersIn({ lists = [], signatures = [] }: Signed): readonly string[] {
  return [...signatures, ...lists.flatMap((one) => one.signatures)].map(({ key }) => key)
}
