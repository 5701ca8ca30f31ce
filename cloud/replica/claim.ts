// Takes a state over: writes its head once more under the own name, unchanged but for the generation. Whoever led before can't
// write any more from that moment, however long it slept, because its next write is over a head that is not there any longer.

import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { ClusterStore, StoredHead } from './cluster-store.ts'
import { packHead, partsOf, type StateHead, unpackHead } from './head.ts'
import { inTurns } from './in-turns.ts'

/** Fails with `conflict` where the state is another by now. Returns the head as it stands then. */
export async function claimState(
  store: ClusterStore,
  stored: StoredHead,
  head: StateHead,
  writer: string,
): Promise<StoredHead> {
  const claimed = packHead({ ...head, generation: head.generation + 1, writer })
  const resourceVersion = await store.writeHead({ head: claimed, before: stored.head }, stored)
  return { resourceVersion, head: claimed, before: stored.head }
}

/** Removes parts that neither the head nor the one before it names: of writes that were never finished. */
export async function sweepParts(store: ClusterStore, base: string, claimed: StoredHead, log: Log): Promise<void> {
  try {
    const heads = [claimed.head, ...(claimed.before === undefined ? [] : [claimed.before])]
    const named = new Set(heads.flatMap((one) => partsOf(unpackHead(base, one))))
    const left = (await store.parts()).filter((name) => !named.has(name))
    await inTurns(left, (name) => store.deletePart(name))
  } catch (error) {
    log.debug('parts of former states are left', { why: describeError(error) })
  }
}
