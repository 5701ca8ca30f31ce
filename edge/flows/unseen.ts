// What was counted in total and in no flow: one that lost its place in the kernel's map before anybody looked at it. A look
// takes its time, so the total is read before the flows and once more behind them: from the second reading of one look to the
// first of a later one, no more can have passed than flows have counted since, but for what was lost.

import type { Amount } from '../../shared/flows/batch.ts'
import type { FlowSnapshot } from './counters.ts'
import type { Deltas } from './deltas.ts'

export interface Unseen {
  /** What was not known to be lost at the look before. */
  note(snapshot: FlowSnapshot, deltas: Deltas): Amount
}

const NOTHING: Amount = { packets: 0, bytes: 0 }
/** Their own words stand in no total. */
const OWN = new Set<number | string | undefined>(['agent', 'control'])

function seenIn({ dropped, flows }: Deltas): Amount {
  const ours = flows.filter(({ rule }) => !OWN.has(rule))
  const amounts = [...ours.flatMap(({ back, sent }) => [sent, back]), ...dropped.map(({ amount }) => amount)]
  return {
    packets: amounts.reduce((sum, { packets }) => sum + packets, 0),
    bytes: amounts.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

export function createUnseen(): Unseen {
  let epoch: string | undefined
  let from = NOTHING
  let seen = NOTHING
  return {
    note(snapshot, deltas) {
      const { total, totalAtFirst } = snapshot
      if (totalAtFirst === undefined) return NOTHING
      if (epoch !== snapshot.epoch) {
        epoch = snapshot.epoch
        from = total
        seen = NOTHING
        return NOTHING
      }
      const now = seenIn(deltas)
      seen = { packets: seen.packets + now.packets, bytes: seen.bytes + now.bytes }
      const packets = totalAtFirst.packets - from.packets - seen.packets
      if (packets <= 0) return NOTHING
      const lost = { packets, bytes: Math.max(0, totalAtFirst.bytes - from.bytes - seen.bytes) }
      from = { packets: from.packets + lost.packets, bytes: from.bytes + lost.bytes }
      return lost
    },
  }
}
