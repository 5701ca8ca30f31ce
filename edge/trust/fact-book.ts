// What other nodes say of themselves: each fact verified with the device key of its sender's record, newest kept.
//
// Facts and records come by different topics, so a fact may be there before the record that lets it be verified: a few
// wait for theirs. Facts change with every rebinding NAT, so they reach the disk in batches; losing some costs nothing.

import type { Log, Sha256, Verify } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { type Fact, isNewerFact, openFact } from '../../shared/fact/fact.ts'
import { podsIn, succeedPods, type ToldPod } from '../../shared/fact/pod-table.ts'
import type { DeviceKey, NodeId } from '../../shared/ids.ts'
import { type DeviceLink, splitLed } from '../../shared/record/device-link.ts'
import { envelopeKeyId, sameEnvelope } from '../../shared/record/envelope.ts'
import type { HeldFact, Store } from '../store/store.ts'

/** Facts of nodes without a record: a fleet that enrols, not a flood. */
const WAITING_MAX = 256
const WAITING_BYTES_MAX = 1 << 20

export interface FactBookOptions {
  readonly store: Store
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  /** The device key of a member; undefined for everybody else. */
  readonly keyOf: (node: NodeId) => DeviceKey | undefined
  /** Links stand in front of a fact of a member, that lead from keys it had to the one it has. */
  readonly onLinks?: (node: NodeId, links: readonly DeviceLink[]) => void
  /** A fact was taken, from wherever. */
  readonly onTaken?: (fact: Fact) => void
  /** A fact was refused although its sender is a member. */
  readonly onRefused: (detail: string) => void
}

export interface FactBook {
  readonly facts: ReadonlyMap<NodeId, HeldFact>
  /** Rises with every change of `facts`. */
  revision(): number
  /** Rises with every change of the pods they tell of, but for whether they are ready. */
  podsRevision(): number
  /** Reads what the store kept; what does not verify any more is dropped. */
  load(): void
  /** The fact if it verifies and is newer than what is held. */
  offer(node: NodeId, envelope: Uint8Array): Fact | undefined
  /** The set of members changed: drops facts of those who left, tries those that waited. */
  membersChanged(): void
  /** Writes what changed since the last time. Throws what the store throws; then it is still to be written. */
  flush(): void
  /** The same for facts that tell of other pods alone: policy follows from them, after a power cut too. */
  flushPods(): void
}

/** Facts change all the time, and pods seldom: where they are the same as before, they are the same object. */
function withHeldPods(fact: Fact, held: Fact | undefined): Fact {
  const { podTable } = fact
  return podTable === undefined ? fact : { ...fact, podTable: succeedPods(podTable, held?.podTable) }
}

/** The very same list where no more than who is ready has changed. */
function listOf(fact: Fact | undefined): readonly ToldPod[] | undefined {
  return fact?.podTable === undefined ? undefined : podsIn(fact.podTable)
}

export function createFactBook(options: FactBookOptions): FactBook {
  const { log, store, keyOf } = options
  const facts = new Map<NodeId, HeldFact>()
  const waiting = new Map<NodeId, Uint8Array>()
  const unsaved = new Set<NodeId>()
  const unsavedPods = new Set<NodeId>()
  let waitingBytes = 0
  let revision = 0
  let podsRevision = 0

  const dropWaiting = (node: NodeId): void => {
    waitingBytes -= waiting.get(node)?.length ?? 0
    waiting.delete(node)
  }

  const wait = (node: NodeId, envelope: Uint8Array): void => {
    dropWaiting(node)
    waiting.set(node, envelope)
    waitingBytes += envelope.length
    for (const oldest of waiting.keys()) {
      if (waiting.size <= WAITING_MAX && waitingBytes <= WAITING_BYTES_MAX) break
      dropWaiting(oldest)
    }
  }

  const take = (node: NodeId, envelope: Uint8Array): Fact | undefined => {
    const held = facts.get(node)
    if (sameEnvelope(held?.envelope, envelope)) return undefined
    const { envelope: signed, links } = splitLed(envelope)
    if (links.length > 0) options.onLinks?.(node, links)
    const key = keyOf(node)
    if (key === undefined) return undefined
    const fact = withHeldPods(openFact(signed, node, key, options.verify, options.sha256), held?.fact)
    // What a former key of the node said is outranked, however far it had counted: somebody may have that key by now.
    const succeeds = held !== undefined && envelopeKeyId(signed) !== envelopeKeyId(splitLed(held.envelope).envelope)
    if (!succeeds && !isNewerFact(fact, held?.fact)) return undefined
    facts.set(node, { envelope, fact })
    revision += 1
    if (listOf(fact) !== listOf(held?.fact)) {
      podsRevision += 1
      unsavedPods.add(node)
    }
    options.onTaken?.(fact)
    return fact
  }

  const offer = (node: NodeId, envelope: Uint8Array): Fact | undefined => {
    const key = keyOf(node)
    if (key === undefined) {
      wait(node, envelope)
      return undefined
    }
    try {
      const fact = take(node, envelope)
      if (fact !== undefined) unsaved.add(node)
      return fact
    } catch (error) {
      log.warn('a fact was refused', { node, reason: describeError(error) })
      options.onRefused(`a fact of ${node}: ${describeError(error)}`)
      return undefined
    }
  }

  const load = (): void => {
    for (const [node, envelope] of store.loadFacts()) {
      const key = keyOf(node)
      try {
        if (key !== undefined) take(node, envelope)
      } catch (error) {
        log.warn('a stored fact does not verify', { node, reason: describeError(error) })
      }
      if (!facts.has(node)) unsaved.add(node)
    }
  }

  const flush = (): void => {
    const gone: NodeId[] = []
    for (const node of unsaved) {
      const held = facts.get(node)
      if (held === undefined) gone.push(node)
      else store.saveFact(node, held.envelope)
    }
    if (gone.length > 0) store.deleteFacts(gone)
    unsaved.clear()
    unsavedPods.clear()
  }

  const flushPods = (): void => {
    for (const node of unsavedPods) {
      const held = facts.get(node)
      if (held !== undefined && unsaved.has(node)) store.saveFact(node, held.envelope)
      if (held !== undefined) unsaved.delete(node)
      unsavedPods.delete(node)
    }
  }

  return {
    facts,
    revision: () => revision,
    podsRevision: () => podsRevision,
    load,
    offer,
    membersChanged() {
      for (const node of facts.keys()) {
        if (keyOf(node) !== undefined) continue
        if (facts.get(node)?.fact.podTable !== undefined) podsRevision += 1
        facts.delete(node)
        unsaved.add(node)
        revision += 1
      }
      for (const [node, envelope] of waiting) {
        if (keyOf(node) === undefined) continue
        dropWaiting(node)
        offer(node, envelope)
      }
    },
    flush,
    flushPods,
  }
}
