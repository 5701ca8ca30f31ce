// What the dashboard knows now, as signals: whoever shows one is drawn anew when it changes, and nobody else.

import { computed, signal } from '@preact/signals'
import type { HubStatus } from '../api/answers.ts'
import type { Roster } from '../fleet/roster.ts'
import type { Link } from './model/link.ts'
import { parseRoute, type Route } from './model/route.ts'
import type { LoginWays, Session } from './model/session.ts'
import type { Moment } from './model/timeline.ts'

/** `expired`: the page stays as it is, with what was typed, behind a request to sign in again. */
export type Door = 'starting' | 'out' | 'in' | 'expired'

export interface Notice {
  readonly id: number
  readonly tone: 'good' | 'bad'
  readonly text: string
  readonly remedy?: string | undefined
}

export const door = signal<Door>('starting')
export const session = signal<Session | undefined>(undefined)
export const loginWays = signal<LoginWays>({})
export const route = signal<Route>(parseRoute(''))

export const roster = signal<Roster | undefined>(undefined)
export const status = signal<HubStatus | undefined>(undefined)
export const moments = signal<readonly Moment[]>([])
export const link = signal<Link>({ state: 'connecting', since: 0 })
/** The hub's clock, milliseconds since the Unix epoch; goes on by itself every few seconds. */
export const now = signal(0)
/** Counts changes of intent, by kind: pages that show it look again. */
export const written = signal<Readonly<Record<string, number>>>({})
/** Counts how often everything was listed anew because events were missed: pages look again, too. */
export const relisted = signal(0)
export const notices = signal<readonly Notice[]>([])

/** What is shown is from before the link was lost. */
export const isStale = computed(() => link.value.state === 'down')
