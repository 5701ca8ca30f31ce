// What the choice of an uplink needs of the host. The drivers' side is made by main.ts.

import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Steering } from './steering.ts'
import type { Family, UplinkRoute } from './uplink.ts'

/** Rules and tables of the kernel, and only ours among them. */
export interface SteeringDriver {
  read(family: Family): Promise<Steering>
  /** From whatever stands to what is wanted. Throws `failed` where the kernel refuses. */
  set(family: Family, wanted: Steering): Promise<void>
  /** Removes every trace. */
  cleanup(): Promise<void>
}

/** A UDP socket at the address of an uplink. */
export interface ProbeSocket {
  readonly port: number
  /** What can't be sent is lost. */
  send(bytes: Uint8Array, to: Endpoint): void
  close(): void
}

export interface UplinkDoors {
  /** The default routes of the main table. */
  readonly routes: () => readonly UplinkRoute[]
  /** The rest is loaded once there are several. */
  readonly steering: () => Promise<SteeringDriver>
  readonly openProbe: (local: Address, onMessage: (bytes: Uint8Array, from: Endpoint) => void) => Promise<ProbeSocket>
  /** True if somebody there takes a connection that comes from `local`. */
  readonly knock: (local: Address, to: Endpoint, timeoutMs: number) => Promise<boolean>
}
