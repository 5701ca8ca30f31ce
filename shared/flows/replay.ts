// What other policies would have done to the flows on record. The oracle judges each, with names and labels as they were; what
// the record doesn't tell well enough to be judged is counted, not guessed.

import type { Address } from '../address/cidr.ts'
import { compareText } from '../bytes.ts'
import type { Labels } from '../intent/field.ts'
import { portEdges } from '../policy/assertions.ts'
import type { Protocol } from '../policy/decision.ts'
import type { Endpoint } from '../policy/world.ts'
import { encodeCanonicalText } from '../record/canonical.ts'
import type { FlowEnd } from './batch.ts'
import type { Dealing } from './dealings.ts'
import { directoryOf, type Since, sinceThen } from './ends.ts'
import {
  hasUnknownPorts,
  type Judged,
  judgeDealing,
  protocolOf,
  type Rules,
  type Scene,
  type Verdict,
} from './judge.ts'

export interface ChangedEnd {
  /** Absent for the address of nobody. */
  readonly name?: string
  readonly labels?: Labels
  readonly addresses: readonly Address[]
  /** What it is today, where it is not what it was. */
  readonly since?: Since
}

export interface Count {
  readonly flows: number
  readonly packets: number
  readonly bytes: number
}

export interface Change extends Count {
  /** What passed would be dropped, or the other way round. */
  readonly kind: 'lost' | 'gained'
  /** The policies of today do the same already: they have changed since. */
  readonly already: boolean
  readonly source: ChangedEnd
  readonly destination: ChangedEnd
  readonly protocol: Protocol
  readonly port?: number
  /** Seen from this node. */
  readonly direction: Dealing['direction']
  /** Flows that both ends took part in, and were no scan. */
  readonly answered: number
  /** Milliseconds since the Unix epoch. */
  readonly firstMs: number
  readonly lastMs: number
  readonly was: Verdict
  readonly today: Verdict
  readonly would: Verdict
}

export interface Replay {
  /** Sorted: what is lost first, by what was answered most. */
  readonly changes: readonly Change[]
  readonly unchanged: Count
  /** Several ports are one record, and they would not all fare alike. */
  readonly unknownPorts: Count
  /** What the kernel's programs refused by themselves: no policy changes that. */
  readonly beyondPolicy: Count
}

/** Words by which the program drops what is no flow that anybody may open. */
const NO_POLICY = new Set(['foreign', 'truncated', 'headers', 'fragment', 'unasked', 'nobody'])

function countOf({ back, flows, sent }: Dealing): Count {
  return { flows, packets: sent.packets + back.packets, bytes: sent.bytes + back.bytes }
}

function sum(a: Count, b: Count): Count {
  return { flows: a.flows + b.flows, packets: a.packets + b.packets, bytes: a.bytes + b.bytes }
}

const NOTHING: Count = { flows: 0, packets: 0, bytes: 0 }

function endText({ address, labels, name }: FlowEnd): string {
  return encodeCanonicalText({ name: name ?? address, labels: labels ?? {} })
}

function kindOf({ was, today, would }: Judged): Change['kind'] | undefined {
  if (would.verdict === 'drop') return was.verdict === 'accept' || today.verdict === 'accept' ? 'lost' : undefined
  return was.verdict === 'drop' || today.verdict === 'drop' ? 'gained' : undefined
}

interface Found {
  readonly dealing: Dealing
  readonly judged: Judged
  readonly kind: Change['kind']
}

function changedEnd(ends: readonly FlowEnd[], today: Scene['today']): ChangedEnd {
  const [first] = ends
  const since = ends.map((end) => sinceThen(end, today)).find((one) => one !== undefined)
  return {
    ...(first?.name === undefined ? {} : { name: first.name }),
    ...(first?.labels === undefined ? {} : { labels: first.labels }),
    addresses: [...new Set(ends.map(({ address }) => address))].sort(compareText),
    ...(since === undefined ? {} : { since }),
  }
}

function changeOf(group: readonly [Found, ...Found[]], today: Scene['today']): Change {
  const [{ dealing, judged, kind }] = group
  const dealings = group.map((one) => one.dealing)
  return {
    kind,
    already: judged.today.verdict === judged.would.verdict,
    source: changedEnd(
      dealings.map(({ source }) => source),
      today,
    ),
    destination: changedEnd(
      dealings.map(({ destination }) => destination),
      today,
    ),
    protocol: protocolOf(dealing),
    ...(dealing.port === undefined ? {} : { port: dealing.port }),
    direction: dealing.direction,
    ...dealings.map(countOf).reduce(sum, NOTHING),
    answered: dealings.reduce((total, { answered }) => total + answered, 0),
    firstMs: Math.min(...dealings.map(({ firstMs }) => firstMs)),
    lastMs: Math.max(...dealings.map(({ lastMs }) => lastMs)),
    ...judged,
  }
}

function groupText({ dealing, judged, kind }: Found): string {
  const { destination, direction, port, source } = dealing
  const service = `${protocolOf(dealing)} ${port ?? ''} ${direction} ${kind}`
  return [endText(source), endText(destination), service, encodeCanonicalText(judged)].join('\0')
}

function order(a: Change, b: Change): number {
  if (a.already !== b.already) return a.already ? 1 : -1
  if (a.kind !== b.kind) return a.kind === 'lost' ? -1 : 1
  return b.answered - a.answered || b.flows - a.flows
}

export interface ReplayInput {
  readonly dealings: readonly Dealing[]
  /** This node, as it is today. */
  readonly self: Endpoint
  readonly today: Rules
  readonly would: Rules
}

export function replay({ dealings, self, today, would }: ReplayInput): Replay {
  const scene: Scene = { self, today: directoryOf(today.there) }
  const rules = { today, would }
  const edges = [...new Set([today, would].flatMap(({ here, there }) => [...portEdges(here), ...portEdges(there)]))]
  const found: Found[] = []
  let [unchanged, unknownPorts, beyondPolicy] = [NOTHING, NOTHING, NOTHING]
  for (const dealing of dealings) {
    const { reason, verdict } = dealing
    const count = countOf(dealing)
    if (verdict === 'drop' && reason.kind === 'kernel' && NO_POLICY.has(reason.word)) {
      beyondPolicy = sum(beyondPolicy, count)
      continue
    }
    const ports = hasUnknownPorts(dealing) ? edges : [dealing.port ?? 0]
    const each = ports.flatMap((port) => judgeDealing(dealing, rules, scene, port) ?? [])
    // Which ports they were is not known, but they were those that fared so.
    const alike = each.filter(({ today: now, was }) => was.verdict === now.verdict)
    const all = alike.length === 0 ? each : alike
    const [judged] = all
    if (judged === undefined) continue
    const kind = kindOf(judged)
    if (all.some((one) => kindOf(one) !== kind)) unknownPorts = sum(unknownPorts, count)
    else if (kind === undefined) unchanged = sum(unchanged, count)
    else found.push({ dealing, judged, kind })
  }
  const groups = [...Map.groupBy(found, groupText)].sort(([a], [b]) => compareText(a, b))
  const changes = groups.map(([, group]) => changeOf(group as [Found, ...Found[]], scene.today)).sort(order)
  return { changes, unchanged, unknownPorts, beyondPolicy }
}
