// What the resolver needs of the host.

import type { Address } from '../../shared/address/cidr.ts'
import type { Log } from '../../shared/effects.ts'
import type { Transport } from './question.ts'
import type { HostResolver, WiringChoice, WiringStatus } from './wiring/doors.ts'

export interface NameServerOptions {
  /** UDP and TCP. */
  readonly port: number
  readonly log: Log
  /** What to send back; undefined for what deserves no answer. `from`: the address that it came from. Never rejects. */
  readonly answer: (question: Uint8Array, transport: Transport, from: string) => Promise<Uint8Array | undefined>
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

export interface NameServerAt {
  readonly host: string
  readonly port: number
}

/** Resolves with its answer, under the number of the question; rejects where there is none, or nobody waits any more. */
export type NameAsker = (
  server: NameServerAt,
  question: Uint8Array,
  transport: Transport,
  signal: AbortSignal,
) => Promise<Buffer>

export interface NameDoors {
  readonly port: number
  /** Absent where nobody is answered. */
  readonly open?: ((options: NameServerOptions) => Promise<NameServer>) | undefined
  /** Addresses of this host. */
  readonly local?: () => ReadonlySet<string>
  /** Asks other name servers; absent where none are asked. */
  readonly ask?: NameAsker
  /** Who of this host is told, and how; absent where nobody is. */
  readonly host?: { readonly choice: WiringChoice; readonly open: () => Promise<HostResolver> }
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
  /** Whether programs of this host ask here; absent where that is nobody's business. */
  readonly host?: WiringStatus
}
