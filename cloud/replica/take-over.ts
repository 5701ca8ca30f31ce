// What a replica does before it serves as the leader: it takes the state over, so that whoever led before can't write any more,
// and lays it down here; or it begins the state, where there has never been one.

import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { checkLayout } from '../store/schema.ts'
import { claimState, sweepParts } from './claim.ts'
import type { ClusterStore, StoredHead } from './cluster-store.ts'
import type { StateHead } from './head.ts'
import { holdsHub, isMirrored, layState } from './lay-state.ts'
import type { SeenLease } from './lease.ts'
import type { ReadState, StateCopy } from './state-copy.ts'

export interface TakeOverOptions {
  readonly store: ClusterStore
  readonly copy: StateCopy
  readonly base: string
  /** Of this process. */
  readonly writer: string
  readonly directory: string
  readonly log: Log
}

export interface TakenOver {
  /** Undefined where there was no state. */
  readonly claimed: StoredHead | undefined
  readonly buckets: number
  /** Of the rows in the cluster; undefined where there are none. */
  readonly layout: StateHead['layout'] | undefined
}

/** The head moves under a claim only while a hub that has lost the lease still writes. */
const TRIES = 5

/** Why there is no state to go on with, and this replica does not begin a new one; undefined where it may. */
export function whyNoBeginning(directory: string, lease: SeenLease | undefined): string | undefined {
  const isCopy = isMirrored(directory)
  const had = lease?.generation ?? 0
  if (had === 0 && !isCopy) return undefined
  const what = had > 0 ? `it was at generation ${had}` : `${directory} holds a copy of it, which may be old`
  return `the state of the hub is gone from the cluster: ${what}. Bring the Secrets back from a backup of the cluster, or the hub from a backup of its own: see docs/kubernetes.md.`
}

/** Reads the state and proves it. Returns why it can't be taken over, if it can't. Fails where it can't be asked for. */
export async function examine(
  copy: StateCopy,
  directory: string,
  lease: SeenLease | undefined,
): Promise<string | undefined> {
  try {
    await copy.refresh()
    if (copy.layout === undefined) return whyNoBeginning(directory, lease)
    checkLayout(copy.layout.hub)
    return undefined
  } catch (error) {
    if (isHoldfastError(error, 'corrupt') || isHoldfastError(error, 'unsupported')) return describeError(error)
    throw error
  }
}

/** What was claimed is the state that was read, and no later look at it. */
async function claim({
  copy,
  store,
  writer,
}: TakeOverOptions): Promise<{ claimed: StoredHead; state: ReadState } | undefined> {
  for (let tries = 1; ; tries++) {
    await copy.refresh()
    const state = copy.state()
    if (state === undefined) return undefined
    try {
      return { claimed: await claimState(store, state.stored, state.head, writer), state }
    } catch (error) {
      if (!isHoldfastError(error, 'conflict') || tries === TRIES) throw error
    }
  }
}

export async function takeOver(options: TakeOverOptions, lease: SeenLease | undefined): Promise<TakenOver> {
  const { base, directory, log, store } = options
  const taken = await claim(options)
  if (taken === undefined) {
    const why = whyNoBeginning(directory, lease)
    if (why !== undefined) throw new HoldfastError('corrupt', why)
    log.info(holdsHub(directory) ? 'brings the state of this hub into the cluster' : 'begins the state of a new hub')
    return { claimed: undefined, buckets: 1, layout: undefined }
  }
  const { claimed, state } = taken
  const aside = layState(directory, state)
  if (aside !== undefined) log.warn('another hub lay here; the state of the cluster counts', { setAside: aside })
  void sweepParts(store, base, claimed, log)
  return { claimed, buckets: state.head.buckets, layout: state.head.layout }
}
