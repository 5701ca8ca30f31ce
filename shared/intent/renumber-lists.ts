// The lists of addresses that a node has on the way of a renumbering, from the first to the last. Pure.

import type { Address, Cidr } from '../address/cidr.ts'
import { familyOf } from '../address/cidr.ts'
import { type MeshSpec, mainBlocks, otherBlocks } from '../address/mesh-blocks.ts'
import { isUsable } from '../address/usable.ts'
import type { RenumberPlan } from './renumber.ts'

/** Before: old addresses alone. Prepare, and Return: the old ones first. Switch: the new ones first. After: those alone. */
export type ListStep = 'Before' | 'Prepare' | 'Switch' | 'After'

export interface AddressList {
  readonly at: ListStep
  readonly addresses: readonly Address[]
}

function replaced(blocks: readonly Cidr[], by: readonly Cidr[]): readonly Cidr[] {
  return blocks.map((block) => by.find((other) => familyOf(other) === familyOf(block)) ?? block)
}

/** Of a node that has `addresses`, one of each block of `spec`; none where the network is not being renumbered. */
export function addressLists(
  spec: MeshSpec & { readonly renumber?: Pick<RenumberPlan, 'step'> | undefined },
  addresses: readonly Address[],
): readonly AddressList[] {
  if (spec.renumber === undefined) return []
  const [main, others] = [mainBlocks(spec), otherBlocks(spec)]
  const [before, after] =
    spec.renumber.step === 'Switch' ? [replaced(main, others), main] : [main, replaced(main, others)]
  const beside = (own: readonly Cidr[], more: readonly Cidr[]): readonly Cidr[] => [
    ...own,
    ...more.filter((block) => !own.includes(block)),
  ]
  const blocksAt = { Before: before, Prepare: beside(before, after), Switch: beside(after, before), After: after }
  return (['Before', 'Prepare', 'Switch', 'After'] as const).map((at) => ({
    at,
    addresses: blocksAt[at].flatMap((block) => addresses.find((address) => isUsable(block, address)) ?? []),
  }))
}
