// What name servers of sites have said, kept for when they can't be asked: names of a site that is cut off are answered as they
// were last known, for a day (RFC 8767).

import type { Clock } from '../../shared/effects.ts'
import { siteAnswerBytesMax, siteAnswersMax } from '../../shared/name-limits.ts'
import { afterQuestions, leastTimeS, withTimes } from './times.ts'

/** RFC 8767 §5 has a day to three. */
const STALE_MS = 86_400_000
/** Whatever it says: a site's plan changes by hand. */
const FRESH_MS_MAX = 3_600_000
/** RFC 2308 §5 bounds what does not exist by hours; machines of a site are switched on in minutes. */
const NOTHING_MS_MAX = 60_000
/** RFC 8767 §4. */
const STALE_TIME_S = 30
/** … and how long a server that did not answer is not asked again: §5. */
const RECHECK_MS = 30_000
/** An answer that is there already does not wait longer for a better one: libc waits a second. */
const WAIT_MS = 800

interface Kept {
  readonly bytes: Buffer
  readonly at: number
  readonly freshMs: number
  /** Monotonic ms of the last try that failed. */
  failedAt: number
}

export interface SiteCache {
  /** `key`: what is asked, and how; `ask` resolves with undefined where nobody answered. Never rejects. */
  get(key: string, ask: () => Promise<Buffer | undefined>): Promise<Buffer | undefined>
}

/** Ms that it may be kept as fresh; undefined where it says nothing that is worth it. */
function freshMsOf(bytes: Buffer): number | undefined {
  const rcode = (bytes[3] ?? 0) & 0x0f
  const isCut = ((bytes[2] ?? 0) & 0x02) !== 0
  const timeS = leastTimeS(bytes)
  if (isCut || (rcode !== 0 && rcode !== 3) || timeS === undefined || bytes.length > siteAnswerBytesMax)
    return undefined
  const hasAnswers = bytes.readUInt16BE(6) > 0
  return Math.min(timeS * 1_000, hasAnswers ? FRESH_MS_MAX : NOTHING_MS_MAX)
}

export function createSiteCache(clock: Clock): SiteCache {
  const kept = new Map<string, Kept>()
  const asking = new Map<string, Promise<Buffer | undefined>>()

  const keep = (key: string, bytes: Buffer): void => {
    const freshMs = freshMsOf(bytes)
    if (freshMs === undefined) return
    kept.delete(key)
    kept.set(key, { bytes, at: clock.monotonic(), freshMs, failedAt: Number.NEGATIVE_INFINITY })
    for (const oldest of kept.keys()) {
      if (kept.size <= siteAnswersMax) break
      kept.delete(oldest)
    }
  }

  /** Once at a time for one question. */
  const refresh = (key: string, ask: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> => {
    const begun = asking.get(key)
    if (begun !== undefined) return begun
    const answer = ask().then((bytes) => {
      asking.delete(key)
      const held = kept.get(key)
      if (bytes !== undefined) keep(key, bytes)
      else if (held !== undefined) held.failedAt = clock.monotonic()
      return bytes
    })
    asking.set(key, answer)
    return answer
  }

  const old = ({ bytes }: Kept): Buffer => withTimes(bytes, () => STALE_TIME_S)

  return {
    async get(key, ask) {
      const held = kept.get(key)
      const ageMs = held === undefined ? 0 : clock.monotonic() - held.at
      if (held === undefined || ageMs >= held.freshMs + STALE_MS) return await refresh(key, ask)
      if (ageMs < held.freshMs) {
        return withTimes(held.bytes, (timeS) => Math.max(1, timeS - Math.floor(ageMs / 1_000)))
      }
      if (clock.monotonic() - held.failedAt < RECHECK_MS) return old(held)
      const late = Promise.withResolvers<undefined>()
      const timer = clock.after(WAIT_MS, () => late.resolve(undefined))
      const answer = await Promise.race([refresh(key, ask), late.promise])
      timer.cancel()
      return answer ?? old(held)
    },
  }
}

/** As it is answered to whom: with the number and the spelling of the question, which is of the same length. */
export function addressedTo(bytes: Buffer, question: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  question.copy(copy, 0, 0, 2)
  const [end, length] = [afterQuestions(question), afterQuestions(copy)]
  if (end !== undefined && end === length) question.copy(copy, 12, 12, end)
  return copy
}
