// Clusters that are not the hub's own, as people and their agents ask for them.

import type { NodeId } from '../../shared/ids.ts'
import type { RenewReply, RenewRequest } from '../../shared/wire/renew.ts'
import type { Actor } from '../audit.ts'
import type { ClusterRow } from './registry.ts'

const clusterStates = ['connected', 'reading', 'refused', 'away', 'never-seen'] as const

export interface ClusterView {
  readonly name: string
  readonly network: string
  readonly podBlocks: readonly string[]
  readonly createdAt: number
  /** `reading`: there, and not all of it was heard yet. */
  readonly state: (typeof clusterStates)[number]
  /** When anything was last heard, milliseconds since the Unix epoch. */
  readonly lastContact?: number
  /** Of the agent that spoke last. */
  readonly version?: string
  /** Objects that it told of. */
  readonly objects?: number
  /** What follows from them, as the hub has it. */
  readonly policies: number
  readonly routes: number
  readonly services: number
  /** ServiceImports that the hub wrote there; absent where it knows none, or is not heard. */
  readonly imports?: number
  readonly problem?: string
}

export interface ClusterSpec {
  readonly name: string
  readonly network: string
  readonly podBlocks: ClusterRow['podBlocks']
}

export interface Clusters {
  start(): void
  stop(): Promise<void>
  list(): readonly ClusterView[]
  /** Ids of all agents, at the broker. */
  nodes(): readonly NodeId[]
  /** The key is not shown again. Throws `conflict`, `not-found`, `exhausted`. */
  add(spec: ClusterSpec, actor: Actor): { readonly cluster: ClusterView; readonly key: string }
  /** Throws `not-found`. */
  set(name: string, change: Pick<ClusterSpec, 'podBlocks'>, actor: Actor): Promise<ClusterView>
  /** Another key in place of the one it has; the next cluster that speaks with it is the one. Throws `not-found`. */
  rekey(name: string, actor: Actor): Promise<{ readonly cluster: ClusterView; readonly key: string }>
  /**
   * Takes away what it brought. `isReleased`: its agent was there, and took away what the hub wrote in the cluster. Throws
   * `not-found`.
   */
  remove(name: string, actor: Actor): Promise<{ readonly records: number; readonly isReleased: boolean }>
  challenge(node: NodeId): Uint8Array
  /** Throws `forbidden` and `rate-limited`. */
  renew(request: RenewRequest): Promise<RenewReply>
}
