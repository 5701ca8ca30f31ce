// A router in the network namespace of this process, with an interface `hf0` to the mesh and one to those behind it. Both are
// ends of a program, so that packets of anybody can be put in, and what comes out is seen.

import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Address } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { firstPacket } from './first-packet.ts'
import { buildProgram } from './udp-load.ts'

const MESH = 'hf0'
const LAN = 'lan0'
/** Documentation addresses (RFC 5737), which lead back to where they come from. */
const BACK = '198.51.100.0/24'

const SWITCHES = [
  'net.ipv4.ip_forward=1',
  'net.ipv6.conf.all.forwarding=1',
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.default.send_redirects=0',
  // What these packets carry has no sums.
  'net.netfilter.nf_conntrack_checksum=0',
]

export interface Frame {
  /** Where it comes from. */
  readonly side: 'mesh' | 'lan'
  /** The packet; `place` tells it from others: identification of IPv4, flow label of IPv6. */
  readonly bytes: (place: number) => Buffer
}

export interface Forwarded {
  /** Which of them the router passes on, in their order. */
  pass(frames: readonly Frame[]): Promise<readonly boolean[]>
  close(): void
}

/** Comes back whatever policy says, for it never touches the mesh. */
const LAST: Frame = {
  side: 'lan',
  bytes: (place) =>
    firstPacket({ from: '198.51.100.1' as Address, to: '198.51.100.2' as Address, protocol: 'UDP', port: 9, place }),
}

function batchOf(frames: readonly Frame[]): Buffer {
  const parts = frames.flatMap((frame, place) => {
    const bytes = frame.bytes(place)
    const head = Buffer.from([frame.side === 'mesh' ? 0 : 1, 0, 0])
    head.writeUInt16LE(bytes.length, 1)
    return [head, bytes]
  })
  const count = Buffer.alloc(4)
  count.writeUInt32LE(frames.length)
  return Buffer.concat([count, ...parts])
}

function ended(): HoldfastError {
  return new HoldfastError('failed', 'the program at the ends of the router is gone', {
    remedy: 'What it wrote to standard error says why.',
  })
}

async function read(stream: Readable, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let left = bytes; left > 0; ) {
    const part: unknown = stream.read(Math.min(left, stream.readableLength || left))
    if (Buffer.isBuffer(part)) {
      parts.push(part)
      left -= part.length
    } else {
      if (stream.readableEnded || stream.destroyed) throw ended()
      const { promise, resolve } = Promise.withResolvers<void>()
      for (const event of ['readable', 'end', 'close']) stream.once(event, resolve)
      await promise
      for (const event of ['readable', 'end', 'close']) stream.off(event, resolve)
    }
  }
  return Buffer.concat(parts)
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '), { stdio: 'pipe' })
}

function layRoutes(): void {
  execFileSync('sysctl', ['-q', '-w', ...SWITCHES])
  for (const device of ['lo', MESH, LAN]) ip(`link set dev ${device} up`)
  for (const family of ['-4', '-6']) {
    for (const [table, from, to] of [
      [10, MESH, LAN],
      [11, LAN, MESH],
    ] as const) {
      ip(`${family} rule add iif ${from} lookup ${table}`)
      ip(`${family} route add default dev ${to} table ${table}`)
    }
  }
  ip(`route add ${BACK} dev ${LAN} table 11`)
}

/** `directory`: for the program. Sums are not looked at: packets here have none. @testonly */
export async function openForwarded(directory: string): Promise<Forwarded> {
  const program = buildProgram(join(import.meta.dirname, 'tun-probe.c'), directory)
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(program, [MESH, LAN], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await read(child.stdout, 'ready\n'.length)
  layRoutes()
  return {
    async pass(frames) {
      child.stdin.write(batchOf([...frames, LAST]))
      const answer = await read(child.stdout, frames.length + 1)
      return frames.map((_, at) => answer[at] === 1)
    },
    close: () => void child.kill('SIGKILL'),
  }
}
