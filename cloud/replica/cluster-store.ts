// What replicas of the hub share in the cluster: a lease, the state, and the endpoint of who leads. All that changes in place
// is written over a resourceVersion, and fails with `conflict` where somebody else has written meanwhile.

import type { Lease, SeenLease } from './lease.ts'

/** The newest generation of the state and the one before it, packed (head.ts). */
export interface StoredHead {
  readonly resourceVersion: string
  readonly head: Uint8Array
  readonly before: Uint8Array | undefined
}

export interface Endpoint {
  /** Of the pod that leads. */
  readonly address: string
  /** Where it runs, if it is known: what comes from outside and keeps its source address is passed on there alone. */
  readonly node?: string | undefined
  /** By the names that the Service has for them. */
  readonly ports: readonly { readonly name: string; readonly port: number }[]
}

/** Where nothing else is said: fails with `unreachable` where the API server is away, `forbidden` where rights are missing. */
export interface ClusterStore {
  readLease(): Promise<SeenLease | undefined>
  /** Makes it where `over` is undefined. */
  writeLease(lease: Lease, over: SeenLease | undefined): Promise<SeenLease>
  /** Calls back at each change from now on, and may do so without one; the returned function ends it. */
  watchLease(onChange: () => void): () => void

  readHead(): Promise<StoredHead | undefined>
  /** Makes it where `over` is undefined. Returns its resourceVersion. */
  writeHead(head: Omit<StoredHead, 'resourceVersion'>, over: StoredHead | undefined): Promise<string>

  /** Undefined where there is none. */
  readPart(name: string): Promise<Uint8Array | undefined>
  /** A part is never changed: one that is there already under that name is left as it is. */
  putPart(name: string, bytes: Uint8Array): Promise<void>
  deletePart(name: string): Promise<void>
  /** Names of all parts, also of those that no head names. */
  parts(): Promise<readonly string[]>

  /** Lets the Service lead here, in place of wherever it led. */
  putEndpoint(endpoint: Endpoint): Promise<void>
}
