// The kernel's short cut for whole sessions, as text: what `holdfast-bpf relay change` reads and `relay list` prints.

import { parseAddress } from '../../shared/address/cidr.ts'
import { hostOf, portOf } from '../../shared/address/endpoint.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Carried, Forward } from './forwarder.ts'

/** Where an end's packets go, by where they come from; as many words as in a line of the list. */
export type ShortcutEnds = ReadonlyMap<string, string>

export interface ShortcutCount {
  readonly to: string
  readonly packets: number
  readonly bytes: number
  /** Over a limit, packets. */
  readonly dropped: number
}

function keyOf({ ends, port }: Forward, side: 0 | 1): string | undefined {
  const end = ends[side]
  return end === undefined ? undefined : `${hostOf(end.source)} ${portOf(end.source)} ${end.local} ${port}`
}

/** Both ends of every session that has both; a packet of any other is none for the short cut. */
export function shortcutEndsOf(forwards: Iterable<Forward>): ShortcutEnds {
  const out = new Map<string, string>()
  for (const forward of forwards) {
    const [a, b] = forward.ends
    const [keyA, keyB] = [keyOf(forward, 0), keyOf(forward, 1)]
    if (a === undefined || b === undefined || keyA === undefined || keyB === undefined) continue
    out.set(keyA, `${hostOf(b.source)} ${portOf(b.source)} ${b.local}`)
    out.set(keyB, `${hostOf(a.source)} ${portOf(a.source)} ${a.local}`)
  }
  return out
}

/** What turns the ends that stand into those wanted; what stays keeps its counters. */
export function renderShortcutChange(before: ShortcutEnds, after: ShortcutEnds): string {
  const gone = [...before.keys()].filter((key) => !after.has(key)).map((key) => `- ${key}\n`)
  const come = [...after].filter(([key, to]) => before.get(key) !== to).map(([key, to]) => `+ ${key} ${to}\n`)
  return [...gone, ...come].join('')
}

/** Addresses in their canonical form, which not every C library prints. */
function readLine(line: string): readonly [string, ShortcutCount] {
  const [source = '', sport = '', local = '', port = '', to = '', toPort = '', from = '', ...counts] = line.split(' ')
  const [packets = Number.NaN, bytes = Number.NaN, dropped = Number.NaN] = counts.map(Number)
  if (!Number.isFinite(packets + bytes + dropped)) {
    throw new HoldfastError('unsupported', `holdfast-bpf lists what is not known: ${line.slice(0, 80)}`, {
      remedy: 'Install holdfast and holdfast-bpf of one version.',
    })
  }
  const key = `${parseAddress(source)} ${sport} ${parseAddress(local)} ${port}`
  return [key, { to: `${parseAddress(to)} ${toPort} ${parseAddress(from)}`, packets, bytes, dropped }]
}

export function readShortcut(text: string): ReadonlyMap<string, ShortcutCount> {
  return new Map(text.split('\n').filter(Boolean).map(readLine))
}

/** What the table and the short cut forwarded, together. */
export function addCarried(
  table: ReadonlyMap<number, Carried>,
  counts: ReadonlyMap<string, ShortcutCount>,
  forwards: Iterable<Forward>,
): ReadonlyMap<number, Carried> {
  const out = new Map(table)
  for (const forward of forwards) {
    const { packets = [0, 0], bytes = [0, 0] } = out.get(forward.port) ?? {}
    const [a, b] = ([0, 1] as const).map((side) => counts.get(keyOf(forward, side) ?? ''))
    if (a === undefined && b === undefined) continue
    out.set(forward.port, {
      packets: [packets[0] + (a?.packets ?? 0), packets[1] + (b?.packets ?? 0)],
      bytes: [bytes[0] + (a?.bytes ?? 0), bytes[1] + (b?.bytes ?? 0)],
    })
  }
  return out
}
