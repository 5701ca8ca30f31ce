// Looks at this node's paths for what they say of its way out.

import type { Clock } from '../../shared/effects.ts'
import type { AgentOptions } from '../agent.ts'
import type { Chooser } from '../paths/chooser.ts'
import type { CandidateView } from '../paths/path.ts'
import type { PeerBook, PeerEntry } from '../report/peers.ts'
import { rateMbps } from './carried.ts'
import { createQuality, type Quality } from './quality.ts'
import type { Uplinks } from './uplinks.ts'

export interface OwnQuality extends Pick<Quality, 'view' | 'memoryRevision' | 'remember' | 'recall'> {
  /** After each turn; looks when it is time. */
  look(): void
}

/** What is seen of the paths of a node. */
export interface QualitySources {
  readonly clock: Clock
  readonly peers: Pick<PeerBook, 'entries' | 'of'>
  readonly paths: Pick<Chooser, 'view' | 'relaySights'>
  readonly uplinks: Pick<Uplinks, 'report'>
}

const LOOK_MS = 15_000
/** Probes come each second or each five while anybody cares; what is older says nothing of now. */
const FRESH_MS = 60_000
/** Peers whose paths are looked at: the nearest tell most, and each look makes a list. */
const PEERS_MAX = 8
/** Relays answer on their own each half hour; they count where no peer was measured for so long. */
const RELAYS_AFTER_MS = 30 * 60_000

function leavesLan({ path }: Pick<PeerEntry, 'path'>): boolean {
  return path === 'direct' || path === 'relay' || path === 'tls'
}

interface Measured {
  readonly rttMs: number
  readonly loss: number
}

function least(list: readonly Measured[]): Partial<Measured> {
  if (list.length === 0) return {}
  return { rttMs: Math.min(...list.map(({ rttMs }) => rttMs)), loss: Math.min(...list.map(({ loss }) => loss)) }
}

function freshOf({ kind, lastAnswerAt, loss, rttMs }: CandidateView, now: number): readonly Measured[] {
  if (kind === 'lan' || rttMs === undefined || loss === undefined || lastAnswerAt === undefined) return []
  return now - lastAnswerAt > FRESH_MS ? [] : [{ rttMs, loss }]
}

export function createOwnQuality({ paths: doors, uplinkMbps }: AgentOptions, sources: QualitySources): OwnQuality {
  const { clock, paths, peers, uplinks } = sources
  const quality = createQuality({ clock, metered: doors?.metered === true, declaredMbps: uplinkMbps })
  /** What had gone to each peer at the last look, if that way left the LAN. */
  let sent = new WeakMap<PeerEntry, number>()
  let [lookedAt, measuredAt] = [Number.NEGATIVE_INFINITY, clock.monotonic()]

  const measuredNow = (now: number): Partial<Measured> => {
    const near = peers.entries
      .filter((entry) => leavesLan(entry) && entry.rttMs !== undefined)
      .sort((a, b) => (a.rttMs ?? 0) - (b.rttMs ?? 0))
      .slice(0, PEERS_MAX)
    const all = near.flatMap(({ member }) => paths.view(member.nodeId)?.candidates ?? [])
    const found = least(all.flatMap((one) => freshOf(one, now)))
    if (found.rttMs !== undefined) measuredAt = now
    if (found.rttMs !== undefined || now - measuredAt < RELAYS_AFTER_MS) return found
    const far = paths.relaySights().flatMap(({ relay, rttMs }) => {
      return rttMs === undefined || peers.of(relay)?.path === 'lan' ? [] : [rttMs]
    })
    return far.length === 0 ? {} : { rttMs: Math.min(...far) }
  }

  const sentSince = (): number => {
    const next = new WeakMap<PeerEntry, number>()
    let bytes = 0
    for (const entry of peers.entries) {
      if (!leavesLan(entry)) continue
      // Less than before: the interface was made anew.
      bytes += Math.max(0, entry.txBytes - (sent.get(entry) ?? entry.txBytes))
      next.set(entry, entry.txBytes)
    }
    sent = next
    return bytes
  }

  return {
    look() {
      const now = clock.monotonic()
      if (now - lookedAt < LOOK_MS) return
      const sentMbps = rateMbps(sentSince(), now - lookedAt)
      lookedAt = now
      const used = uplinks.report().find(({ inUse }) => inUse)
      const { loss, rttMs } = measuredNow(now)
      const { interface: uplink = '', preferred: isPreferred = true } = used ?? {}
      quality.note({ uplink, isPreferred, rttMs, loss, sentMbps })
    },
    view: () => quality.view(),
    memoryRevision: () => quality.memoryRevision(),
    remember: () => quality.remember(),
    recall: (text) => quality.recall(text),
  }
}
