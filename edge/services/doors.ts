// What services need of the host.

import type { Address } from '../../shared/address/cidr.ts'
import type { TlsListener } from '../tls-gate/match.ts'
import type { Listening, PortRef } from './publish.ts'
import type { Outcome } from './verdict.ts'

/** Where it is asked whether somebody serves, and how. */
export interface Question {
  readonly address: Address
  readonly port: number
  /** For a page; absent: that the connection comes to be is enough. */
  readonly path?: string
}

/** Whoever asked for the virtual address was led to that backend. */
export interface Gone {
  readonly virtual: Address
  readonly backend: Address
}

export interface TlsGate {
  /** All there are to be from now on; connections that are open go on. */
  set(listeners: readonly TlsListener[]): void
  close(): void
}

export interface ServiceDoors {
  /** Never rejects. */
  readonly ask: (question: Question, timeoutMs: number) => Promise<Outcome>
  /** Which local programs have one of these ports; absent: it can't be told, and nothing is published. Never rejects. */
  readonly listening?: (wanted: readonly PortRef[]) => Promise<readonly Listening[]>
  /** Starts what leads TLS by names; absent: this build can't. */
  readonly openTlsGate?: () => Promise<TlsGate>
  /** Ends flows of UDP that were led to backends that are gone. Never rejects; does nothing where this build can't. */
  readonly end: (gone: readonly Gone[]) => Promise<void>
}
