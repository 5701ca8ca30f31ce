// Flows on record as people ask for them: one line for each pair, service and verdict, what was denied first, with why and since
// when.

import { compareText } from '../../../shared/bytes.ts'
import type { FlowEnd, FlowReason } from '../../../shared/flows/batch.ts'
import type { Reason } from '../../../shared/policy/decision.ts'
import { numberNames } from '../../../shared/policy/number-names.ts'
import type { FleetFlow } from '../../flows/fleet-flows.ts'

export interface FlowRow {
  readonly key: string
  readonly verdict: FleetFlow['verdict']
  readonly source: FlowEnd
  readonly destination: FlowEnd
  /** `tcp 443`. */
  readonly service: string
  readonly flows: number
  readonly packets: number
  readonly bytes: number
  /** Milliseconds since the Unix epoch, by the clocks of devices. */
  readonly firstAt: number
  readonly lastAt: number
  /** Revisions of intent that were in force at the first and the last of them. */
  readonly firstRevision: string
  readonly lastRevision: string
  readonly reason: FlowReason
  readonly path: string
  /** Who has it on record. */
  readonly reporters: readonly string[]
  /** Addresses that had no name on record then, and have the one that is shown now. */
  readonly strangers: readonly string[]
}

export function endText({ address, name }: FlowEnd): string {
  return name ?? address
}

function serviceText({ destinationPort, protocol }: Pick<FleetFlow, 'destinationPort' | 'protocol'>): string {
  const word = numberNames.get(protocol) ?? `protocol ${protocol}`
  return destinationPort === undefined ? word : `${word} ${destinationPort}`
}

/** The rule that decided, in words. */
export function judgementWords(reason: FlowReason | Reason): string {
  switch (reason.kind) {
    case 'rule': {
      const rule = reason.name === undefined ? `rule ${reason.index + 1}` : `rule ${reason.index + 1} “${reason.name}”`
      return `policy ${reason.policy}, ${reason.direction} ${rule}, tier ${reason.tier}`
    }
    case 'isolated':
      return `no rule of ${reason.policies.join(', ')} accepts it (${reason.direction})`
    case 'default':
      return `no policy speaks of it: the network’s default (${reason.direction})`
    case 'kernel':
      return `the program itself: ${reason.word}`
  }
}

/** Named as it is now where it had no name then: a stranger that got to be known is the same end. */
function endNow(end: FlowEnd, name: string | undefined): FlowEnd {
  return end.name !== undefined || name === undefined ? end : { ...end, name }
}

function keyOf(flow: FleetFlow): string {
  const { verdict } = flow
  const [source, destination] = [endNow(flow.source, flow.sourceNow), endNow(flow.destination, flow.destinationNow)]
  return [endText(source), endText(destination), serviceText(flow), verdict, judgementWords(flow.reason)].join('\0')
}

interface Sum {
  flows: number
  packets: number
  bytes: number
}

/** Both ends count what passes between them: what the one says that counted more is the whole. */
function rowOf(key: string, group: readonly [FleetFlow, ...FleetFlow[]]): FlowRow {
  const byReporter = new Map<string, Sum>()
  for (const { back, flows = 1, node, sent } of group) {
    const sum = byReporter.get(node) ?? { flows: 0, packets: 0, bytes: 0 }
    sum.flows += flows
    sum.packets += sent.packets + back.packets
    sum.bytes += sent.bytes + back.bytes
    byReporter.set(node, sum)
  }
  const most = [...byReporter.values()].reduce((a, b) => (b.bytes > a.bytes ? b : a))
  const first = group.reduce((a, b) => (b.from < a.from ? b : a))
  const last = group.reduce((a, b) => (b.to > a.to ? b : a))
  const paths = new Set(
    group.flatMap(({ path, via }) => (path === undefined ? [] : via === undefined ? path : `${path} via ${via}`)),
  )
  const strangers = new Set(
    group.flatMap(({ destination, destinationNow, source, sourceNow }) => [
      ...(sourceNow === undefined ? [] : [source.address]),
      ...(destinationNow === undefined ? [] : [destination.address]),
    ]),
  )
  return {
    key,
    verdict: last.verdict,
    source: endNow(last.source, last.sourceNow),
    destination: endNow(last.destination, last.destinationNow),
    service: serviceText(last),
    ...most,
    firstAt: first.from,
    lastAt: last.to,
    firstRevision: first.revision,
    lastRevision: last.revision,
    reason: last.reason,
    path: [...paths].sort(compareText).join(', '),
    reporters: [...byReporter.keys()].sort(compareText),
    strangers: [...strangers].sort(compareText),
  }
}

/** What was denied first, then the newest first. */
export function flowRows(items: readonly FleetFlow[]): readonly FlowRow[] {
  return [...Map.groupBy(items, keyOf)]
    .map(([key, group]) => rowOf(key, group as [FleetFlow, ...FleetFlow[]]))
    .sort((a, b) => {
      if (a.verdict !== b.verdict) return a.verdict === 'drop' ? -1 : 1
      return b.lastAt - a.lastAt || compareText(a.key, b.key)
    })
}

/** Why it is denied and since when; `accepted` are rows of the same two ends and service. */
export function rootCause(row: FlowRow, rows: readonly FlowRow[]): string {
  const why = judgementWords(row.reason)
  if (row.verdict === 'accept') return `Accepted by ${why}.`
  const before = rows.find(
    (one) =>
      one.verdict === 'accept' &&
      one.service === row.service &&
      endText(one.source) === endText(row.source) &&
      endText(one.destination) === endText(row.destination) &&
      one.lastAt <= row.firstAt,
  )
  const since = `Denied since revision ${row.firstRevision}`
  const held =
    before === undefined ? 'as far back as the record goes' : `it passed until revision ${before.lastRevision}`
  return `${since} (${held}): ${why}.`
}
