// How this node reached its peers of late: a point a minute of those that it talks with, in memory alone. It is told to who
// asks, on this device or by the hub: nobody pays on a thin link for plots that nobody looks at, and what was measured while the
// hub was away is there when it is back.

import { historyPeersMax, historyPointsMax, historyStepMs } from '../../shared/command-limits.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type HistoryPoint, type PeerHistory, packHistory } from '../../shared/wire/history.ts'
import type { PathKind } from '../../shared/wire/report.ts'
import type { Chooser } from '../paths/chooser.ts'
import type { PeerBook, PeerEntry } from './peers.ts'

export interface PeerHistories {
  /** After each turn; looks when it is time. */
  look(): void
  /** Undefined where there is no such peer. The last point is of now; one that was never talked with has no other. */
  of(node: NodeId): PeerHistory | undefined
  /** Round trip by the probes of the path in use, as of the last point; microseconds. Undefined where none was measured. */
  rttUs(node: NodeId): number | undefined
}

export interface HistorySources {
  readonly clock: Clock
  readonly peers: Pick<PeerBook, 'entries' | 'of'>
  readonly paths: Pick<Chooser, 'engine' | 'isAwake' | 'view'>
}

const KINDS: readonly PathKind[] = ['none', 'lan', 'direct', 'relay', 'tls']
/** At, round trip, loss and path: whole numbers of 32 bits; the bytes are floating, for a minute of a fast link has more. */
const WHOLES = 4
const NONE = 0xff_ff_ff_ff
/** A device counts its seconds for a century. */
const WHOLE_MAX = NONE - 1

interface Series {
  readonly wholes: Uint32Array
  readonly bytes: Float32Array
  first: number
  count: number
  /** Counters of the kernel at the last point. */
  rxBytes: number
  txBytes: number
  /** Monotonic time when somebody talked with the peer last. */
  wantedAt: number
}

interface Sample {
  readonly atS: number
  readonly path: PathKind
  readonly rttUs: number | undefined
  readonly lossPerMille: number | undefined
  /** Not a number where there was no point before. */
  readonly rxBytes: number
  readonly txBytes: number
}

function newSeries({ rxBytes, txBytes }: PeerEntry): Series {
  return {
    wholes: new Uint32Array(historyPointsMax * WHOLES),
    bytes: new Float32Array(historyPointsMax * 2),
    first: 0,
    count: 0,
    rxBytes,
    txBytes,
    wantedAt: 0,
  }
}

function whole(value: number | undefined): number {
  return value === undefined ? NONE : Math.min(WHOLE_MAX, Math.max(0, Math.round(value)))
}

function write(series: Series, { atS, lossPerMille, path, rttUs, rxBytes, txBytes }: Sample): void {
  const at = (series.first + series.count) % historyPointsMax
  if (series.count === historyPointsMax) series.first = (series.first + 1) % historyPointsMax
  else series.count += 1
  series.wholes.set([whole(atS), whole(rttUs), whole(lossPerMille), KINDS.indexOf(path)], at * WHOLES)
  series.bytes.set([rxBytes, txBytes], at * 2)
}

function measured(value: number | undefined): number | undefined {
  return value === undefined || value === NONE || Number.isNaN(value) ? undefined : Math.round(value)
}

function pointOf(sample: Sample, nowS: number): HistoryPoint {
  const { atS, lossPerMille, path, rttUs, rxBytes, txBytes } = sample
  return {
    ageS: Math.max(0, Math.round(nowS - atS)),
    path,
    rttUs: measured(rttUs),
    lossPerMille: measured(lossPerMille),
    rxBytes: measured(rxBytes),
    txBytes: measured(txBytes),
  }
}

