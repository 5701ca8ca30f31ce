// IPv4 addresses inside IPv6 ones, as a NAT64 writes them (RFC 6052 §2.2), and how a network tells its prefix (RFC 7050 §3).

import { type Address, addressAt, blockOf, type Cidr, contains, hostCidr, maskCidr } from '../../shared/address/cidr.ts'
import { formatIp, parseIp } from '../../shared/address/ip.ts'

/** A name whose only addresses are of IPv4: whoever answers with one of IPv6 has made it with the prefix that is in use. */
export const ipv4OnlyName = 'ipv4only.arpa'
/** Its addresses (RFC 7050 §8.2). */
const IPV4_ONLY: ReadonlySet<string> = new Set(['192.0.0.170', '192.0.0.171'])

/** Lengths that a prefix may have, the most usual first. */
const LENGTHS = [96, 64, 56, 48, 40, 32] as const
/** Bits 64 to 71 are zero always; an IPv4 address leaves them out. */
const GAP_AT = 64
const GAP_BITS = 8

/** How far to the left of its end each octet of the IPv4 address stands, the first octet first. */
function shiftsOf(length: number): readonly bigint[] {
  return [0, 8, 16, 24].map((offset) => {
    const from = length + offset
    const at = from >= GAP_AT && length <= GAP_AT ? from + GAP_BITS : from
    return BigInt(128 - 8 - at)
  })
}

function lengthOf(prefix: Cidr): number {
  return Number(prefix.split('/')[1])
}

/** True for prefixes that RFC 6052 §2.2 knows. */
export function isNat64Prefix(block: Cidr): boolean {
  return block.includes(':') && LENGTHS.some((length) => length === lengthOf(block)) && gapOf(block) === 0n
}

function gapOf(block: Cidr): bigint {
  return (blockOf(block).value >> BigInt(128 - GAP_AT - GAP_BITS)) & 0xffn
}

/** The address by which the translator reaches one of IPv4. */
export function throughNat64(prefix: Cidr, address: Address): Address {
  const { value } = parseIp(address)
  const shifts = shiftsOf(lengthOf(prefix))
  const inside = shifts.reduce((sum, shift, i) => sum | (((value >> BigInt(24 - 8 * i)) & 0xffn) << shift), 0n)
  return addressAt(prefix, inside)
}

/** The IPv4 address that it stands for; undefined for one that the translator did not make. */
export function behindNat64(prefix: Cidr, address: Address): Address | undefined {
  if (!address.includes(':') || !contains(prefix, hostCidr(address))) return undefined
  const { value } = parseIp(address)
  const inside = shiftsOf(lengthOf(prefix)).reduce((sum, shift) => (sum << 8n) | ((value >> shift) & 0xffn), 0n)
  const found = formatIp({ family: 4, value: inside }) as Address
  return throughNat64(prefix, found) === address ? found : undefined
}

/** The prefix by the answers for `ipv4OnlyName`; undefined where none of them was made by a translator. */
export function prefixFrom(answers: readonly Address[]): Cidr | undefined {
  for (const address of answers) {
    if (!address.includes(':')) continue
    for (const length of LENGTHS) {
      const prefix = maskCidr(`${address}/${length}`)
      const inside = isNat64Prefix(prefix) ? behindNat64(prefix, address) : undefined
      if (inside !== undefined && IPV4_ONLY.has(inside)) return prefix
    }
  }
  return undefined
}
