// People at the dashboard: its files, their sessions, and what lets them in.

import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import type { ApiTokens } from '../access/api-tokens.ts'
import { grantBy } from '../access/grants.ts'
import { openSessionStore } from '../access/session-store.ts'
import { createSessions } from '../access/sessions.ts'
import type { ApiDeps } from '../api/route.ts'
import { openDashboard } from './dashboard-files.ts'
import type { DataPaths } from './data-directory.ts'
import { openOidc } from './open-oidc.ts'
import type { ServeSettings } from './settings.ts'

interface PeopleEffects {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface People {
  /** What the API asks of them. */
  readonly api: Pick<ApiDeps, 'dashboard' | 'oidc' | 'sessions' | 'signIns'>
  close(): void
}

/** `url`: how the hub is reached from outside. */
export function openPeople(
  paths: DataPaths,
  tokens: ApiTokens,
  settings: Pick<ServeSettings, 'oidc'>,
  url: () => string,
  { clock, entropy, log }: PeopleEffects,
): People {
  const oidc = settings.oidc === undefined ? undefined : openOidc(settings.oidc, url, { clock, entropy, log })
  const store = openSessionStore(paths.sessionsDb)
  const sessions = createSessions({ store, clock, entropy, grantOf: grantBy(tokens, oidc?.grant) })
  const signIns = { token: 0, oidc: 0, refused: 0 }
  return { api: { dashboard: openDashboard(log), oidc, sessions, signIns }, close: () => store.close() }
}
