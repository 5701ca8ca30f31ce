// One cell of the table: what the rules that match an identity come to in each protocol, as few entries as stand for it.

import type { PortRule } from '../intent/policy.ts'
import type { Decision, Judgement, Protocol } from './decision.ts'
import { decideSpans, edgesOf, type Layer, type PortPrefix, prefixesOf, type Tiers } from './port-space.ts'
import type { PolicyRule } from './rule-match.ts'
import { type Cell, type PortEntry, protocolNumbers } from './table.ts'
import type { NamedPort } from './world.ts'

/** Rules in the order in which they are asked. */
export interface Row {
  readonly admin: readonly PolicyRule[]
  readonly standard: readonly PolicyRule[]
  readonly baseline: readonly PolicyRule[]
}

/** What decides where no rule does. */
export interface Frame {
  readonly isolated: Judgement | undefined
  readonly fallback: Judgement
}

const EVERY_PORT = [[0, 65_535]] as const

/** In the order of their numbers. */
const PROTOCOLS = ['ICMP', 'TCP', 'UDP', 'SCTP'] as const satisfies readonly Protocol[]

/** Protocols that a rule speaks of; in any other the rules without ports decide alone. */
function protocolsOf({ admin, baseline, standard }: Row): readonly (typeof PROTOCOLS)[number][] {
  const spoken = new Set<Protocol>()
  for (const rules of [admin, standard, baseline]) {
    for (const { ports } of rules) if (ports !== 'any') for (const { protocol } of ports) spoken.add(protocol ?? 'TCP')
  }
  return PROTOCOLS.filter((protocol) => spoken.has(protocol))
}

function rangesOf(
  ports: readonly PortRule[] | 'any',
  protocol: Protocol,
  named: readonly NamedPort[],
): readonly (readonly [number, number])[] {
  if (ports === 'any') return EVERY_PORT
  return ports.flatMap((one): readonly (readonly [number, number])[] => {
    if ((one.protocol ?? 'TCP') !== protocol) return []
    if (one.port === undefined) return EVERY_PORT
    if (typeof one.port === 'number') return [[one.port, one.endPort ?? one.port]]
    const called = named.filter(({ name, protocol: own }) => name === one.port && own === protocol)
    return called.map(({ port }) => [port, port])
  })
}

function tiersOf(row: Row, frame: Frame, protocol: Protocol, named: readonly NamedPort[]): Tiers {
  const layers = (rules: readonly PolicyRule[]): readonly Layer[] =>
    rules
      .map(({ judgement, ports }) => ({ ranges: rangesOf(ports, protocol, named), judgement }))
      .filter(({ ranges }) => ranges.length > 0)
  const { fallback, isolated } = frame
  return {
    admin: layers(row.admin),
    standard: isolated === undefined ? [] : layers(row.standard),
    baseline: isolated === undefined ? layers(row.baseline) : [],
    isolated,
    fallback,
  }
}

interface Span extends Pick<PortEntry, 'decision'> {
  readonly from: number
  readonly to: number
}

function sameDecision(a: Decision, b: Decision): boolean {
  return a.verdict === b.verdict && a.reason === b.reason && a.audit === b.audit
}

function decisionOf(enforced: Judgement, audited: Judgement): Decision {
  return audited.verdict === enforced.verdict ? enforced : { ...enforced, audit: audited }
}

/** The decision in the shape in which it is the same object for the same two judgements. */
function distinct(decision: Decision, known: Map<Judgement['reason'], Decision[]>): Decision {
  const alike = known.get(decision.reason) ?? []
  const held = alike.find((one) => sameDecision(one, decision))
  if (held !== undefined) return held
  known.set(decision.reason, [...alike, decision])
  return decision
}

/** Neighbours that fare alike are one span. */
function spansOf(enforced: Tiers, audited: Tiers | undefined): readonly Span[] {
  const edges = edgesOf(audited === undefined ? [enforced] : [enforced, audited])
  const [first, second] = [enforced, audited ?? enforced].map((tiers) => decideSpans(tiers, edges))
  const spans: Span[] = []
  const known = new Map<Judgement['reason'], Decision[]>()
  for (const [at, from] of edges.entries()) {
    const [own, shadow] = [first?.[at] ?? enforced.fallback, second?.[at] ?? enforced.fallback]
    const decision = distinct(decisionOf(own, shadow), known)
    const to = (edges[at + 1] ?? 65_536) - 1
    const last = spans.at(-1)
    if (last?.decision === decision) spans[spans.length - 1] = { ...last, to }
    else spans.push({ from, to, decision })
  }
  return spans
}

interface Share {
  readonly decision: Decision
  readonly prefixes: PortPrefix[]
}

/** Decisions with the prefixes that they take, in the order of their first port. */
function sharesOf(spans: readonly Span[]): readonly Share[] {
  const shares = new Map<Decision, PortPrefix[]>()
  for (const { decision, from, to } of spans) {
    const held = shares.get(decision)
    if (held === undefined) shares.set(decision, [...prefixesOf(from, to)])
    else held.push(...prefixesOf(from, to))
  }
  return Array.from(shares, ([decision, prefixes]) => ({ decision, prefixes }))
}

/** The decision that takes the most prefixes is said once, for all ports, and the others stand out from it. */
function entriesOf(protocol: number, spans: readonly Span[], base: Decision): readonly PortEntry[] {
  const shares = sharesOf(spans)
  const most = Math.max(...shares.map(({ prefixes }) => prefixes.length))
  const common =
    shares.find(({ decision, prefixes }) => prefixes.length === most && sameDecision(decision, base)) ??
    shares.find(({ prefixes }) => prefixes.length === most)
  const entries = shares
    .filter((share) => share !== common)
    .flatMap(({ decision, prefixes }) =>
      prefixes.map(({ bits, port }) => ({ protocol, port, portBits: bits, decision })),
    )
  if (common !== undefined && !sameDecision(common.decision, base)) {
    entries.push({ protocol, port: 0, portBits: 0, decision: common.decision })
  }
  return entries.sort((a, b) => a.port - b.port || a.portBits - b.portBits)
}

/** `audited`: rules and frame with policies in Audit mode among them; absent where there are none. */
export function buildCell(
  enforced: { readonly row: Row; readonly frame: Frame },
  audited: { readonly row: Row; readonly frame: Frame } | undefined,
  named: readonly NamedPort[],
): Cell {
  const spans = (protocol: Protocol): readonly Span[] =>
    spansOf(
      tiersOf(enforced.row, enforced.frame, protocol, named),
      audited === undefined ? undefined : tiersOf(audited.row, audited.frame, protocol, named),
    )
  const base = spans('other')[0]?.decision ?? enforced.frame.fallback
  return [
    { protocol: protocolNumbers.other, port: 0, portBits: 0, decision: base },
    ...protocolsOf((audited ?? enforced).row).flatMap((protocol) =>
      entriesOf(protocolNumbers[protocol], spans(protocol), base),
    ),
  ]
}
