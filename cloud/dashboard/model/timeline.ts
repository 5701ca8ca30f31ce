// Events of the hub in sentences, the newest first. The same sentence within the hour is one line, whoever it is of, with who
// and how often, first and last.

import type { PastEvent } from '../../api/event-log.ts'
import { nodeHref } from './route.ts'
import { versionText } from './words.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'plain'

export interface Subject {
  /** Of a node, or of what was changed. */
  readonly name: string
  /** Where more of it is told: a place in the dashboard. */
  readonly link?: string
  /** When it was last said of it, milliseconds since the Unix epoch. */
  readonly at: number
}

export interface Moment {
  readonly id: string
  /** Of the first and the last time, milliseconds since the Unix epoch. */
  readonly firstAt: number
  readonly at: number
  readonly tone: Tone
  /** Whom it is said of, the last one first. */
  readonly subjects: readonly Subject[]
  readonly more: boolean
  /** What is said of one of them, and of several. */
  readonly text: string
  readonly texts: string
  readonly times: number
}

/** A browser that is left open for a week. */
const momentsMax = 200
/** Subjects of one line that are told apart: a fleet that takes a new revision is one line. */
const subjectsMax = 1_000
/** From the first to the last of one line, milliseconds. */
const TOGETHER_MS = 3_600_000

const STATES: Readonly<Record<string, readonly [Tone, string, string]>> = {
  online: ['good', 'is online', 'are online'],
  offline: ['warn', 'lost the hub; works on by itself', 'lost the hub; work on by themselves'],
  'never-seen': ['plain', 'has joined and not been heard yet', 'have joined and not been heard yet'],
  pending: ['warn', 'asks to be let in', 'ask to be let in'],
  unsigned: ['warn', 'waits for signatures of the lock', 'wait for signatures of the lock'],
  disabled: ['plain', 'was disabled', 'were disabled'],
}

interface Said extends Pick<Moment, 'tone' | 'text'> {
  readonly subject: string
  readonly link?: string
  /** Where it is another for several. */
  readonly texts?: string
}

function said(event: PastEvent): Said {
  switch (event.type) {
    case 'node': {
      const [tone, text, texts] = STATES[event.state] ?? ['plain', `is ${event.state}`, `are ${event.state}`]
      return { tone, subject: event.name, text, texts, link: nodeHref(event.name) }
    }
    case 'put':
    case 'delete': {
      const { kind, name, type } = event
      const [text, texts] =
        type === 'put'
          ? [`was written (${kind})`, `were written (${kind})`]
          : [`was deleted (${kind})`, `were deleted (${kind})`]
      const gone = type === 'delete' || kind !== 'Node'
      const link = kind === 'Policy' ? '#/policy' : gone ? undefined : nodeHref(name)
      return { tone: 'plain', subject: name, text, texts, ...(link === undefined ? {} : { link }) }
    }
    case 'published':
      return { tone: 'plain', subject: event.network, text: `revision ${versionText(event.version)} was published` }
    case 'acknowledged': {
      const which = `revision ${versionText(event.version)}`
      const words = { text: `runs ${which}`, texts: `run ${which}` }
      return { tone: 'good', subject: event.name, ...words, link: nodeHref(event.name) }
    }
    case 'override': {
      const words = { text: 'has other policy overrides', texts: 'have other policy overrides' }
      return { tone: 'warn', subject: event.name, ...words, link: nodeHref(event.name) }
    }
    case 'taken-back': {
      const which = `revision ${versionText(event.version)}: ${event.check}`
      const words = event.certain
        ? { text: `took back ${which}`, texts: `took back ${which}` }
        : { text: `doubts ${which}`, texts: `doubt ${which}` }
      return { tone: 'bad', subject: event.name, ...words, link: nodeHref(event.name) }
    }
    case 'update': {
      const tone = event.phase === 'halted' ? 'bad' : event.phase === 'complete' ? 'good' : 'plain'
      return { tone, subject: event.name, text: `agent update: ${event.phase}, wave ${event.wave}, ${event.done} done` }
    }
    case 'command': {
      const tone =
        event.state === 'answered' ? 'good' : event.state === 'queued' || event.state === 'sent' ? 'plain' : 'warn'
      return { tone, subject: event.name, text: `${event.kind}: ${event.state}`, link: nodeHref(event.name) }
    }
    default:
      // Of a hub that is newer than this page.
      return { tone: 'plain', subject: 'hub', text: String((event as { type: unknown }).type) }
  }
}

export function momentOf(event: PastEvent): Moment {
  const { at, id } = event
  const { link, subject: name, texts, ...words } = said(event)
  const subjects = [{ name, at, ...(link === undefined ? {} : { link }) }]
  return { id, firstAt: at, at, subjects, more: false, times: 1, ...words, texts: texts ?? words.text }
}

const stateTexts: ReadonlySet<string> = new Set(Object.values(STATES).map(([, text]) => text))

/** The state that was told last of that node. */
function stateOf(moments: readonly Moment[], name: string): string | undefined {
  let last: { readonly at: number; readonly text: string } | undefined
  for (const { subjects, text } of moments) {
    const at = stateTexts.has(text) ? subjects.find((one) => one.name === name)?.at : undefined
    if (at !== undefined && (last === undefined || at > last.at)) last = { at, text }
  }
  return last?.text
}

/** A node is told of, too, when it says something new of itself; then its state is no news. */
function toldAnew(moments: readonly Moment[], next: Moment): Moment {
  const name = next.subjects[0]?.name
  if (name === undefined || !stateTexts.has(next.text) || stateOf(moments, name) !== next.text) return next
  const texts = 'have news of their health or uplink'
  return { ...next, tone: 'plain', text: 'has news of its health or uplink', texts }
}

function together(before: Moment, next: Moment): Moment {
  const names = new Set(next.subjects.map(({ name }) => name))
  const subjects = [...next.subjects, ...before.subjects.filter(({ name }) => !names.has(name))]
  const more = before.more || subjects.length > subjectsMax
  const { firstAt, times } = before
  return { ...next, firstAt, subjects: subjects.slice(0, subjectsMax), more, times: times + next.times }
}

/** Puts what happened in front of what is there. */
export function withMoment(moments: readonly Moment[], happened: Moment): readonly Moment[] {
  const next = toldAnew(moments, happened)
  const like = moments.find(({ firstAt, text }) => text === next.text && next.at - firstAt < TOGETHER_MS)
  if (like === undefined) return [next, ...moments].slice(0, momentsMax)
  return [together(like, next), ...moments.filter((one) => one !== like)]
}

/** `events`: the newest first, as the hub tells what is past. */
export function momentsOf(events: readonly PastEvent[]): readonly Moment[] {
  return events.toReversed().map(momentOf).reduce<readonly Moment[]>(withMoment, [])
}
