// How often and how long: every span of the path controller in one table, each with its reason. Milliseconds throughout.

import type { Pace, PathKind } from './path.ts'

export interface Pacing {
  /** Between probes of the path in use, while it answers. */
  readonly intervalMs: number
  /** Least patience with one probe, and the distance of probes in a burst. */
  readonly floorMs: number
  /** Between probes of a path that is kept ready. */
  readonly standbyMs: number
}

/**
 * A path with an RTT below the floor is dead 4 floors after the first probe it did not answer: overdue after one, repeated
 * at each floor, and the third repeat is given up after two more. So `fast` notices within 200 to 400 ms of the cut,
 * `normal` within 1.8 s, `frugal` within 7 s.
 */
export const pacings: Readonly<Record<Pace, Pacing>> = {
  fast: { intervalMs: 200, floorMs: 50, standbyMs: 5_000 },
  normal: { intervalMs: 1_000, floorMs: 200, standbyMs: 15_000 },
  frugal: { intervalMs: 5_000, floorMs: 500, standbyMs: 60_000 },
}

/** Probes of thousands of peers that began together drift apart by this share. */
export const JITTER = 0.1

/** Without payload for so long, a peer is left in peace. */
export const IDLE_MS = 600_000
/** The same where each byte is paid for. */
export const IDLE_METERED_MS = 180_000
/**
 * WireGuard's session is over so long after its handshake, and whatever it sends then is a handshake again (REJECT_AFTER_TIME,
 * 180 s, and as long as clocks and looks may be off).
 */
export const SESSION_MS = 185_000
/**
 * A word that nobody needs is sent only through a session younger than this: through an older one it costs a handshake
 * (REKEY_AFTER_TIME, 120 s), and the pair is kept company for as long as the new session lasts. The rest is for the word's way.
 */
export const SESSION_YOUNG_MS = 110_000
/** A new peer, or one whose peer calls, is looked at for one round of tries even without payload. */
export const LOOK_MS = 15_000

/**
 * Between the tries of a candidate that never answered: at 0, 100, 300 ms, 1, 2 and 5 s. A NAT between opens with the first
 * of ours that passes it, so two or three of both ends must overlap; packets are lost most when a link just came up.
 */
export const TRY_GAPS_MS: readonly number[] = [0, 100, 200, 700, 1_000, 3_000]
/** A round of tries, and the patience with its last. */
export const FIRST_ROUND_MS = 6_000
/** RFC 6298 §2.1: the patience where no round trip was measured yet. */
export const FIRST_PATIENCE_MS = 1_000

/**
 * Hops of the first try towards a mapped endpoint: through the own NAT and a carrier's NAT right behind it (a packet needs
 * one hop more than the NAT is away to leave it), and dead before the peer's NAT, which may otherwise give the peer's mapping
 * to our early packet. Only peers at the same access router are nearer, and they fare as without it.
 */
export const PUNCH_TTL = 3

/** Candidates that did not answer are tried again after this, doubled each time … */
export const RETRY_MS = 5_000
/** … up to this. */
export const RETRY_MS_MAX = 600_000
/** A path that failed in use is held down for so long, doubled each time up to the same. */
export const HOLD_MS = 30_000
/** Where everything fell silent for longer, it was not the path that failed, and nothing is held against it. */
export const SILENCE_OF_ALL_MS = 2_000
/** A path that served so long is forgiven what it did before. */
export const FORGIVEN_MS = 600_000

/** Relays stay bound so long after payload ended. */
export const RELAY_LINGER_MS = 60_000
/** Between two calls of one end, and between two of the other that are heeded. */
export const CALL_MS = 1_000

/**
 * Who is only called waits so long for the caller's handshake before it begins one of its own. WireGuard holds one handshake per
 * peer: two that cross spoil each other, and neither end tries again for 5 s (REKEY_TIMEOUT).
 */
export const YIELD_MS = 1_000

/** While nobody answers at all, WireGuard tries each candidate so long: it repeats a handshake after 5 s (REKEY_TIMEOUT). */
export const GUESS_MS = 6_000
/** Without a sign of life for so long, WireGuard's session is over or about to be (REJECT_AFTER_TIME is 180 s). */
export const ALIVE_MS = 150_000
/** After a switch, packets on their way still come by the old path and may turn WireGuard back for a moment. */
export const SETTLE_MS = 1_000
/** The deciding end turns back so often a minute when the peer leaves its path; then it believes the peer. */
export const INSIST_MAX = 2
export const INSIST_MS = 60_000
/** A path in use that fell silent together with all others is still probed for so long: the peer may just restart. */
export const RESTART_MS = 60_000
/** If our timer comes so late, this process was stopped, and answers may wait unread in the socket … */
export const OVERSLEPT_MS = 30
/** … which are read within this. */
export const GRACE_MS = 20
/** An endpoint that the peer only once asked from is forgotten after this. */
export const ASKED_MS = 600_000

/** Answers that make a path valid. */
export const VALID_ANSWERS = 3
/** Answers in a row that must be better before a path gives way to an equal one. */
export const FASTER_ANSWERS = 5

const RANK: Readonly<Record<PathKind, number>> = { lan: 0, direct: 1, relay: 2, tls: 3 }

/** Below 0 if `a` is the better kind. */
export function compareKinds(a: PathKind, b: PathKind): number {
  return RANK[a] - RANK[b]
}

/** Kinds that go through a third node, and so live and die apart from those that don't. */
export function isRelayed(kind: PathKind): boolean {
  return kind === 'relay' || kind === 'tls'
}
