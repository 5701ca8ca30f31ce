// What the API answers, as the command line and the dashboard read it.

import type { ShownCondition } from '../../shared/health.ts'
import type { AnyResource, Kind } from '../../shared/intent/resource.ts'
import type { ClusterView } from '../clusters/clusters.ts'
import type { Away, FleetNode, RollOut } from '../hub.ts'
import type { ReplicaStatus } from '../replica/keeping.ts'
import type { ResourceCondition } from '../resource-condition.ts'
import type { RollStanding } from '../rollout/standing.ts'

export interface List<T> {
  readonly items: readonly T[]
}

export interface Presented<K extends Kind = Kind> {
  readonly apiVersion: string
  readonly kind: K
  readonly metadata: AnyResource['metadata'] & { readonly resourceVersion: string }
  readonly spec: Extract<AnyResource, { kind: K }>['spec']
  readonly status: {
    readonly conditions: readonly ResourceCondition[]
    readonly addresses?: readonly string[]
  } & Readonly<Record<string, unknown>>
}

/** A device; its health comes with its meaning spelled out. */
export type ShownNode = Omit<FleetNode, 'health'> & { readonly health: readonly ShownCondition[] }

/** The hub in short. */
export interface HubStatus {
  readonly version: string
  readonly url: string
  readonly uptimeS: number
  readonly ready: boolean
  /** Why it is not. */
  readonly reason?: string
  readonly networks: readonly RollOut[]
  /** Absent from hubs that know of none. */
  readonly agentUpdates?: readonly RollStanding[]
  readonly nodes: number
  readonly online: number
  /** Those that left last. */
  readonly away: readonly Away[]
  /** Devices, by name, that a person has to let in … */
  readonly pending: readonly string[]
  /** … or keys of the lock. */
  readonly unsigned: readonly string[]
  /** Devices whose policy is overridden by hand. */
  readonly overrides: readonly string[]
  /** Absent with a broker of its own. */
  readonly brokerConnections?: number
  /** Absent where the hub is one alone. */
  readonly replica?: ReplicaStatus
  /** Absent where no cluster has an agent. */
  readonly clusters?: readonly ClusterView[]
}
