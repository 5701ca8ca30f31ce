// What the resolver needs of the host.

import type { Address } from '../../shared/address/cidr.ts'
import type { Log } from '../../shared/effects.ts'
import type { Transport } from './wire.ts'

export interface NameServerOptions {
  /** UDP and TCP. */
  readonly port: number
  readonly log: Log
  /** What to send back; undefined for what deserves no answer. Never rejects. */
  readonly answer: (question: Uint8Array, transport: Transport) => Promise<Uint8Array | undefined>
}

export interface NameServer {
  /**
   * Listens there and nowhere else; what could not be opened is tried again each time. Resolves once each place is open or
   * refused.
   */
  follow(addresses: readonly Address[]): Promise<void>
  /** Why nothing is heard there, by address. */
  refused(): ReadonlyMap<Address, string>
  close(): void
}

export interface NameDoors {
  readonly port: number
  readonly open: (options: NameServerOptions) => Promise<NameServer>
}

/** How the resolver stands, for status. */
export interface NamesStatus {
  readonly domain: string
  readonly port: number
  /** Where it is asked. */
  readonly at: readonly Address[]
  /** Why it is not asked there: somebody else's port, mostly. */
  readonly refused: readonly { readonly address: Address; readonly why: string }[]
  readonly answered: number
  /** Questions beyond what is answered in a second. */
  readonly spared: number
}
