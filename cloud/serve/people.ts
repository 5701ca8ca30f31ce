// People at the dashboard: its files, their sessions, and what lets them in.

import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import type { ApiTokens } from '../access/api-tokens.ts'
import { grantBy } from '../access/grants.ts'
import { openSessionStore } from '../access/session-store.ts'
import { createSessions } from '../access/sessions.ts'
import type { ApiDeps } from '../api/route.ts'
import { openDashboard } from './dashboard-files.ts'
import type { DataPaths } from './data-directory.ts'

interface PeopleEffects {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface People {
  /** What the API asks of them. */
  readonly api: Pick<ApiDeps, 'dashboard' | 'sessions' | 'signIns'>
  close(): void
}

export function openPeople(paths: DataPaths, tokens: ApiTokens, { clock, entropy, log }: PeopleEffects): People {
  const store = openSessionStore(paths.sessionsDb)
  const sessions = createSessions({ store, clock, entropy, grantOf: grantBy(tokens) })
  const signIns = { token: 0, oidc: 0, refused: 0 }
  return { api: { dashboard: openDashboard(log), sessions, signIns }, close: () => store.close() }
}
