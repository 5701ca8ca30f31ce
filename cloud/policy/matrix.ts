// Who may talk to whom, by the values of one label: nodes that no policy tells apart are judged as one, and of many values
// those whose nodes are of the same kinds are one line, so that a fleet of thousands is a table that a person reads. Pure.

import { compareText } from '../../shared/bytes.ts'
import { matrixGroupsMax, matrixKindsMax, matrixValuesMax, matrixWordsMax } from '../../shared/dashboard-limits.ts'
import { portEdges } from '../../shared/policy/assertions.ts'
import type { Judgement } from '../../shared/policy/decision.ts'
import { decideFlow, type Leg } from '../../shared/policy/flow.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { judgementText } from '../../shared/policy/reason-text.ts'
import { selectsNode } from '../../shared/policy/subject.ts'
import type { Service } from '../../shared/policy/target.ts'
import type { Endpoint, World } from '../../shared/policy/world.ts'
import { kindsOf } from './kinds.ts'

export interface MatrixGroup {
  /** The first of its values of the label; empty for nodes that have none. */
  readonly value: string
  /** All that fare alike, some of them by name, and how many there are. */
  readonly values: readonly string[]
  readonly alike: number
  readonly nodes: number
  /** How many kinds of nodes policies tell apart in it, and how many of them were judged: the largest. */
  readonly kinds: number
  readonly judged: number
}

export interface MatrixReason {
  readonly verdict: Judgement['verdict']
  /** Which policy, tier and rule, or why none. */
  readonly text: string
  /** Absent where no policy decides. */
  readonly policy?: string
}

export interface MatrixCell {
  readonly from: string
  readonly to: string
  /** `same`: one node alone, which is not asked about itself. */
  readonly verdict: 'all' | 'some' | 'none' | 'same'
  /** The nodes of a group do not all fare alike. */
  readonly mixed: boolean
  /** What passes somewhere, such as `TCP 443` or `UDP 1–52`. */
  readonly services: readonly string[]
  readonly reasons: readonly MatrixReason[]
}

export interface Matrix {
  readonly by: string
  /** Keys of labels that nodes have. */
  readonly keys: readonly string[]
  readonly groups: readonly MatrixGroup[]
  /** Groups beyond those that are judged. */
  readonly more: number
  /** Row by row. */
  readonly cells: readonly MatrixCell[]
}

interface NodeKind {
  /** The first two of it: one alone is not asked about itself. */
  readonly some: readonly Endpoint[]
  /** In the whole network. */
  readonly nodes: number
}

interface Group {
  readonly values: readonly string[]
  readonly nodes: number
  /** Those that are judged, and how many nodes of each the group has. */
  readonly kinds: ReadonlyMap<NodeKind, number>
  readonly kindsTotal: number
}

interface Span extends Service {
  readonly text: string
}

/** One service of each kind that no rule can tell from the others of it. */
function spansOf(world: World): readonly Span[] {
  const edges = portEdges(world)
  const ports = edges.map((port, at) => [port, (edges[at + 1] ?? 65_536) - 1] as const)
  const spans = (['TCP', 'UDP'] as const).flatMap((protocol) =>
    ports.map(([port, last]) => ({ protocol, port, text: `${protocol} ${port === last ? port : `${port}–${last}`}` })),
  )
  return [...spans, { protocol: 'ICMP', port: 0, text: 'ICMP' }]
}

