// The one door for newer intent: from the hub, from a peer, or from a file that somebody carried. Where it came from is
// remembered for people and decides nothing: a set is verified the same way, stored, and only then comes into force.

import * as v from 'valibot'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { text } from '../../shared/intent/field.ts'
import { compareVersion, formatVersion, type Version } from '../../shared/record/head.ts'
import type { Health } from '../report/health.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'
import { type Accepted, acceptDelta, acceptSnapshot, type Held } from './accept.ts'
import type { Holding } from './holding.ts'
import type { Anchors } from './keys.ts'
import { type IntentSource, type Origin, sourceText } from './origin.ts'

export type FrameKind = 'delta' | 'snapshot'

/** A set that has just been taken. */
export interface Taken {
  readonly accepted: Accepted
  /** What was held until then. */
  readonly before: Held | undefined
  readonly from: IntentSource
}

export interface Intake {
  /** Takes a verified set into force. Throws `stale` where a newer one was held before the store was damaged. */
  take(accepted: Accepted, from: IntentSource): void
  /**
   * Verifies a frame and takes it. False if what it brings is held already; throws what `acceptDelta` and `acceptSnapshot`
   * throw where it may not come into force.
   */
  offer(kind: FrameKind, frame: Uint8Array, from: IntentSource): boolean
  /** Undefined for what enrolment brought. */
  origin(): Origin | undefined
}

export interface IntakeOptions {
  readonly anchors: Anchors
  readonly holding: Pick<Holding, 'held' | 'take'>
  readonly store: Pick<Store, 'get' | 'set'>
  readonly keep: Pick<Keepsakes, 'write' | 'journal'>
  readonly health: Pick<Health, 'raise'>
  readonly clock: Clock
  readonly log: Log
  /** Everybody who looks at the set is to look again. */
  readonly onTaken: (taken: Taken) => void
}

const KEY = 'intent-origin'

const counter = v.pipe(v.number(), v.integer(), v.minValue(0))
const kept = v.object({
  epoch: counter,
  revision: counter,
  by: v.picklist(['hub', 'peer', 'file']),
  peer: v.optional(text(parseName, 'name')),
  at: v.number(),
})

function recall(store: Pick<Store, 'get'>): (Origin & { readonly version: Version }) | undefined {
  try {
    const { at, by, epoch, peer, revision } = v.parse(kept, JSON.parse(store.get(KEY) ?? 'null'))
    const version = { epoch, revision }
    if (by !== 'peer') return { by, at, version }
    return peer === undefined ? undefined : { by, peer, at, version }
  } catch {
    // Nothing is kept, or nothing that can be read: it is of use to people only.
    return undefined
  }
}

export function createIntake(options: IntakeOptions): Intake {
  const { anchors, clock, health, holding, keep, log, store } = options
  let known: (Origin & { readonly version: Version }) | undefined
  let looked = false

  const take: Intake['take'] = (accepted, from) => {
    const before = holding.held()
    const failure = holding.take(accepted)
    if (failure !== undefined) health.raise('disk-full', describeError(failure))
    const { records, version } = accepted.next
    looked = true
    known = { ...from, at: clock.now(), version }
    const { version: _, ...origin } = known
    keep.write('keep where the intent came from', () => store.set(KEY, JSON.stringify({ ...version, ...origin })))
    keep.journal('intent', `revision ${formatVersion(version)} from ${sourceText(from)}`)
    log.info('new intent', { revision: formatVersion(version), records: records.size, from: sourceText(from) })
    options.onTaken({ accepted, before, from })
  }

  return {
    take,
    offer(kind, frame, from) {
      try {
        take((kind === 'delta' ? acceptDelta : acceptSnapshot)(anchors, holding.held(), frame), from)
        return true
      } catch (error) {
        if (isHoldfastError(error, 'stale')) return false
        throw error
      }
    },
    origin() {
      if (!looked) known = recall(store)
      looked = true
      const held = holding.held()?.version
      if (known === undefined || held === undefined || compareVersion(known.version, held) !== 0) return undefined
      const { version: _, ...origin } = known
      return origin
    },
  }
}
