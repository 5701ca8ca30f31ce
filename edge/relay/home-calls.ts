// Calls of one session with a relay: out, and not answered yet.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import type { NodeId } from '../../shared/ids.ts'
import { relayCallsOutMax } from '../../shared/limits.ts'

/** A session that the relay made by a CALL. */
export interface Offer {
  readonly port: number
  readonly key: Uint8Array
  /** Where the relay sees this node. */
  readonly observed: Endpoint
}

/** A session with the relay itself, by which others are called. */
export interface Home {
  /** Undefined if it did not come to be. */
  call(peer: NodeId, answered: (offer: Offer | undefined) => void): void
}

export interface HomeCalls {
  /** `name`: of the frame, as a refusal names it. */
  add(name: Uint8Array, answered: (offer: Offer | undefined) => void): void
  /** Undefined where the relay refused. */
  answer(name: Uint8Array, offer: Offer | undefined): void
}

export function createHomeCalls(): HomeCalls {
  const out = new Map<string, (offer: Offer | undefined) => void>()
  return {
    add(name, answered) {
      const [oldest] = out.keys()
      if (out.size >= relayCallsOutMax && oldest !== undefined) out.delete(oldest)
      out.set(toHex(name), answered)
    },
    answer(name, offer) {
      const answered = out.get(toHex(name))
      out.delete(toHex(name))
      answered?.(offer)
    },
  }
}
