// Pools of a network lie in its blocks, and beside each other. Pure.

import { type Cidr, contains, familyOf, sizeOf } from '../address/cidr.ts'
import { nestedPairs } from '../address/nesting.ts'
import type { NetworkSpec } from './network.ts'

/** Below that nobody could have an address in the first part of a block, or the last. */
const SIZE_MIN = 4n

/** `fault`: told of each, with the field of the spec. */
export function checkPools(
  { cidr, cidr6, pools = [], renumber }: NetworkSpec,
  fault: (message: string, field: string, remedy: string) => void,
): void {
  const names = new Set<string>()
  const parts: { readonly block: Cidr; readonly field: string; readonly name: string }[] = []
  for (const [at, pool] of pools.entries()) {
    const place = `pools[${at}]`
    if (names.has(pool.name)) fault(`there are two pools "${pool.name}"`, `${place}.name`, 'Give each its own name.')
    names.add(pool.name)
    for (const [key, block, ...owns] of [
      ['cidr', pool.cidr, cidr, renumber?.cidr],
      ['cidr6', pool.cidr6, cidr6, renumber?.cidr6],
    ] as const) {
      if (block === undefined) continue
      const [own] = owns
      const lies = owns.some((one) => one !== undefined && familyOf(one) === familyOf(block) && contains(one, block))
      const field = `${place}.${key}`
      if (!lies) {
        fault(
          `${block} is no part of ${own ?? `a network without ${key}`}`,
          field,
          'Choose a block inside that of the network.',
        )
      } else if (sizeOf(block) < SIZE_MIN) {
        fault(
          `${block} is too small for a pool`,
          field,
          'Choose four addresses at least, or give the nodes fixed ones.',
        )
      } else parts.push({ block, field, name: pool.name })
    }
  }
  for (const [before, after] of nestedPairs(parts.map(({ block }) => block))) {
    const [a, b] = [parts[before], parts[after]]
    if (a === undefined || b === undefined) continue
    fault(`${b.block} overlaps ${a.block} of pool "${a.name}"`, b.field, 'Choose a block of its own.')
  }
}
