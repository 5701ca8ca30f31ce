// The flat table of one node: what its policies come to, with tiers, priorities and Pass worked out ahead of time. Drivers
// put it into the kernel as it is, as two longest-prefix maps:
//
//   address (v4-mapped v6, length)                                   → identity
//   local, identity, direction, protocol | port, of which `portBits` → verdict, cookie, and the same for Audit
//
// The port comes last in the key and alone is a prefix, so one look finds the narrowest range. A packet is looked up with
// (identity, protocol), (identity, 0), (0, protocol) and (0, 0), and the first that is there decides: protocol 0 is what the
// others share, and identity 0 stands for whoever is not known, and for all who fare alike.

import { type Address, type Cidr, contains, hostCidr } from '../address/cidr.ts'
import { type Decision, type Direction, type Protocol, type Reason, reasonKey } from './decision.ts'

/** Numbers of IANA; ICMP stands for ICMPv6 (58), too. */
export const protocolNumbers = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, other: 0 } as const satisfies Record<
  Protocol,
  number
>

const protocolNames = new Map<number, Protocol>([
  ...Object.entries(protocolNumbers).map(([name, number]): [number, Protocol] => [number, name as Protocol]),
  [58, 'ICMP'],
])

/** By IANA's number. */
export function protocolNamed(number: number): Protocol {
  return protocolNames.get(number) ?? 'other'
}

export interface PortEntry {
  readonly protocol: number
  readonly port: number
  readonly portBits: number
  readonly decision: Decision
}

/** Everything about one identity in one direction: sorted by protocol, port and length, each key once. */
export type Cell = readonly PortEntry[]

export interface Table {
  /** Blocks of policies and addresses of endpoints. */
  readonly addresses: ReadonlyMap<Cidr, number>
  /** Addresses of this node and of the pods behind it: the class by which they judge. */
  readonly locals: ReadonlyMap<Address, number>
  /** By `cellKey`. */
  readonly cells: ReadonlyMap<string, Cell>
  /** Numbers of reasons, by `reasonKey`. */
  readonly cookies: ReadonlyMap<string, number>
}

export function cellKey(local: number, direction: Direction, identity: number): string {
  return `${local} ${direction} ${identity}`
}

function covers({ port, portBits }: PortEntry, asked: number): boolean {
  const mask = (0xffff << (16 - portBits)) & 0xffff
  return (asked & mask) === (port & mask)
}

function find(cell: Cell | undefined, protocol: number, port: number): Decision | undefined {
  let best: PortEntry | undefined
  for (const entry of cell ?? []) {
    if (entry.protocol !== protocol || !covers(entry, port)) continue
    if (best === undefined || entry.portBits > best.portBits) best = entry
  }
  return best?.decision
}

/** Of addresses that stand in blocks alone: they are met again and again, and cost a look at every block. */
const within = new WeakMap<Table, Map<Address, number>>()
const WITHIN_MAX = 4_096

function identityAt(table: Table, other: Address): number {
  const exact = table.addresses.get(hostCidr(other))
  if (exact !== undefined) return exact
  const known = within.get(table) ?? new Map<Address, number>()
  if (known.size >= WITHIN_MAX) known.clear()
  const identity = known.get(other) ?? identityWithin(table, other)
  within.set(table, known.set(other, identity))
  return identity
}

function identityWithin({ addresses }: Table, other: Address): number {
  const host = hostCidr(other)
  let best: readonly [length: number, identity: number] = [-1, 0]
  for (const [block, identity] of addresses) {
    const length = Number(block.slice(block.indexOf('/') + 1))
    if (length > best[0] && contains(block, host)) best = [length, identity]
  }
  return best[1]
}

export interface Lookup {
  /** Address of this node or of a pod behind it. */
  readonly local: Address
  readonly direction: Direction
  readonly other: Address
  readonly protocol: Protocol
  readonly port: number
}

/** As the kernel does it. Undefined where `local` is nobody here. */
export function lookUp(table: Table, { direction, local, other, port, protocol }: Lookup): Decision | undefined {
  const own = table.locals.get(local)
  if (own === undefined) return undefined
  const number = protocolNumbers[protocol]
  for (const identity of [identityAt(table, other), 0]) {
    const cell = table.cells.get(cellKey(own, direction, identity))
    const found = find(cell, number, port) ?? find(cell, 0, port)
    if (found !== undefined) return found
  }
  return undefined
}

/** One element of the second map. */
export interface FlatEntry {
  readonly local: number
  readonly identity: number
  readonly direction: Direction
  readonly protocol: number
  readonly port: number
  readonly portBits: number
  readonly verdict: Decision['verdict']
  readonly cookie: number
  readonly auditVerdict: Decision['verdict']
  readonly auditCookie: number
}

export interface Change<V> {
  readonly put: ReadonlyMap<string, V>
  readonly del: readonly string[]
}

