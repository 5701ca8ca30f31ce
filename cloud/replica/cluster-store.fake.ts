// The part of a cluster that replicas share, in memory, with an API server that can be away.

import { HoldfastError } from '../../shared/errors.ts'
import type { ClusterStore, Endpoint, StoredHead } from './cluster-store.ts'
import type { SeenLease } from './lease.ts'

export class FakeCluster {
  lease: SeenLease | undefined
  head: StoredHead | undefined
  readonly parts = new Map<string, Uint8Array>()
  endpoint: Endpoint | undefined
  isAway = false
  /** Takes calls and answers none. */
  isSilent = false
  /** How many writes of the head were taken, and of parts. */
  headWrites = 0
  partWrites = 0
  /** Runs before a write of the head is judged: somebody else may be quicker. */
  beforeHead: (() => void) | undefined
  /** The next write of the head is taken, and its answer is lost. */
  losesAnswer = false
  readonly #watchers = new Set<() => void>()
  #count = 0

  nextVersion(): string {
    return String(++this.#count)
  }

  open(): ClusterStore {
    const asked = async <T>(run: () => T): Promise<T> => {
      await Promise.resolve()
      if (this.isSilent) return await new Promise<never>(() => undefined)
      if (this.isAway) throw new HoldfastError('unreachable', 'the API server is not reached')
      return run()
    }
    const over = (held: { readonly resourceVersion: string } | undefined, given: typeof held): void => {
      if (held?.resourceVersion !== given?.resourceVersion)
        throw new HoldfastError('conflict', 'it was changed meanwhile')
    }
    return {
      readLease: () => asked(() => this.lease),
      writeLease: (lease, given) =>
        asked(() => {
          over(this.lease, given)
          this.lease = { ...lease, resourceVersion: this.nextVersion() }
          for (const tell of this.#watchers) tell()
          return this.lease
        }),
      watchLease: (onChange) => {
        this.#watchers.add(onChange)
        return () => void this.#watchers.delete(onChange)
      },
      readHead: () => asked(() => this.head),
      writeHead: (head, given) =>
        asked(() => {
          this.beforeHead?.()
          over(this.head, given)
          this.headWrites += 1
          this.head = { ...head, resourceVersion: this.nextVersion() }
          if (this.losesAnswer) {
            this.losesAnswer = false
            throw new HoldfastError('unreachable', 'the answer was lost')
          }
          return this.head.resourceVersion
        }),
      readPart: (name) => asked(() => this.parts.get(name)),
      putPart: (name, bytes) =>
        asked(() => {
          this.partWrites += 1
          if (!this.parts.has(name)) this.parts.set(name, bytes)
        }),
      deletePart: (name) => asked(() => void this.parts.delete(name)),
      parts: () => asked(() => [...this.parts.keys()].sort()),
      putEndpoint: (endpoint) => asked(() => void (this.endpoint = endpoint)),
    }
  }
}
