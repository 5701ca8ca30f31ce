// How a router stands: whether it answers by any way, and whether it did not a short while ago. A router that failed is not used
// again so soon.

import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Chooser } from '../paths/chooser.ts'
import type { PeerBook } from '../report/peers.ts'
import type { RouterSight } from './choice.ts'

export interface Standings {
  of(node: NodeId): RouterSight['standing']
  /** It answers, and does not forward: when that is over it has to hold for a while, as if it had been silent. */
  noteFailing(node: NodeId): void
  /** It forwards again, for too short a time. */
  isHeld(node: NodeId): boolean
  forgetAllBut(nodes: ReadonlySet<NodeId>): void
}

interface StandingsOptions {
  readonly clock: Clock
  readonly peers: Pick<PeerBook, 'of'>
  readonly paths: Pick<Chooser, 'isAwake' | 'isSilent'>
}

/** A router that failed is not used again so soon, and later each time it does: as paths are. */
const [HOLD_MS_MIN, HOLD_MS_MAX] = [30_000, 600_000]
/** More than any way takes to be found. */
const FOUND_MS = 5_000
/** Who is sent something and has nothing to say says so after 10 s (KEEPALIVE_TIMEOUT of WireGuard); then a handshake is due. */
const ANSWERED_MS = 15_000
/** Less is WireGuard's own. */
const PAYLOAD_BYTES = 400

interface Failed {
  readonly at: number
  readonly holdMs: number
  /** When something of it had come last, before it fell silent. */
  readonly heardAt: number
}

/** What it was sent since it was last heard. */
interface Sent {
  readonly heardAt: number
  readonly txBytes: number
  /** Since when that is payload. */
  sentAt: number | undefined
}

export function createStandings({ clock, paths, peers }: StandingsOptions): Standings {
  const failures = new Map<NodeId, Failed>()
  const failing = new Map<NodeId, Omit<Failed, 'heardAt'>>()
  const soughtSince = new Map<NodeId, number>()
  const sent = new Map<NodeId, Sent>()

  const noteSilence = (node: NodeId): void => {
    const now = clock.monotonic()
    const heardAt = peers.of(node)?.heardAt ?? Number.NEGATIVE_INFINITY
    const before = failures.get(node)
    if (before === undefined) failures.set(node, { at: now, holdMs: HOLD_MS_MIN, heardAt })
    else if (heardAt <= before.heardAt) return
    else if (now - before.at < before.holdMs) failures.set(node, { ...before, heardAt })
    else failures.set(node, { at: now, holdMs: Math.min(HOLD_MS_MAX, 2 * before.holdMs), heardAt })
  }

  /** Somebody waits for a way to it for longer than one takes to be found. */
  const isSought = (node: NodeId): boolean => {
    if (peers.of(node)?.path !== 'none' || !paths.isAwake(node)) {
      soughtSince.delete(node)
      return false
    }
    const since = soughtSince.get(node) ?? clock.monotonic()
    soughtSince.set(node, since)
    return clock.monotonic() - since >= FOUND_MS
  }

  /** A way answered before a handshake, and nothing since, whatever it is sent: a host that died in its first second. */
  const isMute = (node: NodeId): boolean => {
    const { heardAt = 0, txBytes = 0 } = peers.of(node) ?? {}
    const before = sent.get(node)
    if (before?.heardAt !== heardAt || txBytes < before.txBytes) {
      sent.set(node, { heardAt, txBytes, sentAt: undefined })
      return false
    }
    if (txBytes - before.txBytes >= PAYLOAD_BYTES) before.sentAt ??= clock.monotonic()
    return before.sentAt !== undefined && clock.monotonic() - before.sentAt >= ANSWERED_MS
  }

  const isSilent = (node: NodeId): boolean => {
    const [sought, mute] = [isSought(node), isMute(node)]
    return sought || mute || paths.isSilent(node)
  }

  const isHeld = (node: NodeId): boolean => {
    const { at, holdMs } = failing.get(node) ?? { at: 0, holdMs: 0 }
    const forMs = clock.monotonic() - at
    if (forMs >= 2 * holdMs) failing.delete(node)
    return forMs < holdMs
  }

  const standingOf = (node: NodeId): RouterSight['standing'] => {
    if (isSilent(node)) noteSilence(node)
    const failed = failures.get(node)
    if (failed === undefined) return 'there'
    const forMs = clock.monotonic() - failed.at
    if ((peers.of(node)?.heardAt ?? 0) <= failed.heardAt) return 'gone'
    // What held for as long again as it was held down for has failed for the first time when it fails again.
    if (forMs >= 2 * failed.holdMs) failures.delete(node)
    return forMs >= failed.holdMs ? 'there' : 'held'
  }

  return {
    of: standingOf,
    isHeld,
    noteFailing(node) {
      const [at, before] = [clock.monotonic(), failing.get(node)]
      if (before === undefined) failing.set(node, { at, holdMs: HOLD_MS_MIN })
      // Within the time it was given it is the same failure, and that time begins anew.
      else if (at - before.at < before.holdMs) failing.set(node, { at, holdMs: before.holdMs })
      else failing.set(node, { at, holdMs: Math.min(HOLD_MS_MAX, 2 * before.holdMs) })
    },
    forgetAllBut(nodes) {
      for (const known of [failures, failing, soughtSince, sent]) {
        for (const node of known.keys()) if (!nodes.has(node)) known.delete(node)
      }
    },
  }
}
