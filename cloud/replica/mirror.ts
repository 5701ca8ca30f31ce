// Brings what the hub has committed into the cluster, before anybody hears of it. Changes that come together are one generation:
// their parts are put first, and the head that names them last, over the head that this hub wrote before. Where another hub has
// written meanwhile, that fails, and this one is out: it never publishes what the other does not know.

import { sameBytes } from '../../shared/bytes.ts'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { ClusterStore, StoredHead } from './cluster-store.ts'
import { type Draft, draftState } from './draft.ts'
import { partsOf, type StateHead, unpackHead } from './head.ts'
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
  /** Asked of the lease itself: this hub leads, and so no other has written. */
  readonly holdsLease: () => Promise<boolean>
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
  /** With the next write that begins, looks whether all of it is still there. */
  inspect(): void
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
  /** Generations go on from there, also where the head is gone. */
  let generation = written?.head.generation ?? 0
  let [began, busy, isInspecting, againMs] = [false, false, false, AGAIN_MS]
  let timer: Timer | undefined
  let waiters: Waiter[] = []
  let out: HoldfastError | undefined
  let trouble: string | undefined

  const isSettled = (): boolean => !journal.isDirty && !busy && doubtful === undefined && began

  const end = (error: HoldfastError): void => {
    out = error
    timer?.cancel()
    for (const waiter of waiters.splice(0)) waiter.reject(error)
  }

  const accept = ({ head, packed }: Draft, resourceVersion: string): void => {
    const last = written === undefined ? [] : partsOf(written.head)
    const garbage = new Set(former)
    for (const name of [...partsOf(head), ...last]) garbage.delete(name)
    former = last
    written = { stored: { resourceVersion, head: packed, before: written?.stored.head }, head }
    generation = head.generation
    doubtful = undefined
    // What can't be deleted now is, when the next hub takes the state over.
    void inTurns([...garbage], (name) => store.deletePart(name)).catch((error: unknown) => {
      log.debug('parts of a former state are left', { why: describeError(error) })
    })
  }

  const fence = (reason: string): never => {
    end(outOf(reason))
    options.onFenced(reason)
    throw outOf(reason)
  }

  /** All of it is written anew with the next draft, for somebody has deleted the head. */
  const startOver = (): void => {
    log.error('the state of this hub was deleted from the cluster; it is written there anew', { generation })
    written = undefined
    former = []
    journal.giveBack(journal.shards())
  }

  /** Where the head there is the one that this hub wrote last, or was deleted under it; ends this hub where it is another's. */
  const recognise = async (there: StoredHead | undefined): Promise<void> => {
    if (there === undefined) {
      if (written === undefined) return
      if (!(await options.holdsLease())) fence('the head of its state was deleted')
      return startOver()
    }
    if (written === undefined || !sameBytes(there.head, written.stored.head)) {
      return fence('another hub has written the state')
    }
    // Nothing but a label of it, perhaps.
    written = { ...written, stored: { ...written.stored, resourceVersion: there.resourceVersion } }
  }

  /** True where the head there is that draft. */
  const wasTaken = async (draft: Draft): Promise<boolean> => {
    const there = await store.readHead()
    if (there !== undefined && sameBytes(there.head, draft.packed)) {
      accept(draft, there.resourceVersion)
      return true
    }
    doubtful = undefined
    await recognise(there)
    return false
  }

  /** What somebody has deleted is written anew while there is still a hub that knows it. */
  const inspect = async (): Promise<void> => {
    await recognise(await store.readHead())
    if (written === undefined) return
    const there = new Set(await store.parts())
    const shards = Object.entries(written.head.shards)
    const whole = shards.filter(([, names]) => names.every((name) => there.has(name)))
    if (whole.length === shards.length) return
    const lost = shards.filter((one) => !whole.includes(one)).map(([shard]) => shard)
    log.error('parts of the state of this hub were deleted from the cluster; they are written anew', {
      lost: lost.join(' '),
    })
    written = { ...written, head: { ...written.head, shards: Object.fromEntries(whole) } }
    journal.giveBack(lost.filter((shard) => shard !== filesShard))
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
    if (isInspecting) {
      await inspect()
      isInspecting = false
    }
    const contents = journal.take()
    try {
      const files = options.files()
      const all = files === undefined ? contents : new Map([...contents, [filesShard, encodeFiles(files)]])
      const layout = { hub: journal.layout('hub'), access: journal.layout('access') }
      const draft = draftState(
        written?.head,
        { base, writer, generation: generation + 1, layout, buckets: journal.buckets },
        all,
      )
      if (draft !== undefined) await write(draft)
    } catch (error) {
      journal.giveBack(contents.keys())
      throw error
    }
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
        const why = describeError(error)
        if (trouble !== why) log.warn('the state can’t be brought into the cluster; tries again', { why })
        trouble = why
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
    if (out !== undefined || busy || !began || timer !== undefined) return
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
    inspect() {
      isInspecting = true
      plan(GATHER_MS)
    },
    get generation() {
      return generation
    },
    close() {
      if (out === undefined) end(outOf('it stops'))
    },
  }
}
