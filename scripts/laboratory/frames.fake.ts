// Frames as a device with a link header would hand them on, as small as they may be: to ask a program of the kernel about
// packets that nobody has to send. Checksums are left out: policy does not look at them.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { parseIp } from '../../shared/address/ip.ts'

export interface Headers {
  readonly from: Address
  readonly to: Address
  /** Number of IANA of what `payload` is. */
  readonly protocol: number
  readonly payload: Buffer
}

export const TCP = 6
export const UDP = 17
export const ICMP = 1
export const ICMP6 = 58
export const SCTP = 132
export const SYN = 2
export const ACK = 16
export const FIN = 1
export const RST = 4

function words(...numbers: readonly number[]): Buffer {
  const out = Buffer.alloc(2 * numbers.length)
  for (const [at, number] of numbers.entries()) out.writeUInt16BE(number, 2 * at)
  return out
}

function bytesOf(address: Address): Buffer {
  const { family, value } = parseIp(address)
  return Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex')
}

export function tcp(source: number, destination: number, flags = SYN): Buffer {
  return Buffer.concat([words(source, destination, 0, 0, 0, 0), Buffer.from([0x50, flags]), words(0, 0, 0)])
}

export function udp(source: number, destination: number, bytes = 0): Buffer {
  return Buffer.concat([words(source, destination, 8 + bytes, 0), Buffer.alloc(bytes)])
}

export function sctp(source: number, destination: number): Buffer {
  return words(source, destination, 0, 0, 0, 0)
}

/** `type` and `id` of ICMP or ICMPv6. */
export function icmp(type: number, id: number): Buffer {
  return words(type << 8, 0, id, 0)
}

/** An error of ICMP about a packet, of which it quotes all, or so many bytes. */
export function error(type: number, about: Buffer, bytes = about.length): Buffer {
  return Buffer.concat([words(type << 8, 0, 0, 0), about.subarray(14, 14 + bytes)])
}

/** Which part of a packet of IPv4 it is, and what stands in its header; that of a whole packet where it is left out. */
export interface Part {
  readonly id?: number
  /** Bytes before it, a multiple of 8. */
  readonly offset?: number
  readonly more?: boolean
  readonly options?: Buffer
  /** What the header says of the length of all. */
  readonly length?: number
  readonly version?: number
}

const ether = (type: number): Buffer => Buffer.concat([Buffer.alloc(12), words(type)])

export function frame4({ from, to, protocol, payload }: Headers, part: Part = {}): Buffer {
  const { id = 1, length, more = false, offset = 0, options = Buffer.alloc(0), version = 4 } = part
  const header = 20 + options.length
  const head = [
    Buffer.from([(version << 4) | (header / 4), 0]),
    words(length ?? header + payload.length, id, (more ? 0x2000 : 0) | (offset / 8)),
    Buffer.from([64, protocol]),
    words(0),
  ]
  return Buffer.concat([ether(0x0800), ...head, bytesOf(from), bytesOf(to), options, payload])
}

/** `length`: what the header says of what follows it. */
export function frame6({ from, to, protocol, payload }: Headers, length = payload.length): Buffer {
  const head = [words(0x6000, 0, length), Buffer.from([protocol, 64])]
  return Buffer.concat([ether(0x86dd), ...head, bytesOf(from), bytesOf(to), payload])
}

export function frame(headers: Headers): Buffer {
  return familyOf(headers.from) === 4 ? frame4(headers) : frame6(headers)
}

export const arp = Buffer.concat([ether(0x0806), Buffer.alloc(28)])

/** An extension header of eight bytes and `more` times eight; `bytes` where it counts otherwise. */
export function extension(
  next: number,
  rest: Buffer,
  where: { readonly more?: number; readonly segmentsLeft?: number; readonly bytes?: number } = {},
): Buffer {
  const { more = 0, segmentsLeft = 0 } = where
  const head = Buffer.alloc(where.bytes ?? 8 * (more + 1))
  head.set([next, more, 0, segmentsLeft])
  return Buffer.concat([head, rest])
}

export function fragment6(next: number, rest: Buffer, part: Pick<Part, 'id' | 'more' | 'offset'>): Buffer {
  const { id = 1, more = false, offset = 0 } = part
  return Buffer.concat([Buffer.from([next, 0]), words(offset | (more ? 1 : 0), 0, id), rest])
}
