// Which local programs have a port: read from the kernel's own tables, for few ports at a time, and never kept.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Address } from '../../shared/address/cidr.ts'
import { formatIp } from '../../shared/address/ip.ts'
import type { Listening, PortRef } from '../services/publish.ts'

/** States of /proc/net/tcp and udp (include/net/tcp_states.h): a UDP socket that waits for anybody is in CLOSE. */
const LISTENS = { tcp: '0A', udp: '07' } as const

const TABLES = [
  { file: 'tcp', protocol: 'tcp', family: 4 },
  { file: 'tcp6', protocol: 'tcp', family: 6 },
  { file: 'udp', protocol: 'udp', family: 4 },
  { file: 'udp6', protocol: 'udp', family: 6 },
] as const

interface Row extends Listening {
  readonly inode: string
}

/** Words of 32 bits, each in the machine's own order: every machine that the agent is built for is little-endian. */
function addressOf(hex: string): Address | undefined {
  const bytes = hex.match(/.{8}/g)?.flatMap((word) => (word.match(/../g) ?? []).toReversed()) ?? []
  const value = BigInt(`0x${bytes.join('')}`)
  if (value === 0n) return undefined
  const mapped = hex.length === 32 && value >> 32n === 0xffffn
  if (mapped) return formatIp({ family: 4, value: value & 0xffff_ffffn }) as Address
  return formatIp({ family: hex.length === 32 ? 6 : 4, value }) as Address
}

/** `text`: of one of the tables. Sockets that anybody may reach at one of the ports. */
export function parseListening(text: string, protocol: 'tcp' | 'udp', wanted: ReadonlySet<number>): readonly Row[] {
  return text.split('\n').flatMap((line) => {
    const [, own = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    const [host = '', hexPort = ''] = own.split(':')
    const port = Number.parseInt(hexPort, 16)
    if (state !== LISTENS[protocol] || !wanted.has(port)) return []
    const address = addressOf(host)
    return { protocol, port, ...(address === undefined ? {} : { address }), inode }
  })
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    // It has ended meanwhile, or is somebody's that may not be looked at.
    return []
  }
}

interface Program {
  readonly name: string
  /** It was started by this very process. */
  readonly isChild: boolean
}

/** Throws where it has ended meanwhile. */
function programOf(pid: string): Program {
  const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { name, isChild: Number(parent) === process.pid }
}

/** The programs that have these sockets. */
function programsOf(inodes: ReadonlySet<string>): ReadonlyMap<string, Program> {
  const found = new Map<string, Program>()
  for (const pid of namesIn('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]
      if (inode === undefined || !inodes.has(inode) || found.has(inode)) continue
      try {
        found.set(inode, programOf(pid))
      } catch {
        continue
      }
    }
    if (found.size === inodes.size) break
  }
  return found
}

/** Who has one of these ports, with the name of the program where it can be told; but for those that this process started. */
export function readListening(
  wanted: readonly PortRef[],
  procNet = (file: string): string => readFileSync(`/proc/net/${file}`, 'utf8'),
): readonly Listening[] {
  const rows = TABLES.flatMap(({ file, protocol }) => {
    const ports = new Set(wanted.filter((one) => one.protocol === protocol).map(({ port }) => port))
    if (ports.size === 0) return []
    try {
      return parseListening(procNet(file), protocol, ports)
    } catch {
      // A kernel without the family.
      return []
    }
  })
  if (rows.length === 0) return []
  const programs = programsOf(new Set(rows.map(({ inode }) => inode)))
  return rows.flatMap(({ inode, ...row }) => {
    const program = programs.get(inode)
    if (program?.isChild === true) return []
    return program === undefined ? row : { ...row, program: program.name }
  })
}
