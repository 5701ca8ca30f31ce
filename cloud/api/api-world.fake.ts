// The real app on a hub in memory, with one token of each role.

import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { openAccessStore, type Role, roles } from '../access/access-store.ts'
import { createApiTokens } from '../access/api-tokens.ts'
import { grantBy } from '../access/grants.ts'
import { openSessionStore } from '../access/session-store.ts'
import { createSessions } from '../access/sessions.ts'
import { noClusters } from '../clusters/clusters.fake.ts'
import { createFakeHub } from '../hub.fake.ts'
import { createApp } from './app.ts'
import { createDownloads } from './downloads.ts'
import { createEventLog } from './event-log.ts'
import type { ErrorBody } from './reply.ts'
import type { ApiDeps } from './route.ts'

/** What is not said is absent. */
interface Situation extends Pick<ApiDeps, 'dashboard' | 'oidc'> {
  readonly clock?: FakeClock
}

export function setup(
  unready?: string,
  replica?: ApiDeps['replica'],
  { clock = new FakeClock(), dashboard, oidc }: Situation = {},
) {
  const hub = createFakeHub()
  const tokens = createApiTokens(openAccessStore(':memory:'), clock, seededEntropy(1))
  const events = createEventLog(hub, seededEntropy(2), clock)
  const words = Object.fromEntries(roles.map((role) => [role, tokens.create(role, role).token])) as Record<Role, string>
  const sessions = createSessions({
    store: openSessionStore(':memory:'),
    clock,
    entropy: seededEntropy(4),
    grantOf: grantBy(tokens, oidc?.grant),
  })
  const app = createApp({
    hub,
    clusters: noClusters,
    tokens,
    sessions,
    oidc,
    signIns: { token: 0, oidc: 0, refused: 0 },
    events,
    downloads: createDownloads(clock),
    clock,
    log: memoryLog(),
    version: '1.2.3',
    signedAuthority: new Uint8Array(80),
    startedAt: clock.now(),
    url: () => 'https://hub.example.org:8443',
    unready: () => unready,
    brokerConnections: () => 5,
    dashboard,
    replica,
  })
  const call = (method: string, path: string, role?: Role, body?: unknown, headers: Record<string, string> = {}) =>
    app.request(path, {
      method,
      headers: { ...(role === undefined ? {} : { authorization: `Bearer ${words[role]}` }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  return { app, call, clock, events, hub, sessions, tokens, words }
}

export async function errorOf(response: Response | Promise<Response>): Promise<ErrorBody & { status: number }> {
  const answered = await response
  return { status: answered.status, ...((await answered.json()) as ErrorBody) }
}

export const network = (name: string, spec: object = { cidr: '10.7.0.0/16' }) => ({
  apiVersion: 'holdfast.dev/v1alpha1',
  kind: 'Network',
  metadata: { name },
  spec,
})
