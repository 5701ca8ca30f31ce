// Address blocks. A `Cidr` is canonical text: network bits only, RFC 5952, so equal blocks are equal strings.

import { HoldfastError } from '../errors.ts'
import { bitsOf, formatIp, type Ip, parseIp } from './ip.ts'

declare const brand: unique symbol
/** Canonical `address/length` with no host bits set. */
export type Cidr = string & { readonly [brand]: 'Cidr' }
/** Canonical address without a length. */
export type Address = string & { readonly [brand]: 'Address' }

export interface Block extends Ip {
  readonly length: number
}

export function parseAddress(text: string): Address {
  return formatIp(parseIp(text)) as Address
}

/** Refuses host bits: `10.1.2.3/8` is more often a mistake than a wish. */
export function parseCidr(text: string): Cidr {
  const [address = '', length = '', rest] = text.split('/')
  if (rest !== undefined || !/^(?:0|[1-9]\d{0,2})$/.test(length)) {
    throw new HoldfastError('invalid', `"${text.slice(0, 60)}" is not a CIDR block`, {
      remedy: 'Write it like 10.7.0.0/16 or fd00:7::/64.',
    })
  }
  const ip = parseIp(address)
  const bits = bitsOf(ip.family)
  if (Number(length) > bits) {
    throw new HoldfastError('invalid', `/${length} is longer than the ${bits} bits of ${address}`)
  }
  const base = maskTo(ip, Number(length))
  const canonical = `${formatIp(base)}/${length}`
  if (base.value !== ip.value) {
    throw new HoldfastError('invalid', `${text} has bits set behind its prefix`, { remedy: `Write ${canonical}.` })
  }
  return canonical as Cidr
}

/** As Kubernetes reads a block: bits behind the prefix are dropped, where `parseCidr` takes them for a mistake. */
export function maskCidr(text: string): Cidr {
  const [, address = '', length = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  if (length === '') return parseCidr(text)
  const ip = parseIp(address)
  const bits = Math.min(Number(length), bitsOf(ip.family))
  return parseCidr(`${formatIp(maskTo(ip, bits))}/${length}`)
}

function maskTo(ip: Ip, length: number): Ip {
  const host = BigInt(bitsOf(ip.family) - length)
  return { family: ip.family, value: (ip.value >> host) << host }
}

export function blockOf(cidr: Cidr): Block {
  const slash = cidr.lastIndexOf('/')
  return { ...parseIp(cidr.slice(0, slash)), length: Number(cidr.slice(slash + 1)) }
}

/** The block of one address: /32 or /128. */
export function hostCidr(address: Address): Cidr {
  return `${address}/${address.includes(':') ? 128 : 32}` as Cidr
}

export function familyOf(text: Cidr | Address): 4 | 6 {
  return text.includes(':') ? 6 : 4
}

/** True if every address of `inner` lies in `outer`. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  const a = blockOf(outer)
  const b = blockOf(inner)
  return a.family === b.family && a.length <= b.length && maskTo(b, a.length).value === a.value
}

/** The same for one address and a block that was read before: for those that are asked about thousands. */
export function isWithin(block: Block, address: Address): boolean {
  const { family, value } = parseIp(address)
  const host = BigInt(bitsOf(family) - block.length)
  return family === block.family && value >> host === block.value >> host
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, b) || contains(b, a)
}

/** Addresses in a block, including network and broadcast address. */
export function sizeOf(cidr: Cidr): bigint {
  const block = blockOf(cidr)
  return 1n << BigInt(bitsOf(block.family) - block.length)
}

/** The `index`-th address of a block, from 0. */
export function addressAt(cidr: Cidr, index: bigint): Address {
  if (index < 0n || index >= sizeOf(cidr)) {
    throw new HoldfastError('exhausted', `${cidr} has no address number ${index}`)
  }
  const block = blockOf(cidr)
  return formatIp({ family: block.family, value: block.value + index }) as Address
}

/** IPv4 before IPv6, then by number, then the wider block first: the order of every list of blocks we print. */
export function compareBlock(a: Block, b: Block): number {
  if (a.family !== b.family) return a.family - b.family
  if (a.value !== b.value) return a.value < b.value ? -1 : 1
  return a.length - b.length
}

export function compareCidr(a: Cidr, b: Cidr): number {
  return compareBlock(blockOf(a), blockOf(b))
}

/** In that order; each is read once. */
export function sortCidrs(cidrs: Iterable<Cidr>): Cidr[] {
  return Array.from(cidrs, (cidr) => ({ cidr, block: blockOf(cidr) }))
    .sort((a, b) => compareBlock(a.block, b.block))
    .map(({ cidr }) => cidr)
}
