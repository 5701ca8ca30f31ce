// The internet as blocks. An exit leads there and nowhere else: what is private at its own site, the metadata of its cloud and
// the mesh stay out of it.

import { blockOf, type Cidr, contains, overlaps, parseCidr, sortCidrs } from '../../shared/address/cidr.ts'
import { bitsOf, formatIp } from '../../shared/address/ip.ts'

const WHOLE = [parseCidr('0.0.0.0/0'), parseCidr('2000::/3'), parseCidr('64:ff9b::/96')]

/** RFC 1122, 1918, 3927, 6598, and multicast with what is reserved (RFC 1112). Blocks of documentation and tests stay in. */
const HOLES = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/3',
].map((text) => parseCidr(text))

function halves(block: Cidr): readonly Cidr[] {
  const { family, length, value } = blockOf(block)
  const half = 1n << BigInt(bitsOf(family) - length - 1)
  return [value, value + half].map((first) => parseCidr(`${formatIp({ family, value: first })}/${length + 1}`))
}

function without(block: Cidr, holes: readonly Cidr[]): readonly Cidr[] {
  const near = holes.filter((hole) => overlaps(hole, block))
  if (near.length === 0) return [block]
  return near.some((hole) => contains(hole, block)) ? [] : halves(block).flatMap((half) => without(half, near))
}

/** Sorted, IPv4 first; without the blocks of the mesh. */
export function internetBlocks(mesh: readonly Cidr[]): readonly Cidr[] {
  return sortCidrs(WHOLE.flatMap((block) => without(block, [...HOLES, ...mesh])))
}