export interface TableChange {
  readonly addresses: Change<number>
  readonly entries: Change<FlatEntry>
}

export const emptyTable: Table = { addresses: new Map(), locals: new Map(), cells: new Map(), cookies: new Map() }

interface CellChange {
  readonly put: readonly PortEntry[]
  readonly del: readonly PortEntry[]
}

function sameEntry(a: PortEntry, b: PortEntry): boolean {
  const key = ({ decision: { audit, reason, verdict } }: PortEntry): string =>
    `${verdict} ${reasonKey(reason)} ${audit === undefined ? '' : `${audit.verdict} ${reasonKey(audit.reason)}`}`
  return a.decision === b.decision || key(a) === key(b)
}

/** Both are sorted by protocol, port and length. */
function compareEntry(a: PortEntry, b: PortEntry): number {
  return a.protocol - b.protocol || a.port - b.port || a.portBits - b.portBits
}

function cellChange(before: Cell, after: Cell): CellChange {
  const [put, del]: [PortEntry[], PortEntry[]] = [[], []]
  let [i, j] = [0, 0]
  for (let [a, b] = [before[0], after[0]]; a !== undefined || b !== undefined; a = before[i], b = after[j]) {
    const order = a === undefined ? 1 : b === undefined ? -1 : compareEntry(a, b)
    if (order < 0 && a !== undefined) del.push(a)
    else if (b !== undefined && (order > 0 || (a !== undefined && !sameEntry(a, b)))) put.push(b)
    if (order <= 0) i++
    if (order >= 0) j++
  }
  return { put, del }
}

function entryKey(key: string, { port, portBits, protocol }: PortEntry): string {
  return `${key} ${protocol} ${port}/${portBits}`
}

function flat(key: string, { decision, port, portBits, protocol }: PortEntry, cookies: Table['cookies']): FlatEntry {
  const [local, direction, identity] = key.split(' ') as [string, Direction, string]
  const cookieOf = (reason: Reason): number => cookies.get(reasonKey(reason)) ?? 0
  const audited = decision.audit ?? decision
  return {
    local: Number(local),
    identity: Number(identity),
    direction,
    protocol,
    port,
    portBits,
    verdict: decision.verdict,
    cookie: cookieOf(decision.reason),
    auditVerdict: audited.verdict,
    auditCookie: cookieOf(audited.reason),
  }
}

const NO_CELL: Cell = []

function isRenumbered(before: Table['cookies'], after: Table['cookies']): boolean {
  if (before === after) return false
  for (const [key, cookie] of before) if ((after.get(key) ?? cookie) !== cookie) return true
  return false
}

/** Entries of cells that differ. Many identities share a cell, so each pair of cells is compared once. */
function entryChange(before: Table, after: Table): Change<FlatEntry> {
  const renumbered = isRenumbered(before.cookies, after.cookies)
  const pairs = new Map<Cell, Map<Cell, CellChange>>()
  const changeOf = (old: Cell, next: Cell): CellChange => {
    const held = pairs.get(old)?.get(next)
    if (held !== undefined) return held
    const { del, put } = cellChange(old, next)
    const made = { put: renumbered ? next : put, del }
    pairs.set(old, (pairs.get(old) ?? new Map<Cell, CellChange>()).set(next, made))
    return made
  }
  const put = new Map<string, FlatEntry>()
  const del: string[] = []
  const compare = (key: string, old: Cell, next: Cell): void => {
    if (old === next && !renumbered) return
    const change = changeOf(old, next)
    for (const entry of change.put) put.set(entryKey(key, entry), flat(key, entry, after.cookies))
    for (const entry of change.del) del.push(entryKey(key, entry))
  }
  // By forEach, as below: it makes no pair for each of thousands of entries.
  before.cells.forEach((old, key) => compare(key, old, after.cells.get(key) ?? NO_CELL))
  after.cells.forEach((next, key) => {
    if (!before.cells.has(key)) compare(key, NO_CELL, next)
  })
  return { put, del }
}

/** What the kernel is to be told so that `after` stands where `before` stood. */
export function tableChange(before: Table, after: Table): TableChange {
  const put = new Map<Cidr, number>()
  const del: Cidr[] = []
  after.addresses.forEach((identity, block) => {
    if (before.addresses.get(block) !== identity) put.set(block, identity)
  })
  before.addresses.forEach((_, block) => {
    if (!after.addresses.has(block)) del.push(block)
  })
  return { addresses: { put, del }, entries: entryChange(before, after) }
}

function sameMap<V>(a: ReadonlyMap<string, V>, b: ReadonlyMap<string, V>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}

/** Both decide alike, and for the same reasons. */
export function sameTable(a: Table, b: Table): boolean {
  if (a === b) return true
  if (!sameMap(a.locals, b.locals) || !sameMap(a.addresses, b.addresses)) return false
  const { del, put } = entryChange(a, b)
  return put.size === 0 && del.length === 0
}
