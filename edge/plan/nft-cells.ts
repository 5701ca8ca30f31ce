// The compiled table as chains of nft. Addresses lead to chains by one look into an interval map, and each chain decides by one
// look into a set of ports for each protocol: what a packet costs does not follow from how many policies there are.
//
// Only verdicts go into the kernel, so cells that differ in nothing but their reasons share a chain.

import { type Address, blockOf, type Cidr, hostCidr } from '../../shared/address/cidr.ts'
import { bitsOf, formatIp } from '../../shared/address/ip.ts'
import type { Direction } from '../../shared/policy/decision.ts'
import { type Cell, cellKey, type PortEntry, protocolNumbers, type Table } from '../../shared/policy/table.ts'
import { joinSpans, type Span, spansOf } from './spans.ts'

type Verdict = PortEntry['decision']['verdict']

const LAST_PORT = 65_535n

function portsText({ first, last }: Span<unknown>): string {
  return first === last ? String(first) : `${first}-${last}`
}

/** What is not as the rest of the cell; entries of one protocol. */
function protocolLine(protocol: 'tcp' | 'udp' | 'sctp', entries: Cell, base: Verdict): readonly string[] {
  const blocks = entries.map(({ decision, port, portBits }): Span<Verdict> => {
    const first = BigInt(port)
    return { first, last: first + (1n << BigInt(16 - portBits)) - 1n, value: decision.verdict }
  })
  const spans = spansOf([{ first: 0n, last: LAST_PORT, value: base }, ...blocks]).filter(({ value }) => value !== base)
  const [one] = spans
  if (one === undefined) return []
  if (one.first === 0n && one.last === LAST_PORT) return [`meta l4proto ${protocol} ${one.value}`]
  return [`${protocol} dport ${set(spans.map(portsText))} ${one.value}`]
}

function set(items: readonly string[]): string {
  return items.length === 1 ? (items[0] ?? '') : `{ ${items.join(', ')} }`
}

/** Most cells are the same objects from one table to the next. */
const known = new WeakMap<Cell, readonly string[]>()

/** A node without a cell is judged by nobody's rules: nothing passes. */
function cellLines(cell: Cell | undefined): readonly string[] {
  const lines = (cell && known.get(cell)) ?? renderCell(cell)
  if (cell !== undefined) known.set(cell, lines)
  return lines
}

function renderCell(cell: Cell | undefined): readonly string[] {
  const of = (number: number): Cell => (cell ?? []).filter(({ protocol }) => protocol === number)
  const base = of(protocolNumbers.other)[0]?.decision.verdict ?? 'drop'
  // A block of all ports stands before what stands out from it.
  const icmp = of(protocolNumbers.ICMP)[0]?.decision.verdict ?? base
  return [
    ...protocolLine('tcp', of(protocolNumbers.TCP), base),
    ...protocolLine('udp', of(protocolNumbers.UDP), base),
    ...protocolLine('sctp', of(protocolNumbers.SCTP), base),
    ...(icmp === base ? [] : [`meta l4proto { icmp, ipv6-icmp } ${icmp}`]),
    base,
  ]
}

/** Chains by their lines, each once, in the order in which they were asked for. The last line of each decides. */
export interface ChainBook {
  /** What leads to the decision of these lines: one line alone needs no chain. */
  verdictOf(lines: readonly string[]): string
  readonly all: ReadonlyMap<string, readonly string[]>
}

export function createChainBook(prefix: string): ChainBook {
  const names = new Map<string, string>()
  const all = new Map<string, readonly string[]>()
  return {
    all,
    verdictOf(lines) {
      const [only = ''] = lines
      if (lines.length === 1) return only
      const text = lines.join('\n')
      const held = names.get(text)
      if (held !== undefined) return held
      const name = `${prefix}_${names.size}`
      names.set(text, `goto ${name}`)
      all.set(name, lines)
      return `goto ${name}`
    },
  }
}

