// Asks routers whether they forward, each at its own pace, and remembers what came of it.

import type { Clock, Timer } from '../../shared/effects.ts'
import { echoesUnderWayMax, provenMax } from '../../shared/route-limits.ts'
import type { Echo } from './echoes.ts'
import { answered, missed, type Proof, unasked } from './proof.ts'

/** A router and a machine behind it. */
export interface Asked extends Pick<Echo, 'at' | 'id'> {
  /** Milliseconds from one echo to the next while all is well; undefined: it is left alone. */
  readonly everyMs: number | undefined
  /** Packets of this device go by it. */
  readonly isUsed: boolean
}

export interface Prover {
  /** From now on these are asked, the first ones of them; what others said is forgotten. */
  follow(all: readonly Asked[]): void
  heard(echo: Echo): void
  proof(of: Pick<Echo, 'at' | 'id'>): Proof | undefined
  close(): void
}

interface ProverOptions {
  readonly clock: Clock
  readonly ask: (echo: Echo) => void
  /** What is thought of a router is another thing now. */
  readonly onChange: () => void
}

interface Place {
  asked: Asked
  proof: Proof
  dueAt: number
  seq: number
  /** Monotonic ms by sequence number, the oldest first. */
  readonly sentAt: Map<number, number>
  /** Of the last one, while it may still be answered in time. */
  waits: boolean
}

/** An answer that takes longer than this, and than three times the last one did, is late. */
const LATE_MS = 250
const LATE_TIMES = 3
/** A router that does not forward is asked ever more seldom. */
const [FAILING_MS_MIN, FAILING_MS_MAX] = [2_000, 30_000]

function keyOf({ at, id }: Pick<Echo, 'at' | 'id'>): string {
  return `${at} ${id}`
}

function lateMs({ rttMs = 0 }: Proof): number {
  return Math.max(LATE_MS, LATE_TIMES * rttMs)
}

/** Until the next echo, after one that was not answered in time. */
function pauseMs({ misses, state }: Proof): number {
  return state === 'failing' ? Math.min(FAILING_MS_MAX, FAILING_MS_MIN + 100 * misses) : 0
}

export function createProver({ ask, clock, onChange }: ProverOptions): Prover {
  const places = new Map<string, Place>()
  let timer: Timer | undefined
  let closed = false

  const set = (place: Place, proof: Proof): void => {
    const before = place.proof
    place.proof = proof
    if (before.state !== proof.state) onChange()
  }

  /** Whoever stands by is asked as well, so that it is known at once who could take over. */
  const hurryOthers = (now: number): void => {
    for (const place of places.values()) {
      if (!place.asked.isUsed && place.asked.everyMs !== undefined && !place.waits)
        place.dueAt = Math.min(place.dueAt, now)
    }
  }

  const send = (place: Place, now: number): void => {
    place.seq = (place.seq + 1) & 0xff_ff
    place.sentAt.set(place.seq, now)
    const [oldest] = place.sentAt.keys()
    if (place.sentAt.size > echoesUnderWayMax && oldest !== undefined) place.sentAt.delete(oldest)
    place.waits = true
    place.dueAt = now + lateMs(place.proof)
    ask({ at: place.asked.at, id: place.asked.id, seq: place.seq })
  }

  const miss = (place: Place, now: number): void => {
    place.waits = false
    set(place, missed(place.proof, now))
    place.dueAt = now + pauseMs(place.proof)
    if (place.asked.isUsed && place.proof.misses === 1) hurryOthers(now)
  }

  const run = (): void => {
    const now = clock.monotonic()
    for (const place of places.values()) if (place.waits && place.dueAt <= now) miss(place, now)
    for (const place of places.values()) {
      if (!place.waits && place.dueAt <= now && place.asked.everyMs !== undefined) send(place, now)
    }
    plan()
  }

  const plan = (): void => {
    timer?.cancel()
    timer = undefined
    const due = [...places.values()].filter(({ asked, waits }) => waits || asked.everyMs !== undefined)
    if (closed || due.length === 0) return
    const at = Math.min(...due.map(({ dueAt }) => dueAt))
    timer = clock.after(Math.max(1, at - clock.monotonic()), run)
  }

  const take = (held: Place, asked: Asked, now: number): void => {
    const [rested, everyMs] = [held.asked.everyMs === undefined, asked.everyMs]
    held.asked = asked
    if (everyMs === undefined || held.waits) return
    held.dueAt = rested
      ? now
      : Math.min(held.dueAt, now + (held.proof.state === 'failing' ? pauseMs(held.proof) : everyMs))
  }

  return {
    follow(all) {
      const now = clock.monotonic()
      const next = new Map(all.slice(0, provenMax).map((asked) => [keyOf(asked), asked]))
      for (const key of places.keys()) if (!next.has(key)) places.delete(key)
      for (const [key, asked] of next) {
        const held = places.get(key)
        if (held !== undefined) take(held, asked, now)
        else places.set(key, { asked, proof: unasked(now), dueAt: now, seq: 0, sentAt: new Map(), waits: false })
      }
      plan()
    },
    heard(echo) {
      const place = places.get(keyOf(echo))
      const sentAt = place?.sentAt.get(echo.seq)
      if (place === undefined || sentAt === undefined) return
      const now = clock.monotonic()
      // What was sent before it proves no more than it does.
      for (const seq of place.sentAt.keys()) if ((place.sentAt.get(seq) ?? 0) <= sentAt) place.sentAt.delete(seq)
      place.waits = false
      place.dueAt = sentAt + Math.max(1, place.asked.everyMs ?? 0)
      set(place, answered(place.proof, now, now - sentAt))
      plan()
    },
    proof: (of) => places.get(keyOf(of))?.proof,
    close() {
      closed = true
      timer?.cancel()
      places.clear()
    },
  }
}
