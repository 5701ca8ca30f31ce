// First packets of flows, byte for byte, as a router gets them: a handshake's beginning where the protocol has one.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { parseIp } from '../../shared/address/ip.ts'
import type { Protocol } from '../../shared/policy/decision.ts'

export interface FirstPacket {
  readonly from: Address
  readonly to: Address
  readonly protocol: Protocol
  readonly port: number
  /** Tells it from others: identification of IPv4, flow label of IPv6. */
  readonly place: number
}

const FROM_PORT = 40_000
const TTL = 64

function bytesOf(address: Address): Buffer {
  const { family, value } = parseIp(address)
  const hex = value.toString(16).padStart(family === 4 ? 8 : 32, '0')
  return Buffer.from(hex, 'hex')
}

function ports(port: number, rest: readonly number[]): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(FROM_PORT, 0)
  head.writeUInt16BE(port, 2)
  return Buffer.concat([head, Buffer.from(rest)])
}

/** Sequence 1, nothing acknowledged, five words, SYN; window 1024; sum and urgent pointer. */
const SYN = [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 4, 0, 0, 0, 0, 0]
/** Twelve bytes with the header; no sum. */
const DATAGRAM = [0, 12, 0, 0, 1, 2, 3, 4]
/** Tag 0 and sum, then INIT of 20 bytes: its own tag, window, one stream each way, first number (RFC 9260 §3.3.2). */
const INIT = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]

/** Of experiments (RFC 3692): one each way, or what goes back would count as an answer, for it has no ports. */
const EXPERIMENTS = [253, 254] as const

/** With the number of the protocol. */
export function contentOf({ from, port, protocol, to }: Omit<FirstPacket, 'place'>): {
  readonly number: number
  readonly content: Buffer
} {
  switch (protocol) {
    case 'TCP':
      return { number: 6, content: ports(port, SYN) }
    case 'UDP':
      return { number: 17, content: ports(port, DATAGRAM) }
    case 'SCTP':
      return { number: 132, content: ports(port, INIT) }
    case 'ICMP': {
      const isNew = familyOf(from) === 6
      return { number: isNew ? 58 : 1, content: Buffer.from([isNew ? 128 : 8, 0, 0, 0, 0, 7, 0, 1]) }
    }
    case 'other':
      return { number: EXPERIMENTS[from < to ? 0 : 1], content: Buffer.from([1, 2, 3, 4]) }
  }
}

/** RFC 1071. */
function sum(bytes: Buffer): number {
  let total = 0
  for (let at = 0; at < bytes.length; at += 2) total += bytes.readUInt16BE(at)
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16)
  return ~total & 0xffff
}

/** What goes over IP, and between whom. */
export interface Carried {
  readonly from: Address
  readonly to: Address
  readonly place: number
  /** Of the protocol, or of the first extension header. */
  readonly number: number
  readonly content: Buffer
  /** Flags and offset of an IPv4 fragment, as its header has them. */
  readonly fragment?: number
}

/** Sums of what the header carries are left out: whoever takes it has to be told not to look. */
export function packetOf({ content, fragment = 0, from, number, place, to }: Carried): Buffer {
  const isNew = familyOf(from) === 6
  const head = Buffer.alloc(isNew ? 8 : 12)
  if (isNew) {
    head.writeUInt32BE(0x6000_0000 + place, 0)
    head.writeUInt16BE(content.length, 4)
    head.set([number, TTL], 6)
    return Buffer.concat([head, bytesOf(from), bytesOf(to), content])
  }
  head[0] = 0x45
  head.writeUInt16BE(20 + content.length, 2)
  head.writeUInt16BE(place, 4)
  head.writeUInt16BE(fragment, 6)
  head.set([TTL, number], 8)
  const whole = Buffer.concat([head, bytesOf(from), bytesOf(to)])
  whole.writeUInt16BE(sum(whole), 10)
  return Buffer.concat([whole, content])
}

export function firstPacket(packet: FirstPacket): Buffer {
  return packetOf({ ...packet, ...contentOf(packet) })
}
