// Frames that a mirror made, read as whoever is at the other end would.

import type { Seen } from './mirror-rig.fake.ts'

const TYPES = { 0x0800: 4, 0x86dd: 6 } as const
/** To nobody, from nobody: as bpf/mirror.bpf.c writes it. */
const LINK = '024846000002024846000001'

export interface Packet {
  readonly family: 4 | 6
  readonly protocol: number
  /** From this host to the other. */
  readonly out: boolean
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequence: number
  /** Of TCP. */
  readonly payloadBytes: number
}

/** What the frame says it is; undefined where it is no whole frame of IP between the two ends. */
export function read({ bytes, head }: Seen): Packet | undefined {
  const family = TYPES[head.readUInt16BE(12) as keyof typeof TYPES]
  if (family === undefined || head.readUInt8(14) >> 4 !== family) return undefined
  const at = family === 4 ? 34 : 54
  const length = family === 4 ? head.readUInt16BE(16) : head.readUInt16BE(18) + 40
  if (head.subarray(0, 12).toString('hex') !== LINK || length + 14 !== bytes) return undefined
  const source = head.subarray(family === 4 ? 26 : 22, family === 4 ? 30 : 38).toString('hex')
  const has = head.length >= at + 20
  return {
    family,
    protocol: head.readUInt8(family === 4 ? 23 : 20),
    out: source === (family === 4 ? '0a630001' : 'fd990000000000000000000000000001'),
    sourcePort: has ? head.readUInt16BE(at) : 0,
    destinationPort: has ? head.readUInt16BE(at + 2) : 0,
    sequence: has ? head.readUInt32BE(at + 4) : 0,
    payloadBytes: has ? bytes - at - (head.readUInt8(at + 12) >> 4) * 4 : 0,
  }
}

export function count(packets: readonly (Packet | undefined)[], family: 4 | 6, out: boolean, protocol: number): number {
  return packets.filter((one) => one?.family === family && one.out === out && one.protocol === protocol).length
}

/** Bytes of the stream that are in some packet. */
export function coveredBytes(packets: readonly Packet[]): number {
  const parts = packets.filter(({ payloadBytes }) => payloadBytes > 0).sort((a, b) => a.sequence - b.sequence)
  let [covered, end] = [0, 0]
  for (const { payloadBytes, sequence } of parts) {
    const until = sequence + payloadBytes
    covered += Math.max(0, until - Math.max(end, sequence))
    end = Math.max(end, until)
  }
  return covered
}
