// What proving a router needs of the host.

import type { Address } from '../../shared/address/cidr.ts'

export interface Echo {
  /** Of the router, in the mesh. */
  readonly at: Address
  /** Identifier and sequence number, 16 bits each. */
  readonly id: number
  readonly seq: number
}

export interface Echoes {
  /** Sends one; nothing is said of those that get no answer. Never throws. */
  ask(echo: Echo): void
  close(): void
}

/** Opened once there is something to ask. */
export type OpenEchoes = (onAnswer: (echo: Echo) => void) => Promise<Echoes>
