// A hub as the page hears it: what is said on its stream, and what was asked of it. It may be cut, hold back, or be silent.

import { utf8 } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Http } from './browser/http.ts'

/** `up`: it answers. `refusing`: nobody listens. `silent`: requests hang. `held`: it answers, and streams hang behind a proxy. */
export type Mood = 'up' | 'refusing' | 'silent' | 'held'

/** As the page's own requests give up, milliseconds. */
const ANSWER_MS_MAX = 30_000

interface Open {
  readonly push: (text: string) => void
  readonly end: () => void
}

export interface FakeStreamHub {
  readonly http: Http
  mood: Mood
  /** Paths that were asked for, streams among them. */
  readonly asked: string[]
  /** The same numbering goes on, unless it starts anew. */
  happen(name: string): void
  restart(): void
  /** What comes over all open streams, as it is. */
  say(text: string): void
  cut(): void
  open(): number
}

export function createFakeStreamHub(clock: Clock): FakeStreamHub {
  const opened = new Set<Open>()
  const asked: string[] = []
  let session = 'first'
  let past: { readonly id: string; readonly type: 'node'; readonly name: string; readonly state: 'online' }[] = []

  const frameOf = ({ id, ...event }: (typeof past)[number]): string =>
    `id: ${id}\nevent: node\ndata: ${JSON.stringify(event)}\n\n`

  async function* bytesOf(first: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let waiting = first === '' ? [] : [first]
    let over = false
    let wake = Promise.withResolvers<void>()
    const one: Open = {
      push: (text) => {
        waiting.push(text)
        wake.resolve()
      },
      end: () => {
        over = true
        wake.resolve()
      },
    }
    opened.add(one)
    const abort = (): void => wake.reject(new DOMException('aborted', 'AbortError'))
    signal.addEventListener('abort', abort)
    try {
      for (;;) {
        signal.throwIfAborted()
        const said = waiting
        waiting = []
        for (const text of said) yield utf8(text)
        if (over) return
        if (waiting.length > 0) continue
        await wake.promise
        wake = Promise.withResolvers()
      }
    } finally {
      signal.removeEventListener('abort', abort)
      opened.delete(one)
    }
  }

  const unreachable = () => new HoldfastError('unreachable', 'the hub does not answer')
  const hang = (signal?: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      const fail = (): void => reject(unreachable())
      if (signal === undefined) clock.after(ANSWER_MS_MAX, fail)
      else signal.addEventListener('abort', fail)
    })

  const hub: FakeStreamHub = {
    mood: 'up',
    asked,
    http: {
      async get<T>(path: string): Promise<T> {
        asked.push(path.split('?')[0] ?? path)
        if (hub.mood === 'silent') await hang()
        if (hub.mood === 'refusing') throw unreachable()
        if (path === '/api/v1/events/past') return { items: past.map((one) => ({ ...one, at: 1 })).toReversed() } as T
        if (path === '/api/v1/status') return { networks: [] } as T
        return { at: 5_000_000, items: [], meanings: {} } as T
      },
      getIfNew: () => hang(),
      send: () => hang(),
      async stream(path, signal) {
        asked.push('stream')
        if (hub.mood === 'silent') await hang(signal)
        if (hub.mood === 'refusing') throw unreachable()
        if (hub.mood === 'held') return bytesOf('', signal)
        const last = new URLSearchParams(path.split('?')[1]).get('lastEventId')
        const now = `${session}-${past.length}`
        const opening = `: watching\nid: ${last ?? now}\n\n`
        if (last === null) return bytesOf(opening, signal)
        const [of, number] = last.split('-')
        const missed =
          of === session
            ? past.slice(Number(number)).map(frameOf).join('')
            : `id: ${now}\nevent: reset\ndata: {"type":"reset"}\n\n`
        return bytesOf(opening + missed, signal)
      },
    },
    happen(name) {
      const event = { id: `${session}-${past.length + 1}`, type: 'node', name, state: 'online' } as const
      past.push(event)
      if (hub.mood === 'up') hub.say(frameOf(event))
    },
    restart() {
      session = 'second'
      past = []
      hub.cut()
    },
    say: (text) => {
      for (const one of opened) one.push(text)
    },
    cut: () => {
      for (const one of opened) one.end()
    },
    open: () => opened.size,
  }
  return hub
}
