// Records of many batches summed up: who dealt with whom, by which service and rule, how often, how much and when. What a
// policy is held against, and made of.

import type { Address } from '../address/cidr.ts'
import { familyOf } from '../address/cidr.ts'
import { compareText } from '../bytes.ts'
import { flowsApartMax } from '../limits.ts'
import { encodeCanonicalText } from '../record/canonical.ts'
import type { Amount, FlowBatch, FlowEnd, FlowLoss, FlowReason, FlowRecord } from './batch.ts'
import { type Talk, talkOf } from './talk.ts'

/** All flows on record between the same ends, with the labels they had, of one service, decided by the same rule. */
export interface Dealing {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  /** IANA's number. */
  readonly protocol: number
  /** Of the destination; absent where it has none, or where several are one record. */
  readonly port?: number
  readonly direction: FlowRecord['direction']
  readonly verdict: FlowRecord['verdict']
  readonly reason: FlowReason
  /** At most: a crowd of flows that lasts is counted in each batch. */
  readonly flows: number
  /** How many of them both ends took part in, and were no scan, and went to a service. */
  readonly answered: number
  /**
   * … and how many went from the port of a service to one that clients have for a while: answers, it seems, of a connection
   * that is older than what the kernel remembers of it.
   */
  readonly backwards: number
  readonly sent: Amount
  readonly back: Amount
  /** Milliseconds since the Unix epoch: of the batches that it is in. */
  readonly firstMs: number
  readonly lastMs: number
}

/** One source at whom more ports of one end stayed silent, or were closed to it, within one batch than anybody needs. */
export interface Scan {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  /** In the batch where they were most. */
  readonly ports: number
  readonly firstMs: number
  readonly lastMs: number
}

/** What is missing of the record, by reason. */
export interface Gap {
  readonly why: FlowLoss['why']
  readonly times: number
  /** As far as it is known. */
  readonly amount: Amount
  /** Some of it is not known. */
  readonly more: boolean
  readonly firstMs: number
  readonly lastMs: number
}

export interface Dealings {
  /** Sorted by ends and service. */
  readonly all: readonly Dealing[]
  readonly scans: readonly Scan[]
  readonly gaps: readonly Gap[]
  readonly batches: number
  /** What the batches are of, milliseconds since the Unix epoch; 0 where there are none. */
  readonly fromMs: number
  readonly toMs: number
}

interface Sums {
  readonly flows: number
  readonly sent: Amount
  readonly back: Amount
}

interface Draft {
  readonly dealing: Omit<Dealing, 'answered' | 'backwards' | 'flows' | 'sent' | 'back' | 'firstMs' | 'lastMs'>
  /** By source port, and crowds by batch; `isScan`: of batches in which the source scanned. */
  readonly sums: Map<string, Sums & { readonly isScan: boolean; readonly ownPort: number | undefined }>
  firstMs: number
  lastMs: number
}

/** From here on Linux gives out ports to whoever opens a connection; other systems begin further up (RFC 6335 §6). */
const PASSING_PORTS = 32_768

function sum(a: Amount, b: Amount): Amount {
  return { packets: a.packets + b.packets, bytes: a.bytes + b.bytes }
}

const NOTHING: Amount = { packets: 0, bytes: 0 }

function isV6({ source }: { readonly source: Address }): boolean {
  return familyOf(source) === 6
}

function talkOfRecord(record: FlowRecord): Talk {
  if (record.verdict === 'drop') return 'one-sided'
  const { back, flows = 1, protocol, sent } = record
  return talkOf({ protocol, v6: isV6(record), flows, sent, back })
}

function pairKey({ destination, source }: FlowRecord): string {
  return `${source} ${destination}`
}

/** Ports of one end by pair at which nothing came of it. */
function scansOf({ records }: FlowBatch): ReadonlyMap<string, number> {
  const services = new Map<string, Set<string>>()
  const folded = new Map<string, number>()
  for (const record of records) {
    if (talkOfRecord(record) === 'talk') continue
    const pair = pairKey(record)
    const { destinationPort, flows = 1, protocol } = record
    const held = services.get(pair) ?? new Set()
    services.set(pair, held.add(`${protocol} ${destinationPort ?? ''}`))
    if (destinationPort === undefined) folded.set(pair, (folded.get(pair) ?? 0) + flows - 1)
  }
  const found = [...services].map(([pair, held]) => [pair, held.size + (folded.get(pair) ?? 0)] as const)
  return new Map(found.filter(([, ports]) => ports > flowsApartMax))
}

export interface Folder {
  /** In any order. */
  add(seq: number, batch: FlowBatch): void
  done(): Dealings
}

function dealingOf(draft: Draft, isListening: (service: string) => boolean): Dealing {
  const { dealing, firstMs, lastMs, sums } = draft
  const { protocol, source, verdict } = dealing
  const v6 = isV6({ source: source.address })
  const all = [...sums.values()]
  const answered = all.filter((one) => {
    if (verdict === 'drop' || one.isScan) return false
    const talk = talkOf({ protocol, v6, ...one })
    return talk === 'talk' || (talk === 'refusal' && isListening(serviceKey(dealing)))
  })
  const isBackwards = ({ ownPort }: { readonly ownPort: number | undefined }): boolean =>
    ownPort !== undefined && ownPort < PASSING_PORTS && (dealing.port ?? 0) >= PASSING_PORTS
  const count = (some: readonly Sums[]): number => some.reduce((total, { flows }) => total + flows, 0)
  return {
    ...dealing,
    flows: count(all),
    answered: count(answered.filter((one) => !isBackwards(one))),
    backwards: count(answered.filter(isBackwards)),
    sent: all.map(({ sent }) => sent).reduce(sum, NOTHING),
    back: all.map(({ back }) => back).reduce(sum, NOTHING),
    firstMs,
    lastMs,
  }
}

