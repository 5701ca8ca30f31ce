// Keeps the store up with the hub: one stream of events, and a look again at what they name. Opens the stream first and lists
// then, so that nothing falls between. A stream counts once bytes of it are here: a proxy may take one and hold it back.

import type { Clock, Timer } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { PastEvent } from '../api/event-log.ts'
import type { Http } from './browser/http.ts'
import { createLook, lookMs } from './look.ts'
import { isTold, type Link, openMsMax, retryMs, silenceMsMax, steadyMsMin } from './model/link.ts'
import { createSseReader, type SseEvent } from './model/sse.ts'
import { momentOf, momentsOf, withMoment } from './model/timeline.ts'
import { link, moments, now, relisted, roster, written } from './store.ts'

const TICK_MS = 2_000
/** A page whose timers stood still for so long was asleep, and so was its stream. */
const ASLEEP_MS = 15_000
/** A page that nobody sees gives up its stream: a browser has six connections to a hub, for all its tabs together. */
const HIDDEN_MS = 10_000
/** Who sees nothing yet is shown what there is, before the stream is given up. */
const FIRST_LOOK_MS = 3_000

export interface Live {
  start(): void
  stop(): void
  /** Looks at these nodes again soon. */
  touch(name: string): void
  /** The network of this browser went or came: asks again at once. */
  retry(): void
  /** The page is shown again, or no longer. */
  turned(): void
}

interface Parts {
  readonly http: Http
  readonly clock: Clock
  readonly fraction: () => number
  readonly isHidden: () => boolean
}

/** How a stream ended. */
interface Ended {
  readonly why: string
  /** It said nothing for too long. */
  readonly isSilent: boolean
  /** The hub took it, or has not refused it. */
  readonly isTaken: boolean
  readonly isSteady: boolean
}

