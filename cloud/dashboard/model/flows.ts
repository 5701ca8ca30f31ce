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
  /** Who asked from outside the mesh, by the source, for which service; one of several who are not told apart has no address. */
  readonly outside?: NonNullable<FleetFlow['outside']>
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

/** Who asked, and by whom where it came from outside. */
export function sourceText({ outside, source }: Pick<FlowRow, 'outside' | 'source'>): string {
  return outside === undefined ? endText(source) : `${outside.address ?? 'several outside'} by ${endText(source)}`
}

export function destinationText({ destination, outside }: Pick<FlowRow, 'destination' | 'outside'>): string {
  return outside === undefined ? endText(destination) : `${endText(destination)} for ${outside.service}`
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
  const { outside, verdict } = flow
  const [source, destination] = [endNow(flow.source, flow.sourceNow), endNow(flow.destination, flow.destinationNow)]
  const asked = outside === undefined ? '' : `${outside.address ?? ''} ${outside.service}`
  const ends = [endText(source), endText(destination), asked]
  return [...ends, serviceText(flow), verdict, judgementWords(flow.reason)].join('\0')
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
    ...(last.outside === undefined ? {} : { outside: last.outside }),
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

/** Undefined where several flows are one record. */
function wayOf({ destination, destinationPort, protocol, source, sourcePort }: FleetFlow): string | undefined {
  if (sourcePort === undefined) return undefined
  return [protocol, source.address, sourcePort, destination.address, destinationPort].join(' ')
}

/** The gateway alone knows who asked; the backend's node has the same flow, from the gateway. */
function withOutside(items: readonly FleetFlow[]): readonly FleetFlow[] {
  const known = new Map(items.flatMap((flow) => (flow.outside === undefined ? [] : [[wayOf(flow), flow.outside]])))
  if (known.size === 0) return items
  return items.map((flow) => {
    const way = wayOf(flow)
    const outside = flow.outside ?? (way === undefined ? undefined : known.get(way))
    return outside === undefined ? flow : { ...flow, outside }
  })
}

/** What was denied first, then the newest first. */
export function flowRows(items: readonly FleetFlow[]): readonly FlowRow[] {
  return [...Map.groupBy(withOutside(items), keyOf)]
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