function serviceKey({ destination, port, protocol }: Pick<Dealing, 'destination' | 'protocol' | 'port'>): string {
  return `${destination.address} ${protocol} ${port ?? ''}`
}

/** Services of which something came back that is no error. */
function listening(drafts: Iterable<Draft>): ReadonlySet<string> {
  const found = new Set<string>()
  for (const { dealing, sums } of drafts) {
    const { protocol, source } = dealing
    const v6 = isV6({ source: source.address })
    if ([...sums.values()].some((one) => talkOf({ protocol, v6, ...one }) === 'talk')) found.add(serviceKey(dealing))
  }
  return found
}

function gapOf(before: Gap | undefined, { amount, why }: FlowLoss, { from, to }: FlowBatch): Gap {
  return {
    why,
    times: (before?.times ?? 0) + 1,
    amount: sum(before?.amount ?? NOTHING, amount ?? NOTHING),
    more: before?.more === true || amount === undefined,
    firstMs: Math.min(before?.firstMs ?? from, from),
    lastMs: Math.max(before?.lastMs ?? to, to),
  }
}

/** As one text for one end: sorted labels, so that it does not matter who wrote them down. */
function textOf(end: FlowEnd): string {
  return encodeCanonicalText(end)
}

function sortText({ destination, direction, port, protocol, reason, source, verdict }: Dealing): string {
  const names = [source.name ?? '', destination.name ?? '', protocol, String(port ?? 0).padStart(5, '0')]
  return [...names, direction, verdict, textOf(source), textOf(destination), encodeCanonicalText(reason)].join('\0')
}

export function createFolder(): Folder {
  const drafts = new Map<string, Draft>()
  const scans = new Map<string, Scan>()
  const gaps = new Map<string, Gap>()
  let [batches, fromMs, toMs] = [0, 0, 0]

  const noteScan = (pair: string, ports: number, [source, destination]: readonly FlowEnd[], batch: FlowBatch): void => {
    if (source === undefined || destination === undefined) return
    const before = scans.get(pair)
    scans.set(pair, {
      source,
      destination,
      ports: Math.max(ports, before?.ports ?? 0),
      firstMs: Math.min(batch.from, before?.firstMs ?? batch.from),
      lastMs: Math.max(batch.to, before?.lastMs ?? batch.to),
    })
  }

  const noteRecord = (record: FlowRecord, ends: readonly [FlowEnd, FlowEnd], of: FlowBatch, run: string): void => {
    const { back, destinationPort, direction, flows, outside, protocol, reason, sent, sourcePort, verdict } = record
    const [source, destination] = ends
    const port = destinationPort === undefined ? {} : { port: destinationPort }
    const dealing = { source, destination, protocol, ...port, direction, verdict, reason }
    const key = encodeCanonicalText(dealing)
    const draft = drafts.get(key) ?? { dealing, sums: new Map(), firstMs: of.from, lastMs: of.to }
    drafts.set(key, draft)
    draft.firstMs = Math.min(draft.firstMs, of.from)
    draft.lastMs = Math.max(draft.lastMs, of.to)
    // What one flow said while its source scanned, and at other times, are judged apart.
    const isScan = run.startsWith('scan')
    const flow =
      flows === undefined ? `${isScan ? 'scan ' : ''}${sourcePort ?? ''}` : `crowd ${run} ${outside?.address ?? ''}`
    const last = draft.sums.get(flow)
    draft.sums.set(flow, {
      flows: flows ?? 1,
      sent: sum(last?.sent ?? NOTHING, sent),
      back: sum(last?.back ?? NOTHING, back),
      isScan,
      ownPort: sourcePort,
    })
  }

  return {
    add(seq, batch) {
      const ends = new Map(batch.ends.map((end) => [end.address, end]))
      const endOf = (address: Address): FlowEnd => ends.get(address) ?? { address }
      const scanned = scansOf(batch)
      for (const record of batch.records) {
        const pair: readonly [FlowEnd, FlowEnd] = [endOf(record.source), endOf(record.destination)]
        const ports = scanned.get(pairKey(record))
        if (ports !== undefined) noteScan(pairKey(record), ports, pair, batch)
        noteRecord(record, pair, batch, `${ports === undefined ? 'plain' : 'scan'} ${seq}`)
      }
      for (const loss of batch.lostBefore) gaps.set(loss.why, gapOf(gaps.get(loss.why), loss, batch))
      fromMs = batches === 0 ? batch.from : Math.min(fromMs, batch.from)
      toMs = Math.max(toMs, batch.to)
      batches += 1
    },
    done() {
      const found = listening(drafts.values())
      const all = Array.from(drafts.values(), (draft) => dealingOf(draft, (service) => found.has(service)))
        .map((dealing) => ({ dealing, text: sortText(dealing) }))
        .sort((a, b) => compareText(a.text, b.text))
        .map(({ dealing }) => dealing)
      return {
        all,
        scans: [...scans].sort(([a], [b]) => compareText(a, b)).map(([, scan]) => scan),
        gaps: [...gaps].sort(([a], [b]) => compareText(a, b)).map(([, gap]) => gap),
        batches,
        fromMs,
        toMs,
      }
    },
  }
}
