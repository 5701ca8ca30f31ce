// Brings what the hub has committed into the cluster, before anybody hears of it. Changes that come together are one generation:
// their parts are put first, and the head that names them last, over the head that this hub wrote before. Where another hub has
// written meanwhile, that fails, and this one is out: it never publishes what the other does not know.

import { sameBytes } from '../../shared/bytes.ts'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { ClusterStore, StoredHead } from './cluster-store.ts'
import { cutShard, type Part, packHead, partsOf, type StateHead, sameParts, unpackHead } from './head.ts'
import { inTurns } from './in-turns.ts'
import type { Journal } from './journal.ts'
import { encodeFiles, filesShard, type KeyFiles } from './key-files.ts'

export interface MirrorOptions {
  readonly store: ClusterStore
  /** What names of parts begin with. */
  readonly base: string
  /** Of this process. */
  readonly writer: string
  /** The head as this hub claimed it; undefined where there was none. */
  readonly claimed: StoredHead | undefined
  readonly journal: Journal
  /** Key files as they are now, by their path in the data directory; undefined while they are being replaced. */
  readonly files: () => KeyFiles | undefined
  readonly clock: Clock
  readonly log: Log
  /** Another hub has written; this one is to end. */
  readonly onFenced: (reason: string) => void
}

export interface Mirror {
  /** From now on changes are brought there; the key files are laid by then. */
  begin(): void
  /** There is something to bring. */
  touched(): void
  /** Resolves when all that was committed by now is in the cluster; rejects with `unreachable` once it never will be. */
  settled(): Promise<void>
  readonly isSettled: boolean
  /** Another hub has written, or this one stops. */
  readonly isOut: boolean
  /** As `settled`, after a look at the key files as well: people replace them while the hub runs. */
  look(): Promise<void>
  readonly generation: number
  /** Nothing is brought from now on. */
  close(): void
}

/** One turn of what belongs together: the commit, the revision that is signed over it, and the word that is given for it. */
const GATHER_MS = 5
/** After a failure, doubled each time. */
const AGAIN_MS = 250
const AGAIN_MAX_MS = 2_000

interface Waiter {
  resolve(): void
  reject(error: Error): void
}

interface Written {
  readonly stored: StoredHead
  readonly head: StateHead
}

interface Draft {
  readonly head: StateHead
  readonly packed: Uint8Array
  readonly parts: readonly Part[]
}

function outOf(reason: string): HoldfastError {
  return new HoldfastError('unreachable', `this hub does not lead any more: ${reason}`, {
    remedy: 'Ask again: another replica answers in a moment.',
  })
}

