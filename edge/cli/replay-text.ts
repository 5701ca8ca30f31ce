// What other policies would have changed, as people read it, and what the record could not tell.

import { lossWords, ruleText } from '../../shared/cli/flows-text.ts'
import type { Cell } from '../../shared/cli/table.ts'
import { renderTable } from '../../shared/cli/table.ts'
import { bytesText, timeText } from '../../shared/cli/words.ts'
import type { Dealings, Gap, Scan } from '../../shared/flows/dealings.ts'
import type { Since } from '../../shared/flows/ends.ts'
import type { Verdict } from '../../shared/flows/judge.ts'
import type { Change, ChangedEnd, Count, Replay } from '../../shared/flows/replay.ts'

const COLUMNS = [
  'WOULD BE',
  'FROM',
  'TO',
  'SERVICE',
  'FLOWS',
  'ANSWERED',
  'PACKETS',
  'LAST SEEN',
  'DECIDED BY',
  'WOULD BY',
]

/** A record that begins this much later than was asked for is told. */
const LATE_MS = 60_000

const SINCE_WORDS: Readonly<Record<Since, string>> = {
  gone: 'is not known any more; judged by the labels it had',
  other: 'has given its address to another since; judged by the labels it had',
  known: 'was nobody’s address, and is somebody’s today; judged as nobody’s',
  relabelled: 'has other labels today; judged by those it had',
  unlabelled: 'stands on record without its labels; judged by those of today',
}

function endText({ addresses, labels, name }: ChangedEnd): string {
  if (name === undefined) return addresses.join(', ')
  const words = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return words.length === 0 ? name : `${name} (${words.join(', ')})`
}

function serviceText({ port, protocol }: Change): string {
  if (port !== undefined) return `${protocol} ${port}`
  return protocol === 'ICMP' || protocol === 'other' ? protocol : `${protocol}, several ports`
}

function reasonText(reason: Verdict['reason']): string {
  if (reason.kind !== 'isolated' || reason.policies.length <= NAMED) return ruleText(reason)
  const [named, more] = [reason.policies.slice(0, NAMED).join(', '), reason.policies.length - NAMED]
  return `no rule of ${named} and ${more} more, ${reason.direction}`
}

function verdictText({ at, reason }: Verdict, self: string): string {
  return at === self ? reasonText(reason) : `${reasonText(reason)}, at ${at}`
}

function kindCell({ kind }: Change): Cell {
  return kind === 'lost' ? { text: 'refused', tone: 'bad' } : { text: 'let through', tone: 'warn' }
}

function rowOf(change: Change, self: string): readonly (string | Cell)[] {
  const { answered, destination, flows, lastMs, packets, source, today, was, would } = change
  // Who decides otherwise today than then is told of today: that is what the change would replace.
  const before = was.verdict === would.verdict ? today : was
  return [
    kindCell(change),
    endText(source),
    endText(destination),
    serviceText(change),
    String(flows),
    String(answered),
    String(packets),
    timeText(lastMs),
    verdictText(before, self),
    verdictText(would, self),
  ]
}

/** Policies that a cell names. */
const NAMED = 3
/** Lines that a person reads, the most answered first. */
const LINES = 200
/** Ports between the same two, of one rule, that stand in lines of their own; more are one line. */
const PORTS_APART = 4

function lineText(row: readonly (string | Cell)[]): string {
  const [kind, from, to, , , , , , before, would] = row.map((cell) => (typeof cell === 'string' ? cell : cell.text))
  return [kind, from, to, before, would].join('\0')
}

/** Ports of a scan, which nobody answered, as one line. */
function foldedRows(changes: readonly Change[], self: string): readonly (readonly (string | Cell)[])[] {
  const groups = Map.groupBy(
    changes,
    (change) => `${lineText(rowOf(change, self))}\0${change.protocol}\0${change.answered}`,
  )
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    const ports = group.flatMap(({ port }) => port ?? [])
    if (first === undefined || first.answered > 0 || ports.length <= PORTS_APART)
      return group.map((one) => rowOf(one, self))
    const sum = (of: (one: Change) => number): number => group.reduce((total, one) => total + of(one), 0)
    const whole = {
      ...first,
      flows: sum(({ flows }) => flows),
      packets: sum(({ packets }) => packets),
      lastMs: Math.max(...group.map(({ lastMs }) => lastMs)),
    }
    const service = `${first.protocol}, ${ports.length} ports, ${Math.min(...ports)} to ${Math.max(...ports)}`
    return [rowOf(whole, self).with(3, service)]
  })
}