export function createLive({ clock, fraction, http, isHidden }: Parts): Live {
  let lastId = ''
  /** The newest event of those that were listed. */
  let listedId = ''
  /** By the hub's clock: what is shown is of then. */
  let heardAt = 0
  let tries = 0
  let on = false
  let life = 0
  let tickedAt = 0
  let triedAt = 0
  let ticking: Timer | undefined
  let hiding: Timer | undefined
  let isAside = false
  let stream: AbortController | undefined
  let wake: (() => void) | undefined
  const look = createLook(http, clock, () => on)

  const tell = (state: Link['state'], why?: string): void => {
    const before = link.value
    if (before.state === state && before.why === why) return
    link.value = { state, since: heardAt, ...(why === undefined ? {} : { why }) }
  }

  /** Everything, as it is now. Events first: what they tell of is in the list that is asked for after them. */
  const catchUp = async (): Promise<void> => {
    const { items } = await http.get<{ items: readonly PastEvent[] }>('/api/v1/events/past')
    const isAgain = roster.value !== undefined
    await look.whole()
    if (!on) return
    moments.value = momentsOf(items)
    listedId = items[0]?.id ?? ''
    heardAt = look.hubNow()
    if (isAgain) relisted.value += 1
  }

  const heard = async ({ data, id }: SseEvent): Promise<void> => {
    const event = JSON.parse(data) as PastEvent | { readonly type: 'reset' }
    if (event.type === 'reset') return catchUp()
    if (isTold(id, listedId)) return
    moments.value = withMoment(moments.value, momentOf({ ...event, id, at: now.value }))
    if (event.type === 'put' || event.type === 'delete') {
      written.value = { ...written.value, [event.kind]: (written.value[event.kind] ?? 0) + 1 }
      if (event.kind === 'Node') look.node(event.name)
      else look.hub()
    } else if (event.type === 'published' || event.type === 'update') look.hub()
    else if ('name' in event) look.node(event.name)
  }

  /** Ends when the stream does, and says how. Throws `unauthenticated`. */
  const read = async (controller: AbortController): Promise<Ended> => {
    let silence: Timer | undefined
    let isSilent = false
    let isTaken = false
    let liveAt: number | undefined
    const expectWithin = (ms: number): void => {
      silence?.cancel()
      silence = clock.after(ms, () => {
        isSilent = true
        // Also where something else is waited for just now.
        tell('down', 'nothing came for too long')
        controller.abort()
      })
    }
    const early = clock.after(FIRST_LOOK_MS, () => {
      if (roster.value === undefined) void catchUp().catch(() => undefined)
    })
    const end = (why: string): Ended => {
      const isSteady = liveAt !== undefined && clock.monotonic() - liveAt >= steadyMsMin
      return { why: isSilent ? 'nothing came for too long' : why, isSilent, isTaken, isSteady }
    }
    expectWithin(openMsMax)
    try {
      const query = lastId === '' ? '' : `?lastEventId=${encodeURIComponent(lastId)}`
      const bytes = await http.stream(`/api/v1/events${query}`, controller.signal)
      isTaken = true
      const [decoder, reader] = [new TextDecoder(), createSseReader()]
      for await (const piece of bytes) {
        // What is asked for meanwhile has a limit of its own.
        silence?.cancel()
        if (liveAt === undefined) {
          early.cancel()
          const isOld = look.hubNow() - heardAt > lookMs
          if (link.value.state !== 'live' || isOld || roster.value === undefined) await catchUp()
          liveAt = clock.monotonic()
          tell('live')
        }
        for (const event of reader.push(decoder.decode(piece, { stream: true }))) await heard(event)
        lastId = reader.lastId() || lastId
        heardAt = look.hubNow()
        expectWithin(silenceMsMax)
      }
      return end('the stream of events ended')
    } catch (error) {
      if (isHoldfastError(error, 'unauthenticated')) throw error
      isTaken ||= isSilent
      return end(isHoldfastError(error) ? error.message : 'the stream of events broke off')
    } finally {
      silence?.cancel()
      early.cancel()
    }
  }

  /** Tells of it, and where only the stream is missing looks without one. */
  const lost = async ({ isSilent, isSteady, isTaken, why }: Ended): Promise<void> => {
    if (isSteady) tries = 0
    // A hub that ends a stream is asked once more before anybody is told.
    if (!isSilent && tries === 0) return
    if (link.value.state !== 'polled') tell('down', why)
    if (!isTaken) return tell('down', why)
    // A line that is silent takes requests as well, and keeps them for long.
    const late = Promise.withResolvers<boolean>()
    const timer = clock.after(openMsMax, () => late.resolve(false))
    const answered = catchUp().then(
      () => true,
      () => false,
    )
    tell((await Promise.race([answered, late.promise])) ? 'polled' : 'down', why)
    timer.cancel()
  }

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = ms === Number.POSITIVE_INFINITY ? undefined : clock.after(ms, () => wake?.())
      wake = () => {
        timer?.cancel()
        wake = undefined
        resolve()
      }
    })

  /** Until it is stopped; who signs in again begins another life, and one of before must not go on beside it. */
  const follow = async (mine: number): Promise<void> => {
    const goesOn = (): boolean => on && life === mine
    for (;;) {
      if (isAside) await pause(Number.POSITIVE_INFINITY)
      if (!goesOn()) return
      const controller = new AbortController()
      stream = controller
      triedAt = clock.now()
      let ended: Ended
      try {
        ended = await read(controller)
      } catch {
        return
      }
      const isAsked = controller.signal.aborted && !ended.isSilent
      if (!goesOn() || isAsked) continue
      await lost(ended)
      if (goesOn() && !isAside) await pause(retryMs(tries++, fraction()))
    }
  }

  /** Once more, now: whatever is under way is of before. */
  const anew = (): void => {
    // What flaps makes no storm.
    if (!on || isAside || (clock.now() >= triedAt && clock.now() - triedAt < TICK_MS)) return
    tries = 0
    stream?.abort()
    wake?.()
  }

  const tick = (): void => {
    const slept = clock.now() - tickedAt
    tickedAt = clock.now()
    if (!isHidden() && slept > ASLEEP_MS) {
      if (link.value.state === 'live') tell('connecting')
      anew()
    }
    look.tick(isHidden())
    ticking = clock.after(TICK_MS, tick)
  }

  const turned = (): void => {
    hiding?.cancel()
    if (!on) return
    if (isHidden()) {
      hiding = clock.after(HIDDEN_MS, () => {
        isAside = true
        stream?.abort()
      })
    } else if (isAside) {
      isAside = false
      if (link.value.state === 'live') tell('connecting')
      wake?.()
    }
  }

  return {
    start() {
      if (on) return
      on = true
      tries = 0
      tickedAt = clock.now()
      if (link.value.state === 'live') tell('connecting')
      tick()
      turned()
      void follow(++life)
    },
    stop() {
      on = false
      ticking?.cancel()
      hiding?.cancel()
      isAside = false
      stream?.abort()
      wake?.()
    },
    touch: (name) => look.node(name),
    retry: anew,
    turned,
  }
}