function read({ bytes, first, wholes }: Series, index: number): Sample {
  const at = (first + index) % historyPointsMax
  const [atS = 0, rttUs, lossPerMille, kind = 0] = wholes.subarray(at * WHOLES)
  const [rxBytes = Number.NaN, txBytes = Number.NaN] = bytes.subarray(at * 2)
  return { atS, path: KINDS[kind] ?? 'none', rttUs, lossPerMille, rxBytes, txBytes }
}

export function createPeerHistories({ clock, paths, peers }: HistorySources): PeerHistories {
  const held = new Map<NodeId, Series>()
  let lookedAt = clock.monotonic()

  /** Probes of the path in use, where there were any within a step: what is older says nothing of now. */
  const probed = (node: NodeId, now: number): Pick<Sample, 'rttUs' | 'lossPerMille'> => {
    const used = paths.view(node)?.candidates.find(({ inUse }) => inUse)
    const { lastAnswerAt, lastProbeAt, loss, rttMs } = used ?? {}
    const isFresh = (at: number | undefined): boolean => at !== undefined && now - at < historyStepMs
    return {
      rttUs: rttMs !== undefined && isFresh(lastAnswerAt) ? rttMs * 1_000 : undefined,
      lossPerMille: loss !== undefined && isFresh(lastProbeAt) ? loss * 1_000 : undefined,
    }
  }

  const sampleOf = (entry: PeerEntry, series: Series | undefined, now: number): Sample => {
    const since = (key: 'rxBytes' | 'txBytes'): number => {
      if (series === undefined || series.count === 0) return Number.NaN
      // Less than before: the interface was made anew, and counts from nothing.
      return entry[key] < series[key] ? entry[key] : entry[key] - series[key]
    }
    const known = { path: entry.path, rxBytes: since('rxBytes'), txBytes: since('txBytes') }
    return { atS: now / 1_000, ...known, ...probed(entry.member.nodeId, now) }
  }

  /** Who was talked with within the last step, or is waited for. */
  const isWanted = ({ activeUntil, member }: PeerEntry, now: number): boolean =>
    activeUntil > now || (paths.engine() === 'on' && paths.isAwake(member.nodeId))

  const makeRoom = (now: number): boolean => {
    if (held.size < historyPeersMax) return true
    const [oldest] = [...held].sort(([, a], [, b]) => a.wantedAt - b.wantedAt)
    // All of them are talked with: a series that is begun anew each minute would tell nothing of anybody.
    if (oldest === undefined || oldest[1].wantedAt >= now - historyStepMs) return false
    return held.delete(oldest[0])
  }

  const seriesOf = (entry: PeerEntry, now: number): Series | undefined => {
    const known = held.get(entry.member.nodeId)
    const wanted = isWanted(entry, now)
    if (known !== undefined || !wanted || !makeRoom(now)) {
      if (known !== undefined && wanted) known.wantedAt = now
      return known
    }
    const series = newSeries(entry)
    series.wantedAt = now
    held.set(entry.member.nodeId, series)
    return series
  }

  return {
    look() {
      const now = clock.monotonic()
      if (now - lookedAt < historyStepMs) return
      lookedAt = now
      for (const node of held.keys()) if (peers.of(node) === undefined) held.delete(node)
      for (const entry of peers.entries) {
        const series = seriesOf(entry, now)
        if (series === undefined) continue
        write(series, sampleOf(entry, series, now))
        series.rxBytes = entry.rxBytes
        series.txBytes = entry.txBytes
      }
    },
    rttUs(node) {
      const series = held.get(node)
      return series === undefined || series.count === 0 ? undefined : measured(read(series, series.count - 1).rttUs)
    },
    of(node) {
      const entry = peers.of(node)
      if (entry === undefined) return undefined
      const now = clock.monotonic()
      const series = held.get(node)
      const samples = Array.from({ length: series?.count ?? 0 }, (_, at) => read(series as Series, at))
      const points = [...samples, sampleOf(entry, series, now)].map((sample) => pointOf(sample, now / 1_000))
      return packHistory(entry.member.name, historyStepMs / 1_000, points)
    },
  }
}
