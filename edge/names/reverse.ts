// Names that stand for addresses, to ask who has them: RFC 1035 §3.5 and RFC 3596 §2.5.

import { type Address, blockOf, type Cidr, hostCidr } from '../../shared/address/cidr.ts'
import { bitsOf, formatIp } from '../../shared/address/ip.ts'

const ROOTS = [
  { suffix: '.in-addr.arpa', family: 4, labels: 4, bits: 8, digit: /^(?:0|[1-9]\d{0,2})$/, radix: 10 },
  { suffix: '.ip6.arpa', family: 6, labels: 32, bits: 4, digit: /^[0-9a-f]$/, radix: 16 },
] as const

export interface Reverse {
  readonly family: 4 | 6
  /** What the labels say, from the left of the address on; the rest is zero. */
  readonly value: bigint
  /** How many bits they say. */
  readonly length: number
}

/** `name` in lower case; undefined where it is of another kind. A name with fewer labels than an address is a block. */
export function reverseOf(name: string): Reverse | undefined {
  const root = ROOTS.find(({ suffix }) => name.endsWith(suffix) || `.${name}` === suffix)
  if (root === undefined) return undefined
  const { bits, digit, family, labels: most, radix, suffix } = root
  const labels = `.${name}`.slice(0, -suffix.length).split('.').slice(1)
  if (labels.length > most || !labels.every((label) => digit.test(label))) return undefined
  const parts = labels.toReversed().map((label) => Number.parseInt(label, radix))
  if (parts.some((part) => part >= 1 << bits)) return undefined
  const length = parts.length * bits
  const value = parts.reduce((sum, part) => (sum << BigInt(bits)) | BigInt(part), 0n)
  return { family, value: value << BigInt(bitsOf(family) - length), length }
}

/** The address, where all of it is said. */
export function addressOf({ family, length, value }: Reverse): Address | undefined {
  return length === bitsOf(family) ? (formatIp({ family, value }) as Address) : undefined
}

/** Whether addresses of the block lie under that name, or the name lies within the block. */
export function touches({ family, length, value }: Reverse, cidr: Cidr): boolean {
  const block = blockOf(cidr)
  const shift = BigInt(bitsOf(family) - Math.min(length, block.length))
  return block.family === family && block.value >> shift === value >> shift
}

/** @testonly The name to ask who has an address. */
export function reverseName(address: Address): string {
  const { family, value } = blockOf(hostCidr(address))
  const root = family === 4 ? ROOTS[0] : ROOTS[1]
  const labels = Array.from({ length: root.labels }, (_, at) =>
    ((value >> BigInt(at * root.bits)) & BigInt((1 << root.bits) - 1)).toString(root.radix),
  )
  return labels.join('.') + root.suffix
}
