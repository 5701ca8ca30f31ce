// Asks places whether they serve, each at its own pace, and remembers what came of it. Only what is in use is asked: a device at
// rest would spend its day's bytes on it.

import type { Clock, Entropy, Timer } from '../../shared/effects.ts'
import { probedPlacesMax, probesAtOnceMax } from '../../shared/service-limits.ts'
import type { Question, ServiceDoors } from './doors.ts'
import { heard, pauseMs, unasked, type Verdict } from './verdict.ts'

export interface Asked extends Question {
  readonly intervalMs: number
  readonly timeoutMs: number
}

export interface Prober {
  /** From now on these are asked, the first ones of them. Of others it is forgotten what they said. */
  follow(wanted: readonly Asked[]): void
  verdict(question: Question): Verdict
  /** Rises with each answer and each silence. */
  revision(): number
  /** How many are asked. */
  size(): number
  close(): void
}

interface Place {
  asked: Asked
  verdict: Verdict
  dueAt: number
  isOut: boolean
}

function placeKey({ address, path = '', port }: Question): string {
  return `${address} ${port} ${path}`
}

interface ProberOptions extends Pick<ServiceDoors, 'ask'> {
  readonly clock: Clock
  readonly entropy: Pick<Entropy, 'fraction'>
  /** What is thought of somebody is another thing now. */
  readonly onChange: () => void
}

export function createProber({ ask, clock, entropy, onChange }: ProberOptions): Prober {
  const places = new Map<string, Place>()
  let [revision, out, closed] = [0, 0, false]
  let timer: Timer | undefined

  const take = async (key: string, place: Place): Promise<void> => {
    place.isOut = true
    out += 1
    const outcome = await ask(place.asked, place.asked.timeoutMs)
    out -= 1
    place.isOut = false
    if (closed || places.get(key) !== place) return plan()
    const before = place.verdict
    place.verdict = heard(before, outcome)
    place.dueAt = clock.monotonic() + pauseMs(place.verdict, place.asked.intervalMs, entropy.fraction())
    revision += 1
    if (place.verdict.health !== before.health) onChange()
    plan()
  }

  const begin = (): void => {
    const now = clock.monotonic()
    const due = [...places].filter(([, { dueAt, isOut }]) => !isOut && dueAt <= now)
    // Who has waited longest, first: with more places than can be asked in time, each has its turn.
    due.sort(([, a], [, b]) => a.dueAt - b.dueAt)
    for (const [key, place] of due.slice(0, probesAtOnceMax - out)) void take(key, place)
    plan()
  }

  /** With all hands full, the next that is free goes on. */
  const plan = (): void => {
    timer?.cancel()
    timer = undefined
    if (closed || out >= probesAtOnceMax) return
    const waiting = [...places.values()].filter(({ isOut }) => !isOut)
    if (waiting.length === 0) return
    const dueAt = Math.min(...waiting.map((place) => place.dueAt))
    timer = clock.after(Math.max(1, dueAt - clock.monotonic()), begin)
  }

  return {
    follow(wanted) {
      const now = clock.monotonic()
      const next = new Map(wanted.slice(0, probedPlacesMax).map((asked) => [placeKey(asked), asked]))
      const gone = [...places.keys()].filter((key) => !next.has(key))
      for (const key of gone) places.delete(key)
      if (gone.length > 0) revision += 1
      let isNew = false
      for (const [key, asked] of next) {
        const held = places.get(key)
        if (held === undefined) {
          places.set(key, { asked, verdict: unasked, dueAt: now, isOut: false })
          isNew = true
        } else {
          held.dueAt = Math.min(held.dueAt, now + asked.intervalMs)
          held.asked = asked
        }
      }
      if (isNew || gone.length > 0) plan()
    },
    verdict: (question) => places.get(placeKey(question))?.verdict ?? unasked,
    revision: () => revision,
    size: () => places.size,
    close() {
      closed = true
      timer?.cancel()
      places.clear()
    },
  }
}