/** Each value of the label is a group; where there are too many, those whose nodes are of the same kinds are one. */
function groupsOf(nodes: readonly Endpoint[], by: string, kindOf: (node: Endpoint) => string): readonly Group[] {
  const valueOf = ({ labels }: Endpoint): string => (Object.hasOwn(labels, by) ? (labels[by] ?? '') : '')
  const all = Map.groupBy(
    nodes.toSorted((a, b) => compareText(a.name, b.name)),
    kindOf,
  )
  const kinds = new Map([...all].map(([word, own]) => [word, { some: own.slice(0, 2), nodes: own.length }]))
  const values = [...Map.groupBy(nodes, valueOf)].map(([value, own]) => ({ value, own: Map.groupBy(own, kindOf) }))
  const isMany = values.length > matrixGroupsMax
  const together = Map.groupBy(values, ({ own, value }) =>
    isMany ? [...own.keys()].sort(compareText).join('\n') : value,
  )
  return [...together.values()]
    .map((alike): Group => {
      const counts = new Map<NodeKind, number>()
      for (const { own } of alike) {
        for (const [word, some] of own) {
          const kind = kinds.get(word)
          if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + some.length)
        }
      }
      return {
        values: alike.map(({ value }) => value).sort(compareText),
        nodes: [...counts.values()].reduce((sum, count) => sum + count, 0),
        kinds: counts,
        kindsTotal: counts.size,
      }
    })
    .sort((a, b) => b.nodes - a.nodes || compareText(a.values[0] ?? '', b.values[0] ?? ''))
}

/** Of each group the kinds that most of its nodes are of, so that all together are judged while somebody waits. */
function withinReason(groups: readonly Group[]): readonly Group[] {
  const total = new Set(groups.flatMap(({ kinds }) => [...kinds.keys()])).size
  if (total <= matrixKindsMax) return groups
  const each = Math.max(2, Math.floor(matrixKindsMax / Math.max(1, groups.length)))
  return groups.map((group) => {
    const largest = [...group.kinds].sort((a, b) => b[1] - a[1] || compareText(nameOf(a[0]), nameOf(b[0])))
    return { ...group, kinds: new Map(largest.slice(0, each)) }
  })
}

function nameOf({ some }: NodeKind): string {
  return some[0]?.name ?? ''
}

/** The end that refuses, or both that let it pass. */
function decidersOf(legs: readonly Leg[]): readonly Leg[] {
  const refusing = legs.filter(({ decision }) => decision.verdict === 'drop')
  return refusing.length === 0 ? legs : refusing
}

function addressOf(to: Endpoint, from: Endpoint): readonly [string, string] | undefined {
  for (const source of from.addresses) {
    const target = to.addresses.find((one) => one.includes(':') === source.includes(':'))
    if (target !== undefined) return [source, target]
  }
  return undefined
}

/** How one node of a kind fares with one of another. */
interface Fare {
  readonly passes: ReadonlySet<string>
  /** By what they say of any two. */
  readonly reasons: ReadonlyMap<string, MatrixReason>
}

/** Only policies of either end judge between them, and only their ports tell services apart. */
function between(world: World, source: Endpoint, target: Endpoint): World {
  const isOf = ({ spec: { subject } }: World['policies'][number]): boolean =>
    selectsNode(subject, source) || selectsNode(subject, target)
  return { ...world, policies: world.policies.filter(isOf) }
}

function fareOf(all: World, source: Endpoint, target: Endpoint, spans: readonly Span[]): Fare | undefined {
  const addresses = addressOf(target, source)
  if (addresses === undefined) return undefined
  const world = between(all, source, target)
  const own = spansOf(world)
  const passing = new Set<Span>()
  const reasons = new Map<string, MatrixReason>()
  for (const span of own) {
    const { port, protocol } = span
    const flow = { from: addresses[0] as never, to: addresses[1] as never, protocol, port }
    const { legs, verdict } = decideFlow(world, flow, (subject, direction, other) =>
      judge({ subject, direction, other, protocol, port }, world),
    )
    if (verdict === 'accept') passing.add(span)
    for (const { at, decision, direction } of decidersOf(legs)) {
      const { reason } = decision
      const where = direction === 'egress' ? 'leaving' : 'entering'
      const said = `${where} ${at.name}: ${judgementText(decision)}`
      const policy =
        reason.kind === 'rule' ? reason.policy : reason.kind === 'isolated' ? reason.policies[0] : undefined
      const key = `${decision.verdict} ${direction} ${judgementText(decision)}`
      if (reasons.has(key)) continue
      reasons.set(key, { verdict: decision.verdict, text: said, ...(policy === undefined ? {} : { policy }) })
    }
  }
  // Each service of the whole lies in one of theirs, and both are in the order of their ports.
  const passes = new Set<string>()
  let at = 0
  for (const { port, protocol, text } of spans) {
    while (own[at]?.protocol !== protocol || (own[at + 1]?.protocol === protocol && (own[at + 1]?.port ?? 0) <= port))
      at += 1
    const around = own[at]
    if (around !== undefined && passing.has(around)) passes.add(text)
  }
  return { passes, reasons }
}

