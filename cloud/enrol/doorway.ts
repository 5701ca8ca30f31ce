// Who comes in and who goes: enrolment and Node change in one transaction, and every part learns of it afterwards.

import type { Clock } from '../../shared/effects.ts'
import type { Name } from '../../shared/ids.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import type { Actor } from '../audit.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { HubEvent } from '../hub.ts'
import type { Commit, Committed } from '../source/commit.ts'
import type { Change, Intents } from '../source/intents.ts'
import type { Enrolment, HubStore, TokenRecord } from '../store/hub-store.ts'
import type { Tokens } from './tokens.ts'

export interface DoorwayOptions {
  readonly clock: Clock
  readonly store: HubStore
  readonly intents: Intents
  readonly enrolments: Map<Name, Enrolment>
  readonly fleet: Fleet
  readonly tokens: Tokens
  readonly commit: Commit
  /** Lets every part know of what is on the disk now. */
  readonly announce: (changes: readonly Change[], committed: Committed) => void
  /** Ends what a device had. */
  readonly cutOff: (enrolment: Enrolment) => void
  readonly emit: (event: HubEvent) => void
  readonly stateOf: (name: Name) => Extract<HubEvent, { type: 'node' }>['state'] | undefined
}

export interface Doorway {
  admit(enrolment: Enrolment, node: Resource<'Node'>, token: TokenRecord | undefined, actor: Actor): void
  leave(enrolment: Enrolment, actor: Actor): void
}

export function createDoorway(options: DoorwayOptions): Doorway {
  const { announce, clock, commit, cutOff, emit, enrolments, fleet, intents, store, tokens } = options
  return {
    admit(enrolment, node, token, actor) {
      const { name, nodeId, state } = enrolment
      const old = enrolments.get(name)
      let used: TokenRecord | undefined
      const changes = intents.prepare([node])
      const verb = token === undefined ? 'approve' : state === 'approved' ? 'enrol' : 'ask'
      const committed = commit(changes, actor, {
        enrolments: new Map([[name, enrolment]]),
        store() {
          store.putEnrolment(enrolment)
          if (token !== undefined) used = tokens.use(token)
          const { name: who, whence } = actor
          store.putAudit({ at: clock.now(), actor: who, verb, target: `node/${name}`, detail: nodeId, whence })
        },
      })
      if (used !== undefined) tokens.settle(used)
      if (old !== undefined && old.nodeId !== nodeId) cutOff(old)
      enrolments.set(name, enrolment)
      fleet.add(enrolment)
      announce(changes, committed)
      emit({ type: 'node', name, state: options.stateOf(name) ?? 'never-seen' })
    },
    leave(enrolment, actor) {
      const { name } = enrolment
      const committed = commit([], actor, {
        enrolments: new Map([[name, undefined]]),
        store() {
          store.deleteEnrolment(name)
          store.putAudit({ at: clock.now(), actor: name, verb: 'leave', target: `node/${name}`, detail: '' })
        },
      })
      cutOff(enrolment)
      announce([], committed)
      // The Node stays, with its address, for a device that joins under its name again.
      const resourceVersion = intents.get('Node', name)?.resourceVersion ?? ''
      emit({ type: 'put', kind: 'Node', name, resourceVersion })
    },
  }
}
