// Who may talk to whom, by the values of one label: each pair of groups judged on a few nodes of each, for every service that the
// policies can tell apart, with the rules that decide. Pure.

import { compareText } from '../../shared/bytes.ts'
import { matrixGroupsMax, matrixNodesMax, matrixWordsMax } from '../../shared/dashboard-limits.ts'
import { portEdges } from '../../shared/policy/assertions.ts'
import type { Judgement } from '../../shared/policy/decision.ts'
import { decideFlow, type Leg } from '../../shared/policy/flow.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { judgementText } from '../../shared/policy/reason-text.ts'
import type { Service } from '../../shared/policy/target.ts'
import type { Endpoint, World } from '../../shared/policy/world.ts'

export interface MatrixGroup {
  /** Value of the label; empty for nodes that have none. */
  readonly value: string
  readonly nodes: number
  /** Those that were judged, by name. */
  readonly judged: readonly string[]
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

interface Group {
  readonly value: string
  readonly nodes: readonly Endpoint[]
  readonly judged: readonly Endpoint[]
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

function labelsText({ labels }: Endpoint): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort(compareText)
    .join(',')
}

/** Nodes with other labels fare otherwise: of each group, those that differ are judged. */
function groupsOf(nodes: readonly Endpoint[], by: string): readonly Group[] {
  const valueOf = ({ labels }: Endpoint): string => (Object.hasOwn(labels, by) ? (labels[by] ?? '') : '')
  const groups = [...Map.groupBy(nodes, valueOf)]
  const each = Math.max(2, Math.floor(matrixNodesMax / Math.max(1, Math.min(groups.length, matrixGroupsMax))))
  return groups
    .map(([value, own]) => {
      const byLabels = [...Map.groupBy(own, labelsText).values()]
      const first = byLabels.flatMap((alike) => alike.slice(0, 1))
      const rest = own.filter((one) => !first.includes(one))
      return { value, nodes: own, judged: [...first, ...rest].slice(0, each) }
    })
    .sort((a, b) => b.nodes.length - a.nodes.length || compareText(a.value, b.value))
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

function cellOf(world: World, from: Group, to: Group, spans: readonly Span[]): MatrixCell {
  const passes = new Map<string, number>()
  const reasons = new Map<string, MatrixReason>()
  let pairs = 0
  for (const source of from.judged) {
    for (const target of to.judged) {
      const addresses = source === target ? undefined : addressOf(target, source)
      if (addresses === undefined) continue
      pairs += 1
      for (const { port, protocol, text } of spans) {
        const flow = { from: addresses[0] as never, to: addresses[1] as never, protocol, port }
        const { legs, verdict } = decideFlow(world, flow, (subject, direction, other) =>
          judge({ subject, direction, other, protocol, port }, world),
        )
        if (verdict === 'accept') passes.set(text, (passes.get(text) ?? 0) + 1)
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
    }
  }
  const ends = { from: from.value, to: to.value }
  if (pairs === 0) return { ...ends, verdict: 'same', mixed: false, services: [], reasons: [] }
  const whole = spans.every(({ text }) => passes.get(text) === pairs)
  return {
    ...ends,
    verdict: whole ? 'all' : passes.size === 0 ? 'none' : 'some',
    mixed: [...passes.values()].some((count) => count < pairs),
    services: whole ? [] : [...passes.keys()].slice(0, matrixWordsMax),
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
  const all = groupsOf(nodes, key)
  const groups = all.slice(0, matrixGroupsMax)
  // Whom a rule means is looked up among all ends: only those that are asked about need to be there.
  const judged = new Set(groups.flatMap((group) => group.judged))
  const small = { ...world, endpoints: world.endpoints.filter((one) => one.kind === 'service' || judged.has(one)) }
  const spans = spansOf(world)
  return {
    by: key,
    keys,
    groups: groups.map(({ judged: few, nodes: own, value }) => ({
      value,
      nodes: own.length,
      judged: few.map(({ name }) => name),
    })),
    more: all.length - groups.length,
    cells: groups.flatMap((from) => groups.map((to) => cellOf(small, from, to, spans))),
  }
}
