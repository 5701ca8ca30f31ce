// Keeps the store up with the hub: one stream of events, and a look again at what they name. Opens the stream first and lists
// then, so that nothing falls between.

import { rosterNamesMax } from '../../shared/dashboard-limits.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { HubStatus } from '../api/answers.ts'
import type { PastEvent } from '../api/event-log.ts'
import type { Roster } from '../fleet/roster.ts'
import type { Http } from './browser/http.ts'
import { retryMs, silenceMsMax } from './model/link.ts'
import { mergeRoster } from './model/merge.ts'
import { createSseReader, type SseEvent } from './model/sse.ts'
import { momentOf, momentsOf, withMoment } from './model/timeline.ts'
import { link, moments, now, roster, status, written } from './store.ts'

/** Events of a fleet come in bursts: what they name is looked at together. */
const TOGETHER_MS = 300
/** Figures such as round trips change without events. */
const LOOK_MS = 20_000
const TICK_MS = 2_000

export interface Live {
  start(): void
  stop(): void
  /** Looks at these nodes again soon. */
  touch(name: string): void
}

type TimedRoster = Roster & { readonly at: number }

interface Parts {
  readonly http: Http
  readonly clock: Clock
  readonly fraction: () => number
  readonly isHidden: () => boolean
}

/** What is asked again of the hub, and not twice at once. */
function createLook({ clock, http }: Parts, isOn: () => boolean) {
  const names = new Set<string>()
  let all = false
  let ofHub = false
  let waiting: Timer | undefined
  let skewMs = 0
  let lookedAt = 0

  const take = ({ at, ...fresh }: TimedRoster, part?: ReadonlySet<string>): void => {
    skewMs = at - clock.now()
    now.value = at
    roster.value = part === undefined ? fresh : mergeRoster(roster.value, fresh, part)
  }

  const flush = async (): Promise<void> => {
    waiting = undefined
    const part = new Set(names)
    const whole = all || part.size > rosterNamesMax || roster.value === undefined
    const hub = ofHub || whole
    names.clear()
    all = false
    ofHub = false
    try {
      const query = whole ? '' : `?names=${[...part].map(encodeURIComponent).join(',')}`
      const [lines, said] = await Promise.all([
        whole || part.size > 0 ? http.get<TimedRoster>(`/api/v1/roster${query}`) : undefined,
        hub ? http.get<HubStatus>('/api/v1/status') : undefined,
      ])
      if (!isOn()) return
      if (lines !== undefined) take(lines, whole ? undefined : part)
      if (said !== undefined) status.value = said
      if (whole) lookedAt = clock.monotonic()
    } catch {
      // The stream tells of a hub that is gone; once it is back everything is listed again.
    }
  }

  const soon = (): void => {
    waiting ??= clock.after(TOGETHER_MS, () => void flush())
  }

  return {
    whole: () => {
      all = true
      waiting?.cancel()
      return flush()
    },
    node(name: string) {
      names.add(name)
      ofHub = true
      soon()
    },
    hub() {
      ofHub = true
      soon()
    },
    tick(isHidden: boolean) {
      now.value = clock.now() + skewMs
      if (isHidden || link.value.state !== 'live') return
      // Somebody has rolled out to some first, and waits for what comes of it.
      if (status.value?.networks.some(({ canaries }) => canaries.length > 0) === true) {
        ofHub = true
        soon()
      }
      if (clock.monotonic() - lookedAt < LOOK_MS) return
      lookedAt = clock.monotonic()
      all = true
      soon()
    },
  }
}

export function createLive(parts: Parts): Live {
  const { clock, fraction, http, isHidden } = parts
  let lastId = ''
  let tries = 0
  let on = false
  let life = 0
  let ticking: Timer | undefined
  let stream: AbortController | undefined
  const look = createLook(parts, () => on)

  const heard = ({ data, id }: SseEvent): void => {
    const event = JSON.parse(data) as PastEvent | { readonly type: 'reset' }
    if (event.type === 'reset') return void catchUp()
    moments.value = withMoment(moments.value, momentOf({ ...event, id, at: now.value }))
    if (event.type === 'put' || event.type === 'delete') {
      written.value = { ...written.value, [event.kind]: (written.value[event.kind] ?? 0) + 1 }
      if (event.kind === 'Node') look.node(event.name)
      else look.hub()
    } else if (event.type === 'published' || event.type === 'update') look.hub()
    else if ('name' in event) look.node(event.name)
  }

  /** Everything, as it is now. */
  const catchUp = async (): Promise<void> => {
    const [, past] = await Promise.all([
      look.whole(),
      http.get<{ items: readonly PastEvent[] }>('/api/v1/events/past').catch(() => ({ items: [] })),
    ])
    if (on) moments.value = momentsOf(past.items)
  }

  const read = async (controller: AbortController): Promise<void> => {
    const query = lastId === '' ? '' : `?lastEventId=${encodeURIComponent(lastId)}`
    const bytes = await http.stream(`/api/v1/events${query}`, controller.signal)
    const back = link.value.state === 'down' || roster.value === undefined
    link.value = { state: 'live', since: clock.now() }
    tries = 0
    if (back) await catchUp()
    const [decoder, reader] = [new TextDecoder(), createSseReader()]
    let silence: Timer | undefined
    const watch = (): void => {
      silence?.cancel()
      silence = clock.after(silenceMsMax, () => controller.abort())
    }
    watch()
    try {
      for await (const piece of bytes) {
        watch()
        for (const event of reader.push(decoder.decode(piece, { stream: true }))) heard(event)
        lastId = reader.lastId() || lastId
      }
    } finally {
      silence?.cancel()
    }
  }

  /** Until it is stopped; who signs in again begins another life, and one of before must not go on beside it. */
  const follow = async (mine: number): Promise<void> => {
    for (;;) {
      stream = new AbortController()
      let why = 'the stream of events ended'
      try {
        await read(stream)
      } catch (error) {
        if (isHoldfastError(error, 'unauthenticated')) return
        if (isHoldfastError(error)) why = error.message
      }
      if (!on || life !== mine) return
      // A hub that ends a stream is asked once more before anybody is told.
      if (tries > 0 && link.value.state !== 'down') link.value = { state: 'down', since: clock.now(), why }
      const pause = retryMs(tries++, fraction())
      await new Promise<void>((resolve) => void clock.after(tries === 1 ? 50 : pause, resolve))
      if (!on || life !== mine) return
    }
  }

  const tick = (): void => {
    look.tick(isHidden())
    ticking = clock.after(TICK_MS, tick)
  }

  return {
    start() {
      if (on) return
      on = true
      tries = 0
      link.value = { state: link.value.state === 'live' ? 'connecting' : link.value.state, since: clock.now() }
      tick()
      void follow(++life)
    },
    stop() {
      on = false
      ticking?.cancel()
      stream?.abort()
    },
    touch: (name) => look.node(name),
  }
}