const FAMILIES = [4, 6] as const
const IP = { 4: 'ip', 6: 'ip6' } as const

type Located = Readonly<Record<4 | 6, readonly Span<number>[]>>

/** Which identity has which addresses. */
function locate(addresses: Iterable<readonly [Cidr, number]>): Located {
  const blocks: Record<4 | 6, Span<number>[]> = { 4: [], 6: [] }
  for (const [cidr, value] of addresses) {
    const { family, length, value: first } = blockOf(cidr)
    blocks[family].push({ first, last: first + (1n << BigInt(bitsOf(family) - length)) - 1n, value })
  }
  return { 4: spansOf(blocks[4]), 6: spansOf(blocks[6]) }
}

function addressText(family: 4 | 6, { first, last }: Span<unknown>): string {
  const text = (value: bigint): string => formatIp({ family, value })
  return first === last ? text(first) : `${text(first)}-${text(last)}`
}

/** Leads addresses to their verdicts: one line for each family that has any. */
function leadLines(located: Located, side: 'saddr' | 'daddr', verdictOf: (value: number) => string | undefined) {
  return FAMILIES.flatMap((family) => {
    const named = located[family].map((span): Span<string | undefined> => ({ ...span, value: verdictOf(span.value) }))
    const leads = joinSpans(named).filter(({ value }) => value !== undefined)
    const [one] = leads
    if (one === undefined) return []
    const match = `${IP[family]} ${side}`
    if (leads.length === 1) return [`${match} ${addressText(family, one)} ${one.value}`]
    return [`${match} vmap { ${leads.map((lead) => `${addressText(family, lead)} : ${lead.value}`).join(', ')} }`]
  })
}

export interface TableChains {
  /** How that class of local addresses judges in a direction. */
  wayLines(local: number | undefined, direction: Direction): readonly string[]
  /** Leads to the ways of all local addresses that judge otherwise than `local`. */
  othersLines(local: number | undefined, direction: Direction, ways: ChainBook): readonly string[]
}

/** `behind`: what an address of the table is called where this node has forwarded it to. */
export function tableChains(table: Table, cells: ChainBook, behind: (address: Address) => Address): TableChains {
  const identities = locate(table.addresses)
  const locals = locate(
    Array.from(table.locals, ([address, local]): [Cidr, number] => [hostCidr(behind(address)), local]),
  )
  const verdicts = new Map<Cell, string>()
  const verdictOf = (cell: Cell): string => {
    const held = verdicts.get(cell) ?? cells.verdictOf(cellLines(cell))
    verdicts.set(cell, held)
    return held
  }
  const wayLines = (local: number | undefined, direction: Direction): readonly string[] => {
    const common = local === undefined ? undefined : table.cells.get(cellKey(local, direction, 0))
    if (local === undefined || common === undefined) return cellLines(undefined)
    const rest = verdictOf(common)
    const lead = (identity: number): string | undefined => {
      const cell = table.cells.get(cellKey(local, direction, identity))
      const own = cell === undefined ? rest : verdictOf(cell)
      return own === rest ? undefined : own
    }
    return [...leadLines(identities, direction === 'ingress' ? 'saddr' : 'daddr', lead), rest]
  }
  return {
    wayLines,
    othersLines(local, direction, ways) {
      const own = ways.verdictOf(wayLines(local, direction))
      const classes = new Set(table.locals.values())
      const led = new Map(Array.from(classes, (other) => [other, ways.verdictOf(wayLines(other, direction))]))
      return leadLines(locals, direction === 'ingress' ? 'daddr' : 'saddr', (other) => {
        const way = led.get(other)
        return way === own ? undefined : way
      })
    },
  }
}

/** The class by which a node judges that has this address. */
export function classAt({ locals }: Table, address: Address | undefined): number | undefined {
  return address === undefined ? undefined : locals.get(address)
}
