// How people tell nodes apart at a glance: who is there, who goes on alone, who is out of reach, and who never came.

import type { RosterLine } from '../../fleet/roster.ts'

/**
 * `autonomous`: without the hub, and another node has had a handshake with it of late and has a path to it still. `unreachable`:
 * nobody has. `waiting`: a person or a key has to let it in first. `off`: its Node says so.
 */
export const presences = ['online', 'autonomous', 'unreachable', 'never-seen', 'waiting', 'off'] as const
export type Presence = (typeof presences)[number]

export const presenceTitles: Readonly<Record<Presence, string>> = {
  online: 'Online',
  autonomous: 'Autonomous',
  unreachable: 'Unreachable',
  'never-seen': 'Never seen',
  waiting: 'Waiting',
  off: 'Disabled',
}

export const presenceMeanings: Readonly<Record<Presence, string>> = {
  online: 'Connected to the hub',
  autonomous: 'Away from the hub; other nodes reach it, and it works on',
  unreachable: 'Neither the hub nor any node has reached it of late',
  'never-seen': 'No device has spoken under this name yet',
  waiting: 'Has to be approved or signed first',
  off: 'Disabled by its Node',
}

/** WireGuard makes a handshake every two minutes where there is traffic, and agents report every few: two of both. */
const HEARD_MS = 10 * 60_000

export function presenceOf({ heardOf, state }: Pick<RosterLine, 'heardOf' | 'state'>, now: number): Presence {
  switch (state) {
    case 'online':
      return 'online'
    case 'offline':
      return heardOf !== undefined && heardOf.path !== 'none' && now - heardOf.at < HEARD_MS
        ? 'autonomous'
        : 'unreachable'
    case 'never-seen':
    case 'not-enrolled':
      return 'never-seen'
    case 'pending':
    case 'unsigned':
      return 'waiting'
    case 'disabled':
      return 'off'
  }
}

/** How long it has been so, in a sentence; `span` says how long. */
export function stayText({ state }: Pick<RosterLine, 'state'>, span: string): string {
  switch (state) {
    case 'online':
      return `Online for ${span}.`
    case 'offline':
      return `Away from the hub for ${span}.`
    case 'pending':
      return `Waiting for approval for ${span}.`
    case 'unsigned':
      return `Waiting for signatures of the lock for ${span}.`
    case 'never-seen':
      return `Joined ${span} ago, and not heard yet.`
    case 'disabled':
      return 'Disabled by its Node.'
    case 'not-enrolled':
      return 'No device has joined under this name.'
  }
}

/** How many there should be: those who wait to be let in are no nodes yet, and those who are disabled none any more. */
export function expectedNodes(counts: Readonly<Record<Presence, number>>): number {
  return counts.online + counts.autonomous + counts.unreachable + counts['never-seen']
}

export function countPresences(items: readonly RosterLine[], now: number): Readonly<Record<Presence, number>> {
  const counts = Object.fromEntries(presences.map((one) => [one, 0])) as Record<Presence, number>
  for (const item of items) counts[presenceOf(item, now)] += 1
  return counts
}
