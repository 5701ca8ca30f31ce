// Blocks minus blocks: how `except` becomes a plain list of blocks.

import { blockOf, type Cidr, contains, overlaps, sortCidrs } from './cidr.ts'
import { bitsOf, formatIp } from './ip.ts'

function halves(cidr: Cidr): readonly [Cidr, Cidr] {
  const { family, value, length } = blockOf(cidr)
  const upper = value + (1n << BigInt(bitsOf(family) - length - 1))
  return [
    `${formatIp({ family, value })}/${length + 1}` as Cidr,
    `${formatIp({ family, value: upper })}/${length + 1}` as Cidr,
  ]
}

/** The least list of blocks that covers `block` without `holes`, sorted. A hole splits at most once per prefix bit. */
export function subtract(block: Cidr, holes: readonly Cidr[]): readonly Cidr[] {
  const within = holes.filter((hole) => overlaps(block, hole))
  if (within.length === 0) return [block]
  if (within.some((hole) => contains(hole, block))) return []
  const [low, high] = halves(block)
  return sortCidrs([...subtract(low, within), ...subtract(high, within)])
}