/** What is so already today is no change of theirs: it is counted below. */
export function changesTable({ changes }: Pick<Replay, 'changes'>, self: string, color: boolean): string {
  const rows = foldedRows(
    changes.filter(({ already }) => !already),
    self,
  )
  if (rows.length === 0) return ''
  const more = rows.length > LINES ? `… and ${rows.length - LINES} more lines; --json has them all\n` : ''
  return `${renderTable(COLUMNS, rows.slice(0, LINES), color)}${more}`
}

function countText({ bytes, flows, packets }: Count): string {
  return `${flows} flows, ${packets} packets (${bytesText(bytes)})`
}

export function gapText({ amount, firstMs, lastMs, more, times, why }: Gap): string {
  const known = amount.packets === 0 ? [] : [`${amount.packets} packets (${bytesText(amount.bytes)})`]
  const unknown = more ? ['an unknown number of packets'] : []
  const when =
    times === 1 ? `about ${timeText(lastMs)}` : `${times} times from ${timeText(firstMs)} to ${timeText(lastMs)}`
  return `not on record, ${when}: ${[...known, ...unknown].join(' and ')}; ${lossWords[why]}`
}

export function scanText({ destination, firstMs, ports, source }: Scan): string {
  const [from, to] = [source, destination].map(({ address, name }) => name ?? address)
  return `taken for a scan: ${from} tried ${ports} ports at ${to}, about ${timeText(firstMs)}`
}

function sinceLines({ changes }: Pick<Replay, 'changes'>): readonly string[] {
  const lines = changes
    .flatMap(({ destination, source }) => [source, destination])
    .flatMap((end) =>
      end.since === undefined ? [] : [`${end.name ?? end.addresses.join(', ')} ${SINCE_WORDS[end.since]}`],
    )
  return [...new Set(lines)]
}

/** What there is to know besides: each is a line for the person. */
export function caveats(
  replay: Replay,
  { batches, fromMs, gaps, scans }: Dealings,
  sinceMs: number,
): readonly string[] {
  const { beyondPolicy, unknownPorts } = replay
  return [
    ...sinceLines(replay),
    ...scans.map(scanText),
    ...gaps.map(gapText),
    ...(unknownPorts.flows === 0
      ? []
      : [`not known, for several ports are one record and would not fare alike: ${countText(unknownPorts)}`]),
    ...(beyondPolicy.flows === 0
      ? []
      : [`dropped by the kernel’s programs themselves, which no policy changes: ${countText(beyondPolicy)}`]),
    ...(batches > 0 && fromMs > sinceMs + LATE_MS ? [`the record begins at ${timeText(fromMs)}`] : []),
    'a connection that was open and silent all the time is not on record, nor is what other nodes saw',
  ]
}

export function totalText({ changes, unchanged }: Replay): string {
  const flowsOf = (isCounted: (one: Change) => boolean): number =>
    changes.filter(isCounted).reduce((total, { flows }) => total + flows, 0)
  const lost = changes.filter(({ already, kind }) => !already && kind === 'lost')
  const answered = lost.reduce((total, one) => total + one.answered, 0)
  const already = flowsOf((one) => one.already)
  return [
    `flows that would be refused: ${flowsOf(({ already: isOld, kind }) => !isOld && kind === 'lost')}, of which answered: ${answered}`,
    `let through: ${flowsOf(({ already: isOld, kind }) => !isOld && kind === 'gained')}`,
    `as before: ${unchanged.flows}`,
    ...(already === 0 ? [] : [`decided otherwise than then, as they are today: ${already}`]),
  ].join('; ')
}
