// Asking the hub for what is missing: one request at a time, its reply put together from chunks, repeated with a
// growing pause and a bound. Knows nothing of what a frame means; `onFrame` judges it.

import { sameBytes } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Sha256, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { base32 } from '../../shared/ids.ts'
import { requestsPerMinuteMax, snapshotBytesMax } from '../../shared/limits.ts'
import { deltaFrameMax, snapshotFrameMax } from '../../shared/record/delta.ts'
import type { Version } from '../../shared/record/head.ts'
import { Assembly, encodeRequest, parseChunk, type ReplyKind, type SyncRequest } from '../../shared/wire/sync.ts'

export interface CatchUpOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly sha256: Sha256
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  readonly have: () => Version
  readonly send: (payload: Uint8Array) => Promise<void>
  /** Takes an inflated frame into force; throws where it may not be. With `current` the frame is empty. */
  readonly onFrame: (kind: ReplyKind, frame: Uint8Array) => void
  /** A reply was refused, or none came in all the tries. */
  readonly onRefused: (error: unknown) => void
}

export interface CatchUp {
  /** Asks after `delayMs`, unless a request is already planned or under way. */
  need(want: SyncRequest['want'], delayMs: number): void
  /** What was missing is there: forgets requests and failures. */
  done(): void
  onChunk(bytes: Uint8Array): void
  down(): void
}

/** Silence after which a request is repeated: a chunk of 64 KiB takes 8 s at 64 kbit/s. */
const SILENCE_MS = 15_000
const PAUSE_MS_MIN = 2_000
const PAUSE_MS_MAX = 5 * 60_000
/** Unanswered tries for one target; the next head, or the next connection, starts afresh. */
const TRIES_MAX = 12
/** Refused replies for one target: a snapshot that does not verify is no better the fifth time, and LTE costs money. */
const REFUSED_MAX = 4

export function createCatchUp(options: CatchUpOptions): CatchUp {
  const { clock, entropy, log } = options
  let assembly: Assembly | undefined
  /** The last request that was given up: a hub that half a fleet asks at once is slow, its answer as good a minute later. */
  let late: Assembly | undefined
  let gathered = 0
  let want: SyncRequest['want'] = 'delta'
  let tries = 0
  let refused = 0
  let timer: Timer | undefined
  /** When a planned request is made; Infinity while one is under way. */
  let dueAt = Number.POSITIVE_INFINITY
  /** When requests were made in the last minute, oldest first. */
  let recent: number[] = []

  const rest = (): void => {
    timer?.cancel()
    timer = undefined
    dueAt = Number.POSITIVE_INFINITY
    assembly = undefined
    gathered = 0
  }

  const waitMs = (): number => {
    const now = clock.monotonic()
    recent = recent.filter((at) => at > now - 60_000)
    return recent.length < requestsPerMinuteMax ? 0 : (recent[0] ?? now) + 60_000 - now
  }

  const fail = (error: unknown): void => {
    late = isHoldfastError(error, 'unreachable') ? assembly : undefined
    rest()
    options.onRefused(error)
    // What was written for newer agents is no clearer the second time.
    if (isHoldfastError(error, 'unsupported')) refused = REFUSED_MAX
    else if (!isHoldfastError(error, 'unreachable')) refused += 1
    if (tries >= TRIES_MAX || refused >= REFUSED_MAX) {
      log.warn('giving up catching up until the hub says more', { tries, reason: describeError(error) })
      return
    }
    const ceilingMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** tries)
    timer = clock.after(PAUSE_MS_MIN / 2 + entropy.fraction() * ceilingMs, ask)
  }

  const listen = (): void => {
    timer?.cancel()
    timer = clock.after(SILENCE_MS, () => {
      // A hub that has no step to offer may still have the whole.
      if (tries % 2 === 0) want = 'snapshot'
      fail(new HoldfastError('unreachable', 'the hub does not answer a request for the newest intent'))
    })
  }

  const ask = (): void => {
    rest()
    const pauseMs = waitMs()
    if (pauseMs > 0) {
      timer = clock.after(pauseMs, ask)
      return
    }
    tries += 1
    recent.push(clock.monotonic())
    const id = base32(entropy.bytes(10), 16)
    const have = options.have()
    const request: SyncRequest = { id, have, want: have.revision === 0 ? 'snapshot' : want }
    assembly = new Assembly(id)
    listen()
    log.debug('asking the hub for what is missing', { want: request.want, have: have.revision })
    options.send(encodeRequest(request)).catch((error: unknown) => {
      if (assembly?.id === id) fail(error)
    })
  }

  /** The request that a chunk answers; undefined for those that nobody waits for. */
  const askedFor = (id: string): Assembly | undefined => {
    if (assembly?.id === id) return assembly
    if (late?.id !== id || gathered > 0) return undefined
    assembly = late
    late = undefined
    return assembly
  }

  const finish = (kind: ReplyKind, deflated: Uint8Array, hash: Uint8Array): void => {
    rest()
    if (!sameBytes(options.sha256(deflated), hash)) throw new HoldfastError('invalid', 'a reply arrived damaged')
    if (kind === 'current') options.onFrame(kind, new Uint8Array(0))
    else options.onFrame(kind, options.inflate(deflated, kind === 'delta' ? deltaFrameMax : snapshotFrameMax))
  }

  return {
    need(next, delayMs) {
      if (next === 'snapshot') want = 'snapshot'
      if (timer !== undefined) {
        // Pauses between tries are left alone; a first try may be brought forward.
        if (tries > 0 || clock.monotonic() + delayMs >= dueAt) return
        timer.cancel()
      }
      tries = 0
      refused = 0
      dueAt = clock.monotonic() + delayMs
      timer = clock.after(delayMs, ask)
    },
    done() {
      rest()
      late = undefined
      tries = 0
      want = 'delta'
    },
    onChunk(bytes) {
      const chunk = parseChunk(bytes)
      const current = askedFor(chunk.id)
      if (current === undefined) return
      try {
        gathered += chunk.data.length
        // Repeated chunks count too: nobody has reason to send much more than a snapshot.
        if (gathered > 2 * snapshotBytesMax) throw new HoldfastError('too-large', 'a reply is larger than any snapshot')
        const whole = current.add(chunk)
        if (whole === undefined) listen()
        else finish(whole.kind, whole.deflated, whole.hash)
      } catch (error) {
        want = 'snapshot'
        fail(error)
      }
    },
    down() {
      rest()
      late = undefined
    },
  }
}
