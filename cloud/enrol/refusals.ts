// Keys that devices asked for and were refused: logged, and written in the audit log once, for they come with every fact.

import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Enrolment, HubStore } from '../store/hub-store.ts'

export interface RefusalsOptions {
  readonly clock: Clock
  readonly log: Log
  readonly store: Pick<HubStore, 'putAudit'>
  /** What was refused, for the log; and how the audit log calls it. */
  readonly what: string
  readonly verb: string
}

export interface Refusals {
  /** `about`: what tells one refusal from another. */
  tell(enrolment: Pick<Enrolment, 'name' | 'nodeId'>, about: string | number, error: unknown): void
  forget(node: NodeId): void
}

export function createRefusals({ clock, log, store, verb, what }: RefusalsOptions): Refusals {
  /** The last of each device. */
  const told = new Map<NodeId, string | number>()
  return {
    tell({ name, nodeId }, about, error) {
      if (told.get(nodeId) === about) return
      told.set(nodeId, about)
      const why = describeError(error)
      log.warn(`${what} of a device was refused`, { name, why })
      try {
        store.putAudit({ at: clock.now(), actor: name, verb, target: `node/${name}`, detail: why.slice(0, 300) })
      } catch (failure) {
        log.warn('the refusal was not written down', { why: describeError(failure) })
      }
    },
    forget: (node) => void told.delete(node),
  }
}