export function createMirror(options: MirrorOptions): Mirror {
  const { base, claimed, clock, journal, log, store, writer } = options
  let written: Written | undefined =
    claimed === undefined ? undefined : { stored: claimed, head: unpackHead(base, claimed.head) }
  /** Parts of the generation before. */
  let former: readonly string[] = claimed?.before === undefined ? [] : partsOf(unpackHead(base, claimed.before))
  /** A head that was sent, and nobody said whether it was taken. */
  let doubtful: Draft | undefined
  let [began, closed, busy, againMs] = [false, false, false, AGAIN_MS]
  let timer: Timer | undefined
  let waiters: Waiter[] = []
  let out: HoldfastError | undefined
  let trouble: string | undefined

  const isSettled = (): boolean => !journal.isDirty && !busy && doubtful === undefined && began

  const end = (error: HoldfastError): void => {
    closed = true
    out = error
    timer?.cancel()
    for (const waiter of waiters) waiter.reject(error)
    waiters = []
  }

  const accept = ({ head, packed }: Draft, resourceVersion: string): void => {
    const before = written?.stored.head
    const garbage = new Set(former)
    for (const name of [...partsOf(head), ...(written === undefined ? [] : partsOf(written.head))]) garbage.delete(name)
    former = written === undefined ? [] : partsOf(written.head)
    written = { stored: { resourceVersion, head: packed, before }, head }
    doubtful = undefined
    // What can't be deleted now is, when the next hub takes the state over.
    void inTurns([...garbage], (name) => store.deletePart(name)).catch((error: unknown) => {
      log.debug('parts of a former state are left', { why: describeError(error) })
    })
  }

  /** True where the head there is that draft; ends this hub where it is somebody else's. */
  const wasTaken = async (draft: Draft): Promise<boolean> => {
    const there = await store.readHead()
    if (there !== undefined && sameBytes(there.head, draft.packed)) {
      accept(draft, there.resourceVersion)
      return true
    }
    doubtful = undefined
    if (there === undefined && written === undefined) return false
    if (there !== undefined && written !== undefined && sameBytes(there.head, written.stored.head)) {
      // Nothing but a label of it, perhaps.
      written = { ...written, stored: { ...written.stored, resourceVersion: there.resourceVersion } }
      return false
    }
    const reason = there === undefined ? 'the head of its state was deleted' : 'another hub has written the state'
    end(outOf(reason))
    options.onFenced(reason)
    throw outOf(reason)
  }

  const draftOf = (contents: ReadonlyMap<string, Uint8Array | undefined>): Draft | undefined => {
    const generation = (written?.head.generation ?? 0) + 1
    const shards = { ...written?.head.shards }
    const parts: Part[] = []
    let isNew = written === undefined || written.head.buckets !== journal.buckets
    const layout = { hub: journal.layout('hub'), access: journal.layout('access') }
    if (written?.head.layout.hub !== layout.hub || written.head.layout.access !== layout.access) isNew = true
    for (const [shard, content] of contents) {
      const own = content === undefined ? [] : cutShard(base, generation, shard, content)
      if (content === undefined ? shards[shard] === undefined : sameParts(shards[shard], own)) continue
      isNew = true
      parts.push(...own)
      if (content === undefined) delete shards[shard]
      else shards[shard] = own.map(({ name }) => name)
    }
    if (!isNew) return undefined
    const head: StateHead = { format: 1, generation, writer, layout, buckets: journal.buckets, shards }
    return { head, packed: packHead(head), parts }
  }

  const write = async (draft: Draft): Promise<void> => {
    await inTurns(draft.parts, ({ bytes, name }) => store.putPart(name, bytes))
    try {
      accept(draft, await store.writeHead({ head: draft.packed, before: written?.stored.head }, written?.stored))
    } catch (error) {
      doubtful = draft
      if (!(await wasTaken(draft))) throw error
    }
  }

  const bring = async (): Promise<void> => {
    if (doubtful !== undefined) await wasTaken(doubtful)
    const contents = journal.take()
    try {
      const files = options.files()
      const all = files === undefined ? contents : new Map([...contents, [filesShard, encodeFiles(files)]])
      const draft = draftOf(all)
      if (draft !== undefined) await write(draft)
    } catch (error) {
      journal.giveBack(contents.keys())
      throw error
    }
  }

  const tell = (error: unknown): void => {
    const why = describeError(error)
    if (trouble !== why) log.warn('the state can’t be brought into the cluster; tries again', { why })
    trouble = why
  }

  const run = async (): Promise<void> => {
    timer = undefined
    const covered = waiters
    waiters = []
    busy = true
    let waitMs = GATHER_MS
    try {
      await bring()
      if (trouble !== undefined) log.info('the state is brought into the cluster again')
      ;[trouble, againMs] = [undefined, AGAIN_MS]
      for (const waiter of covered) waiter.resolve()
    } catch (error) {
      if (out !== undefined) {
        for (const waiter of covered) waiter.reject(out)
      } else {
        if (!closed) tell(error)
        waiters = [...covered, ...waiters]
        waitMs = againMs
        againMs = Math.min(AGAIN_MAX_MS, 2 * againMs)
      }
    } finally {
      busy = false
    }
    if (journal.isDirty || waiters.length > 0) plan(waitMs)
  }

  const plan = (delayMs: number): void => {
    if (closed || busy || !began || timer !== undefined) return
    timer = clock.after(delayMs, () => void run())
  }

  /** Settles with the next write that begins. */
  const next = (): Promise<void> => {
    if (out !== undefined) return Promise.reject(out)
    return new Promise((resolve, reject) => {
      waiters.push({ resolve, reject })
      plan(GATHER_MS)
    })
  }

  return {
    begin() {
      began = true
      plan(GATHER_MS)
    },
    touched: () => plan(GATHER_MS),
    settled: () => (out === undefined && isSettled() ? Promise.resolve() : next()),
    look: next,
    get isSettled() {
      return isSettled()
    },
    get isOut() {
      return out !== undefined
    },
    get generation() {
      return written?.head.generation ?? 0
    },
    close() {
      if (out === undefined) end(outOf('it stops'))
    },
  }
}
