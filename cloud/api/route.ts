// One entry of the API: everything that the router, the access check and the generated OpenAPI document need to know.

import type { Context } from 'hono'
import type { GenericSchema } from 'valibot'
import type { Clock, Log } from '../../shared/effects.ts'
import type { Role } from '../access/access-store.ts'
import type { ApiTokens } from '../access/api-tokens.ts'
import type { Oidc } from '../access/oidc.ts'
import type { Session, Sessions } from '../access/sessions.ts'
import type { Actor } from '../audit.ts'
import type { Clusters } from '../clusters/clusters.ts'
import type { Hub } from '../hub.ts'
import type { Keeping } from '../replica/keeping.ts'
import type { Dashboard } from './dashboard.ts'
import type { Downloads } from './downloads.ts'
import type { EventLog } from './event-log.ts'

export interface ApiDeps {
  readonly hub: Hub
  readonly clusters: Clusters
  readonly tokens: ApiTokens
  readonly sessions: Sessions
  /** Since the start; counted up here. */
  readonly signIns: SignIns
  /** The provider of identities; absent where people sign in by tokens alone. */
  readonly oidc?: Oidc | undefined
  readonly events: EventLog
  readonly downloads: Downloads
  /** Absent where this build has none. */
  readonly dashboard?: Dashboard | undefined
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  /** The TLS authority, signed by the root key. */
  readonly signedAuthority: Uint8Array
  /** Wall clock at start, milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** How devices and people reach the hub from outside. */
  readonly url: () => string
  /** Why the hub cannot serve devices now; undefined when it can. */
  readonly unready: () => string | undefined
  /** Connections of the embedded broker; undefined with an outside one. */
  readonly brokerConnections: () => number | undefined
  /** Where the hub shares its state with others. */
  readonly replica?: Pick<Keeping, 'admit' | 'settled' | 'status'> | undefined
}

export interface SignIns {
  token: number
  oidc: number
  refused: number
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface Call {
  readonly context: Context
  readonly deps: ApiDeps
  /** Whom the bearer token or the session names; on public routes an actor without rights. */
  readonly actor: Actor
  /** Of a browser; absent where a token was sent. */
  readonly session?: Session | undefined
  /** Address that the call came from. */
  readonly source: string
  /** For routes that let people in: `check` and `begin` throw `rate-limited` where too many were refused, or begun. */
  readonly signIn: { readonly check: () => void; readonly begin: () => void; readonly refused: () => void }
  /** False once the caller's token or session is no longer good; for answers that go on. */
  readonly mayStay: () => boolean
  /** Bytes that its body may have. */
  readonly bodyMax: number
}

export interface Parameter {
  readonly name: string
  readonly description: string
}

export interface ApiRoute {
  readonly method: Method
  /** As hono writes it: `/api/v1/nodes/:name`. */
  readonly path: string
  /** The least role that may; `public` routes prove the caller by other means, or say nothing worth hiding. */
  readonly role: Role | 'public'
  /** A public route that lets people in counts refusals by itself. */
  readonly door?: 'sign-in'
  readonly summary: string
  readonly query?: readonly Parameter[]
  /** Of the body: one JSON object, or a stream of resources in YAML or JSON. */
  readonly request?: GenericSchema | 'resources'
  /** A body that is taken as it stands, given the hub has what it refers to. */
  readonly example?: unknown
  /** What a successful reply is, in words. */
  readonly reply: string
  readonly replyType?: string
  readonly handle: (call: Call) => Response | Promise<Response>
}

const RANK = { public: 0, device: 0, viewer: 1, operator: 2, admin: 3 } as const

export function mayCall(role: Actor['role'], needed: ApiRoute['role']): boolean {
  return RANK[role] >= RANK[needed]
}
