// The state as it is in the cluster, read whole and proven: each part against its name, each shard against the head that names
// it. A follower keeps it in memory, and fetches of a newer generation only what it has not.

import { fromUtf8 } from '../../shared/bytes.ts'
import type { ClusterStore, StoredHead } from './cluster-store.ts'
import { checkPart, damaged, joinShard, partsOf, type StateHead, unpackHead } from './head.ts'
import { inTurns } from './in-turns.ts'
import { decodeFiles, filesShard, type KeyFiles } from './key-files.ts'
import { decodeRows } from './rows.ts'

export interface ReadState {
  readonly stored: StoredHead
  readonly head: StateHead
  readonly files: KeyFiles
  readonly rows: ReturnType<typeof decodeRows>
}

export interface StateCopy {
  /** Reads what is new. Throws `corrupt` where anything of it is damaged, with the Secret's name. */
  refresh(): Promise<void>
  /** Of the head that was read last; 0 where there is none. */
  readonly generation: number
  /** Of its rows; undefined where there is no state. */
  readonly layout: StateHead['layout'] | undefined
  /** As last read; undefined where there is no state. */
  state(): ReadState | undefined
}

/** A leader that writes ten times a second moves on while its state is read; then it is read again. */
const TRIES = 20

interface Held {
  readonly stored: StoredHead
  readonly head: StateHead
}

export function createStateCopy(store: ClusterStore, base: string): StateCopy {
  let parts = new Map<string, Uint8Array>()
  let held: Held | undefined
  /** Shards that were read to the last row, by the names of their parts. */
  let proven = new Set<string>()

  const fetch = async (name: string): Promise<boolean> => {
    const bytes = parts.get(name) ?? (await store.readPart(name))
    if (bytes === undefined) return false
    checkPart({ name, bytes })
    parts.set(name, bytes)
    return true
  }

  /** False where the leader has moved on meanwhile. */
  const read = async (stored: StoredHead): Promise<boolean> => {
    const head = unpackHead(base, stored.head)
    const missing: string[] = []
    await inTurns(partsOf(head), async (name) => {
      if (!(await fetch(name))) missing.push(name)
    })
    const [lost] = missing
    if (lost !== undefined) {
      if ((await store.readHead())?.resourceVersion !== stored.resourceVersion) return false
      throw damaged(`Secret ${lost} is missing`)
    }
    prove(head)
    const named = new Set(partsOf(head))
    parts = new Map([...parts].filter(([name]) => named.has(name)))
    held = { stored, head }
    return true
  }

  const contentOf = (head: StateHead, shard: string): Uint8Array => {
    const own = (head.shards[shard] ?? []).map((name) => ({ name, bytes: parts.get(name) ?? new Uint8Array(0) }))
    return joinShard(shard, own)
  }

  const rowsOf = (head: StateHead, shard: string): ReadState['rows'] => {
    try {
      return decodeRows(fromUtf8(contentOf(head, shard)))
    } catch (cause) {
      throw damaged(`shard ${shard} can't be read`, cause)
    }
  }

  /** Only what has changed: a follower keeps up with a busy leader. */
  const prove = (head: StateHead): void => {
    if (head.shards[filesShard] === undefined) throw damaged('it has no key files')
    const now = new Set<string>()
    for (const [shard, names] of Object.entries(head.shards)) {
      const id = names.join(' ')
      if (!proven.has(id)) {
        if (shard === filesShard) decodeFiles(contentOf(head, shard))
        else rowsOf(head, shard)
      }
      now.add(id)
    }
    proven = now
  }

  const refresh = async (): Promise<void> => {
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await store.readHead()
      if (stored === undefined) {
        held = undefined
        parts.clear()
        return
      }
      if (stored.resourceVersion === held?.stored.resourceVersion || (await read(stored))) return
    }
  }

  let last: Promise<void> = Promise.resolve()
  return {
    // One after the other: an older look that is slow must not undo a newer one.
    refresh() {
      last = last.then(refresh, refresh)
      return last
    },
    get generation() {
      return held?.head.generation ?? 0
    },
    get layout() {
      return held?.head.layout
    },
    state() {
      if (held === undefined) return undefined
      const { head } = held
      const shards = Object.keys(head.shards).filter((shard) => shard !== filesShard)
      const rows = shards.flatMap((shard) => [...rowsOf(head, shard)])
      return { ...held, files: decodeFiles(contentOf(head, filesShard)), rows }
    },
  }
}
