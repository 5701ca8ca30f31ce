// Tells people what of their objects could not be read: an event at the object, a line in the audit log, and one in the log.
// Once for each state of an object, and not faster than an API server likes it.

import type { Clock, Log } from '../../../shared/effects.ts'
import { describeError } from '../../../shared/errors.ts'
import type { Actor } from '../../audit.ts'
import type { Hub } from '../../hub.ts'
import type { Cluster } from '../cluster.ts'
import { clusterEventsMax, clusterEventsPerSecondMax } from '../cluster-limits.ts'
import { inputName } from '../input.ts'
import { type Derived, refusalOf } from './derived.ts'

export interface TellerOptions {
  readonly hub: Pick<Hub, 'note'>
  readonly cluster: Pick<Cluster, 'tell'>
  readonly clock: Clock
  readonly log: Log
  readonly actor: Actor
}

export interface Teller {
  /** `faulty`: all of them, with their faults. Resolves to the milliseconds after which to tell the rest; 0 if none is left. */
  tell(faulty: readonly Derived[]): Promise<number>
}

const AGAIN_MS = 30_000

interface Told {
  readonly words: string
  /** False while the API server did not take the event. */
  readonly isSent: boolean
}

export function createTeller({ actor, clock, cluster, hub, log }: TellerOptions): Teller {
  /** By uid; of objects that are there and at fault only. */
  const told = new Map<string, Told>()
  let [left, at] = [clusterEventsMax, clock.monotonic()]

  const refill = (): void => {
    const now = clock.monotonic()
    left = Math.min(clusterEventsMax, left + ((now - at) / 1_000) * clusterEventsPerSecondMax)
    at = now
  }

  const tellOne = async ({ input, reason }: Derived, words: string): Promise<boolean> => {
    const object = `${input.kind} ${inputName(input)}`
    if (told.get(input.uid)?.words !== words) {
      log.warn('an object of the cluster can’t be read as it is', { object, why: words })
      hub.note(actor, 'refuse', `${input.kind.toLowerCase()}/${inputName(input)}`, words)
    }
    told.set(input.uid, { words, isSent: false })
    try {
      await cluster.tell(input, { reason, action: 'Translate', note: words })
    } catch (error) {
      // One namespace that takes no events, such as one that is being deleted, keeps nobody else from being told.
      log.debug('an event was not taken', { object, why: describeError(error) })
      return false
    }
    told.set(input.uid, { words, isSent: true })
    return true
  }

  return {
    async tell(faulty) {
      refill()
      const present = new Set(faulty.map(({ input }) => input.uid))
      let againMs = 0
      for (const uid of told.keys()) if (!present.has(uid)) told.delete(uid)
      for (const one of faulty) {
        const { fault, input } = one
        const words = refusalOf(one)
        const held = told.get(input.uid)
        if (fault === undefined || (held?.words === words && held.isSent)) continue
        if (left < 1) return 1_000 / clusterEventsPerSecondMax
        left -= 1
        if (!(await tellOne(one, words))) againMs = AGAIN_MS
      }
      return againMs
    },
  }
}
