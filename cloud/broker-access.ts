// Who may use the broker, as the hub tells it: the seam between the hub and whichever broker it has.

import type { NetworkId, NodeId } from '../shared/ids.ts'

/** Who may use the broker: told to it before a device is given its credentials, and when a device is cut off. */
export interface BrokerAccess {
  /** `password` is 32 random bytes, known only at enrolment; its `credentialId` is what is kept of it. */
  allow(node: NodeId, network: NetworkId, password: string): Promise<void>
  /** Also drops the connection the node may have. */
  revoke(node: NodeId): Promise<void>
  /** Keeps the credentials, but lets nobody in with them until `resume`; also drops the connection. */
  suspend(node: NodeId): Promise<void>
  resume(node: NodeId): Promise<void>
  /** What names the node's present credential; undefined where it has none. */
  credential(node: NodeId): Uint8Array | undefined
}
