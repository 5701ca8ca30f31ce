// The end of a membership, for good or for a while. A device that is removed or disabled keeps no voice: the broker shuts
// it out and drops its connection, the hub hears it no more, and what the broker kept of its words is taken back, so that
// nobody acts on them. The device itself learns of it by the refusal, which its agent reports as `hub-refused`.

import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { BrokerAccess } from '../broker-access.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Networks } from '../publish/networks.ts'
import type { Enrolment } from '../store/hub-store.ts'

export interface MembershipOptions {
  readonly access: BrokerAccess
  readonly fleet: Fleet
  readonly networks: Networks
  readonly log: Log
}

export interface Membership {
  /** For good: the device was removed, or left. */
  end(enrolment: Enrolment): void
  /** While its Node is disabled; its credentials wait. Also said at each start, because brokers are told, not asked. */
  suspend(enrolment: Enrolment): void
  resume(enrolment: Enrolment): void
}

export function createMembership({ access, fleet, log, networks }: MembershipOptions): Membership {
  const tell = async ({ name }: Enrolment, done: Promise<void>): Promise<void> => {
    try {
      await done
    } catch (error) {
      log.error('the broker could not be told who may use it', { node: name, reason: describeError(error) })
    }
  }
  /** Not before the connection is gone: its last words would come after. */
  const silence = async (enrolment: Enrolment, done: Promise<void>): Promise<void> => {
    await tell(enrolment, done)
    networks.get(enrolment.network)?.link.forget(enrolment.nodeId)
  }
  return {
    end(enrolment) {
      fleet.remove(enrolment.nodeId)
      void silence(enrolment, access.revoke(enrolment.nodeId))
    },
    suspend(enrolment) {
      fleet.suspend(enrolment.nodeId, true)
      void silence(enrolment, access.suspend(enrolment.nodeId))
    },
    resume(enrolment) {
      fleet.suspend(enrolment.nodeId, false)
      void tell(enrolment, access.resume(enrolment.nodeId))
    },
  }
}
