// Events of the hub in sentences, the newest first. A device that says the same again, and again, is one line.

import type { PastEvent } from '../../api/event-log.ts'
import { versionText } from './words.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'plain'

export interface Moment {
  readonly id: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly tone: Tone
  /** A node's name, or the name of what was changed. */
  readonly subject: string
  readonly text: string
  /** Where more of it is told: a place in the dashboard. */
  readonly link?: string
  /** How often in a row. */
  readonly times: number
}

/** A browser that is left open for a week. */
const momentsMax = 200

const STATES: Readonly<Record<string, readonly [Tone, string]>> = {
  online: ['good', 'is online'],
  offline: ['warn', 'lost the hub; works on by itself'],
  'never-seen': ['plain', 'has joined and not been heard yet'],
  pending: ['warn', 'asks to be let in'],
  unsigned: ['warn', 'waits for signatures of the lock'],
  disabled: ['plain', 'was disabled'],
}

type Said = Pick<Moment, 'tone' | 'subject' | 'text' | 'link'>

const nodeLink = (name: string): string => `#/nodes/${encodeURIComponent(name)}`

function said(event: PastEvent): Said {
  switch (event.type) {
    case 'node': {
      const [tone, text] = STATES[event.state] ?? ['plain', `is ${event.state}`]
      return { tone, subject: event.name, text, link: nodeLink(event.name) }
    }
    case 'put':
    case 'delete': {
      const { kind, name, type } = event
      const text = type === 'put' ? `${kind} was written` : `${kind} was deleted`
      const gone = type === 'delete' || kind !== 'Node'
      const link = kind === 'Policy' ? '#/policy' : gone ? undefined : nodeLink(name)
      return { tone: 'plain', subject: name, text, ...(link === undefined ? {} : { link }) }
    }
    case 'published':
      return { tone: 'plain', subject: event.network, text: `revision ${versionText(event.version)} was published` }
    case 'acknowledged': {
      const text = `runs revision ${versionText(event.version)}`
      return { tone: 'good', subject: event.name, text, link: nodeLink(event.name) }
    }
    case 'override': {
      return { tone: 'warn', subject: event.name, text: 'has other policy overrides', link: nodeLink(event.name) }
    }
    case 'taken-back': {
      const sure = event.certain ? 'took back' : 'doubts'
      const text = `${sure} revision ${versionText(event.version)}: ${event.check}`
      return { tone: 'bad', subject: event.name, text, link: nodeLink(event.name) }
    }
    case 'update': {
      const tone = event.phase === 'halted' ? 'bad' : event.phase === 'complete' ? 'good' : 'plain'
      return { tone, subject: event.name, text: `agent update: ${event.phase}, wave ${event.wave}, ${event.done} done` }
    }
    case 'command': {
      const tone =
        event.state === 'answered' ? 'good' : event.state === 'queued' || event.state === 'sent' ? 'plain' : 'warn'
      return { tone, subject: event.name, text: `${event.kind}: ${event.state}`, link: nodeLink(event.name) }
    }
    default:
      // Of a hub that is newer than this page.
      return { tone: 'plain', subject: 'hub', text: String((event as { type: unknown }).type) }
  }
}

export function momentOf(event: PastEvent): Moment {
  return { id: event.id, at: event.at, times: 1, ...said(event) }
}

const stateTexts: ReadonlySet<string> = new Set(Object.values(STATES).map(([, text]) => text))

/** A node is told of, too, when it says something new of itself; then its state is no news. */
function toldAnew(moments: readonly Moment[], next: Moment): Moment {
  if (!stateTexts.has(next.text)) return next
  const before = moments.find(({ subject, text }) => subject === next.subject && stateTexts.has(text))
  return before?.text === next.text ? { ...next, tone: 'plain', text: 'has news of its health or uplink' } : next
}

/** Puts what happened in front of what is there. */
export function withMoment(moments: readonly Moment[], happened: Moment): readonly Moment[] {
  const next = toldAnew(moments, happened)
  const [first, ...rest] = moments
  if (first !== undefined && first.subject === next.subject && first.text === next.text) {
    return [{ ...next, times: first.times + 1 }, ...rest]
  }
  return [next, ...moments].slice(0, momentsMax)
}

/** `events`: the newest first, as the hub tells what is past. */
export function momentsOf(events: readonly PastEvent[]): readonly Moment[] {
  return events.toReversed().map(momentOf).reduce<readonly Moment[]>(withMoment, [])
}
