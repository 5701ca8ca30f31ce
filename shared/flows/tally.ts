// Sums of flows on record as metrics, of one device or of a network: by verdict, direction and kind of path, never by address,
// so that there are as many series for a fleet as for a node.

import { compareText } from '../bytes.ts'
import { counter, type Family, type Labels, type Sample } from '../metrics-text.ts'
import type { FlowBatch, FlowLoss, FlowRecord } from './batch.ts'

interface Sum {
  packets: number
  bytes: number
  records: number
}

export interface FlowTally {
  note(batch: FlowBatch): void
  /** By `verdict`, `direction` and `path`. */
  readonly flows: ReadonlyMap<string, Readonly<Sum>>
  /** By reason; `records` is how often, the rest as far as it is known. */
  readonly losses: ReadonlyMap<FlowLoss['why'], Readonly<Sum>>
}

function add<K>(sums: Map<K, Sum>, key: K, packets: number, bytes: number): void {
  const held = sums.get(key) ?? { packets: 0, bytes: 0, records: 0 }
  held.packets += packets
  held.bytes += bytes
  held.records += 1
  sums.set(key, held)
}

function keyOf({ direction, path, verdict }: FlowRecord): string {
  return `${verdict} ${direction} ${path ?? 'none'}`
}

export function createFlowTally(): FlowTally {
  const flows = new Map<string, Sum>()
  const losses = new Map<FlowLoss['why'], Sum>()
  return {
    flows,
    losses,
    note({ lostBefore, records }) {
      for (const one of records) {
        const { back, sent } = one
        add(flows, keyOf(one), sent.packets + back.packets, sent.bytes + back.bytes)
      }
      for (const { amount, why } of lostBefore) add(losses, why, amount?.packets ?? 0, amount?.bytes ?? 0)
    },
  }
}

/** `prefix`: `holdfast_agent`; `tallies` with what tells them apart. */
export function tallyFamilies(prefix: string, tallies: readonly (readonly [Labels, FlowTally])[]): readonly Family[] {
  const flows = (value: (sum: Sum) => number): readonly Sample[] =>
    tallies.flatMap(([labels, tally]) =>
      [...tally.flows]
        .sort(([a], [b]) => compareText(a, b))
        .map(([key, sum]): Sample => {
          const [verdict = '', direction = '', path = ''] = key.split(' ')
          return [{ ...labels, verdict, direction, path }, value(sum)]
        }),
    )
  const losses = (value: (sum: Sum) => number): readonly Sample[] =>
    tallies.flatMap(([labels, tally]) =>
      [...tally.losses]
        .sort(([a], [b]) => compareText(a, b))
        .map(([why, sum]): Sample => [{ ...labels, why }, value(sum)]),
    )
  return [
    counter(
      `${prefix}_flow_packets_total`,
      'Packets of flows on record, both ways; a flow between two nodes is on record at both.',
      flows(({ packets }) => packets),
    ),
    counter(
      `${prefix}_flow_bytes_total`,
      'Bytes of them.',
      flows(({ bytes }) => bytes),
    ),
    counter(
      `${prefix}_flow_records_total`,
      'Records of flows.',
      flows(({ records }) => records),
    ),
    counter(
      `${prefix}_flow_losses_total`,
      'How often something was missed that stands in no record, and why.',
      losses(({ records }) => records),
    ),
    counter(
      `${prefix}_flow_lost_packets_total`,
      'Packets of that, as far as anybody knows.',
      losses(({ packets }) => packets),
    ),
  ]
}