type Fares = (from: NodeKind, to: NodeKind) => Fare | undefined

/** Each pair of kinds is judged once, however many groups have both. */
function faresIn(world: World): { readonly spans: readonly Span[]; readonly fares: Fares } {
  const spans = spansOf(world)
  const held = new Map<NodeKind, Map<NodeKind, Fare | undefined>>()
  return {
    spans,
    fares(from, to) {
      const row = held.get(from) ?? new Map<NodeKind, Fare | undefined>()
      held.set(from, row)
      if (row.has(to)) return row.get(to)
      const [source, target] = [from.some[0], from === to ? to.some[1] : to.some[0]]
      const fare = source === undefined || target === undefined ? undefined : fareOf(world, source, target, spans)
      row.set(to, fare)
      return fare
    },
  }
}

function cellOf(from: Group, to: Group, { fares, spans }: ReturnType<typeof faresIn>): MatrixCell {
  const found: Fare[] = []
  for (const source of from.kinds.keys()) {
    for (const [target, count] of to.kinds) {
      // One node alone is not asked about itself.
      if (from === to && source === target && count < 2) continue
      const fare = fares(source, target)
      if (fare !== undefined) found.push(fare)
    }
  }
  const ends = { from: from.values[0] ?? '', to: to.values[0] ?? '' }
  if (found.length === 0) return { ...ends, verdict: 'same', mixed: false, services: [], reasons: [] }
  const counts = spans.map(({ text }) => ({ text, count: found.filter(({ passes }) => passes.has(text)).length }))
  const passing = counts.filter(({ count }) => count > 0)
  const whole = counts.every(({ count }) => count === found.length)
  const reasons = new Map(found.flatMap((one) => [...one.reasons]))
  return {
    ...ends,
    verdict: whole ? 'all' : passing.length === 0 ? 'none' : 'some',
    mixed: passing.some(({ count }) => count < found.length),
    services: whole ? [] : passing.slice(0, matrixWordsMax).map(({ text }) => text),
    reasons: [...reasons.values()].slice(0, matrixWordsMax),
  }
}

function keysOf(nodes: readonly Endpoint[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const { labels } of nodes) for (const key of Object.keys(labels)) counts.set(key, (counts.get(key) ?? 0) + 1)
  const isRole = (key: string): number => (/(?:^|\/)(?:role|app|tier|component|name)$/.test(key) ? 0 : 1)
  return [...counts]
    .sort((a, b) => isRole(a[0]) - isRole(b[0]) || b[1] - a[1] || compareText(a[0], b[0]))
    .map(([key]) => key)
}

/** `by`: key of a label; absent: the one that says what nodes are for, or that most of them have. */
export function matrixOf(world: World, by?: string): Matrix {
  const nodes = world.endpoints.filter(({ kind }) => kind === 'node')
  const keys = keysOf(nodes)
  const key = by ?? keys[0] ?? ''
  const all = groupsOf(nodes, key, kindsOf(world))
  const groups = withinReason(all.slice(0, matrixGroupsMax))
  // Whom a rule means is looked up among all ends: only those that are asked about need to be there.
  const judged = new Set(groups.flatMap(({ kinds }) => [...kinds.keys()].flatMap(({ some }) => some)))
  const small = { ...world, endpoints: world.endpoints.filter((one) => one.kind === 'service' || judged.has(one)) }
  const fares = faresIn(small)
  return {
    by: key,
    keys,
    groups: groups.map(({ kinds, kindsTotal, nodes: count, values }) => ({
      value: values[0] ?? '',
      values: values.slice(0, matrixValuesMax),
      alike: values.length,
      nodes: count,
      kinds: kindsTotal,
      judged: kinds.size,
    })),
    more: all.length - groups.length,
    cells: groups.flatMap((from) => groups.map((to) => cellOf(from, to, fares))),
  }
}
