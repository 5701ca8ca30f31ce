// What services need of the host.

import type { Address } from '../../shared/address/cidr.ts'
import type { GateListener } from '../gate/listener.ts'
import type { GateLed } from '../gate/told.ts'
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

export interface GateDoor {
  /** For whom it asked lately. */
  led(): readonly GateLed[]
  /** All there are to be from now on; connections that are open go on. */
  set(listeners: readonly GateListener[]): void
  close(): void
}

export interface ServiceDoors {
  /** Never rejects. */
  readonly ask: (question: Question, timeoutMs: number) => Promise<Outcome>
  /** Which local programs have one of these ports; absent: it can't be told, and nothing is published. Never rejects. */
  readonly listening?: (wanted: readonly PortRef[]) => Promise<readonly Listening[]>
  /** Starts what leads connections by names; absent: this build can't. */
  readonly openGate?: () => Promise<GateDoor>
  /** Ends flows of UDP that were led to backends that are gone. Never rejects; does nothing where this build can't. */
  readonly end: (gone: readonly Gone[]) => Promise<void>
}
