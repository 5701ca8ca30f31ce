// That the network is on its way to other addresses, as this node has heard of it. Pure.

import type { Cidr } from '../../shared/address/cidr.ts'
import { otherBlocks } from '../../shared/address/mesh-blocks.ts'
import type { RenumberStep } from '../../shared/intent/renumber.ts'
import type { BodyOf } from '../../shared/record/record.ts'

export interface RenumberingStatus {
  /** Absent where the hub is too old to tell. */
  readonly step?: RenumberStep
  /** Blocks that names, programs and agents use, of the families that change; IPv4 first. */
  readonly inUse: readonly Cidr[]
  /** Those that every node has an address in besides. */
  readonly besides: readonly Cidr[]
}

/** Undefined where nothing is under way. */
export function renumberingStatus(
  spec: Pick<BodyOf<'network'>['spec'], 'cidr' | 'cidr6' | 'renumber'> | undefined,
): RenumberingStatus | undefined {
  if (spec?.renumber === undefined) return undefined
  const { cidr, cidr6, renumber } = spec
  const inUse = [renumber.cidr === undefined ? undefined : cidr, renumber.cidr6 === undefined ? undefined : cidr6]
  return {
    ...(renumber.step === undefined ? {} : { step: renumber.step }),
    inUse: inUse.flatMap((block) => block ?? []),
    besides: otherBlocks(spec),
  }
}
