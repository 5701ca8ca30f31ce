// How a device has been of late, as its reports told: a bounded row of points, the oldest forgotten first, in memory alone.

import { tracePointsMax, traceStepMs } from '../../shared/dashboard-limits.ts'
import type { StatusReport } from '../../shared/wire/report.ts'

export interface TracePoint {
  /** When the hub heard it, milliseconds since the Unix epoch. */
  readonly at: number
  readonly peers: number
  readonly reachable: number
  /** Of the peers that are reached, by a relay of either sort. */
  readonly relayed: number
  /** Median of the round trips to its peers, microseconds; absent where none was measured. */
  readonly rttUs?: number
  /** From and to its peers since its agent started. */
  readonly rxBytes: number
  readonly txBytes: number
  /** Epoch and revision that it ran. */
  readonly applied: { readonly epoch: number; readonly revision: number }
}

const FIELDS = 9
/** Where nothing was measured. */
const NONE = -1

export interface Trace {
  note(report: StatusReport, at: number): void
  /** The oldest first. */
  points(): readonly TracePoint[]
}

function rowOf(
  { peers, peersReachable, peersTotal, revision: { applied } }: StatusReport,
  at: number,
): readonly number[] {
  const rtts = peers.flatMap(({ rttUs }) => rttUs ?? []).sort((a, b) => a - b)
  const relayed = peers.filter(({ path }) => path === 'relay' || path === 'tls').length
  const sum = (key: 'rxBytes' | 'txBytes'): number => peers.reduce((total, peer) => total + peer[key], 0)
  const rtt = rtts[rtts.length >> 1] ?? NONE
  return [at, peersTotal, peersReachable, relayed, rtt, sum('rxBytes'), sum('txBytes'), applied.epoch, applied.revision]
}

function pointOf(row: Float64Array): TracePoint {
  const [at = 0, peers = 0, reachable = 0, relayed = 0, rtt = NONE, rxBytes = 0, txBytes = 0, epoch = 0, revision = 0] =
    row
  const rttUs = rtt === NONE ? {} : { rttUs: rtt }
  return { at, peers, reachable, relayed, ...rttUs, rxBytes, txBytes, applied: { epoch, revision } }
}

/** Takes its memory with the first point: most of a large fleet is never looked at, and all of it reports. */
export function createTrace(): Trace {
  let rows: Float64Array | undefined
  let [first, count, lastAt] = [0, 0, 0]
  const place = (at: number): number => ((first + at) % tracePointsMax) * FIELDS
  return {
    note(report, at) {
      rows ??= new Float64Array(tracePointsMax * FIELDS)
      // Who reports in a flurry has the newest of it kept; a clock that was set back begins anew.
      const isFlurry = count > 1 && at - lastAt < traceStepMs && at >= lastAt
      if (!isFlurry) {
        lastAt = at
        if (count === tracePointsMax) first = (first + 1) % tracePointsMax
        else count += 1
      }
      rows.set(rowOf(report, at), place(count - 1))
    },
    points() {
      const held = rows
      if (held === undefined) return []
      return Array.from({ length: count }, (_, at) => pointOf(held.subarray(place(at), place(at) + FIELDS)))
    },
  }
}
