// IPv4 and IPv6 addresses as numbers with their family, and their one canonical text (RFC 5952).

import { HoldfastError } from '../errors.ts'

export interface Ip {
  readonly family: 4 | 6
  /** The address as an unsigned integer: 32 bits for family 4, 128 for 6. */
  readonly value: bigint
}

const ZERO = 48
/** Relative to `0`. */
const DOT = 46 - ZERO
const HEXTET = /^[0-9a-fA-F]{1,4}$/

export function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128
}

/** Four decimal octets without leading zeros. Read digit by digit: a fleet's rules name thousands of addresses. */
function parse4(text: string): bigint | undefined {
  let value = 0
  let octet = -1
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO
    if (digit >= 0 && digit <= 9 && octet !== 0) octet = octet < 0 ? digit : octet * 10 + digit
    else if (digit === DOT && octet >= 0 && dots < 3) {
      value = value * 256 + octet
      octet = -1
      dots++
    } else return undefined
    if (octet > 255) return undefined
  }
  return dots === 3 && octet >= 0 ? BigInt(value * 256 + octet) : undefined
}

/** Groups of 16 bits; `atEnd` allows the last 32 bits to be written as IPv4. */
function hextets(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return []
  const out: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (atEnd && index === parts.length - 1 && part.includes('.')) {
      const tail = parse4(part)
      if (tail === undefined) return undefined
      out.push(Number(tail >> 16n), Number(tail & 0xffffn))
    } else if (HEXTET.test(part)) out.push(Number.parseInt(part, 16))
    else return undefined
  }
  return out
}

function parse6(text: string): bigint | undefined {
  if (text.length > 45) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = hextets(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? hextets(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const gap = 8 - head.length - tail.length
  if (halves.length === 2 ? gap < 1 : gap !== 0) return undefined
  const all = [...head, ...Array.from({ length: gap }, () => 0), ...tail]
  return all.reduce((value, part) => (value << 16n) | BigInt(part), 0n)
}

/** Undefined where `text` is not an address; zones (`%eth0`) and leading zeros are not accepted. */
export function tryParseIp(text: string): Ip | undefined {
  const value4 = parse4(text)
  if (value4 !== undefined) return { family: 4, value: value4 }
  if (!text.includes(':')) return undefined
  const value6 = parse6(text)
  return value6 === undefined ? undefined : { family: 6, value: value6 }
}

export function parseIp(text: string): Ip {
  const ip = tryParseIp(text)
  if (ip === undefined) {
    throw new HoldfastError('invalid', `"${text.slice(0, 60)}" is not an IP address`, {
      remedy: 'Write it like 10.1.2.3 or fd00::1.',
    })
  }
  return ip
}

/** Longest run of two or more zero hextets, the first of equals: what RFC 5952 shortens to `::`. */
function zeroRun(parts: readonly number[]): { at: number; length: number } {
  let best = { at: -1, length: 1 }
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && parts[at + length] === 0) length++
    if (length > best.length) best = { at, length }
  }
  return best
}

export function formatIp(ip: Ip): string {
  if (ip.family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((ip.value >> shift) & 0xffn)).join('.')
  }
  const parts = Array.from({ length: 8 }, (_, i) => Number((ip.value >> BigInt(112 - 16 * i)) & 0xffffn))
  const text = parts.map((part) => part.toString(16))
  const run = zeroRun(parts)
  if (run.at < 0) return text.join(':')
  return `${text.slice(0, run.at).join(':')}::${text.slice(run.at + run.length).join(':')}`
}
