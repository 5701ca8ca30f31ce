// Answers to agents that ask for what they missed: the steps since their revision, or the whole set.

import type { BusMessage, Sha256 } from '../../shared/effects.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import { deltaBytesMax, repliesKeptMax } from '../../shared/limits.ts'
import { encodeDelta, encodeSnapshot } from '../../shared/record/delta.ts'
import { compareVersion, formatVersion, type Version } from '../../shared/record/head.ts'
import { encodeChunks, type ReplyKind, type SyncRequest } from '../../shared/wire/sync.ts'
import { topics } from '../../shared/wire/topics.ts'
import type { HubStore, Revision } from '../store/hub-store.ts'
import type { Publisher } from './publisher.ts'

interface Prepared {
  readonly kind: ReplyKind
  readonly deflated: Uint8Array
  readonly hash: Uint8Array
}

export interface RepliesOptions {
  readonly store: HubStore
  readonly sha256: Sha256
  readonly deflate: (bytes: Uint8Array) => Uint8Array
}

/** Merges consecutive revisions: the last word on each record counts. */
export function mergeRevisions(revisions: readonly Revision[]): Pick<Revision, 'put' | 'del'> {
  const put = new Map<string, Uint8Array>()
  const del = new Set<string>()
  for (const revision of revisions) {
    for (const [id, bytes] of revision.put) {
      put.set(id, bytes)
      del.delete(id)
    }
    for (const id of revision.del) {
      put.delete(id)
      del.add(id)
    }
  }
  return { put, del: [...del].sort() }
}

/** Replies for one network; those to the current revision are kept until the next, since a fleet asks the same. */
export class Replies {
  readonly #options: RepliesOptions
  readonly #network: NetworkId
  readonly #publisher: Publisher
  #cacheFor: Version | undefined
  readonly #cache = new Map<string, Prepared>()

  constructor(network: NetworkId, publisher: Publisher, options: RepliesOptions) {
    this.#network = network
    this.#publisher = publisher
    this.#options = options
  }

  answer(node: NodeId, request: SyncRequest): readonly BusMessage[] {
    const { kind, deflated, hash } = this.#prepare(request)
    const topic = topics.rsp(this.#network, node)
    return encodeChunks(kind, request.id, deflated, hash).map((payload) => ({ topic, payload }))
  }

  #prepare(request: SyncRequest): Prepared {
    const now = this.#publisher.version
    if (this.#cacheFor === undefined || compareVersion(this.#cacheFor, now) !== 0) {
      this.#cache.clear()
      this.#cacheFor = now
    }
    const key = request.want === 'snapshot' ? 'snapshot' : formatVersion(request.have)
    const held = this.#cache.get(key)
    if (held !== undefined) return held
    const made = this.#make(request)
    // One entry per revision agents may hold; the whole set is the only large one and there is one of it.
    if (this.#cache.size < repliesKeptMax) this.#cache.set(made.kind === 'snapshot' ? 'snapshot' : key, made)
    return made
  }

  #make({ want, have }: SyncRequest): Prepared {
    const { head, version, records } = this.#publisher
    if (head === undefined) return this.#deflated('current', new Uint8Array(0))
    if (want === 'delta') {
      if (compareVersion(have, version) === 0) return this.#deflated('current', new Uint8Array(0))
      const delta = this.#delta(have)
      if (delta !== undefined) return delta
    }
    return this.#cache.get('snapshot') ?? this.#deflated('snapshot', encodeSnapshot(records, head))
  }

  #delta(have: Version): Prepared | undefined {
    const { head, version } = this.#publisher
    if (head === undefined || have.epoch !== version.epoch || have.revision >= version.revision) return undefined
    const steps = this.#options.store.revisionsSince(this.#network, have)
    if (steps[0]?.version.revision !== have.revision + 1) return undefined
    const frame = encodeDelta({ from: have, to: version, ...mergeRevisions(steps) }, head)
    return frame.length > deltaBytesMax ? undefined : this.#deflated('delta', frame)
  }

  #deflated(kind: ReplyKind, bytes: Uint8Array): Prepared {
    const deflated = bytes.length === 0 ? bytes : this.#options.deflate(bytes)
    return { kind, deflated, hash: this.#options.sha256(deflated) }
  }
}
