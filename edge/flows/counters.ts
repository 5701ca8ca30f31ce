// What the kernel has counted of the mesh's flows: the seam between those who count, nft or programs, and the ledger.

import type { Address } from '../../shared/address/cidr.ts'
import type { Amount, FlowRecord } from '../../shared/flows/batch.ts'

export type Outside = NonNullable<FlowRecord['outside']>

/** A flow, from who opened it. ICMP's port is 0, and its identifier the source port. */
export interface FlowKey {
  readonly source: Address
  readonly destination: Address
  /** IANA's number. */
  readonly protocol: number
  /** Absent where it is all flows of this service that found no room of their own. */
  readonly sourcePort?: number
  readonly destinationPort: number
  /** Who asked, where the source is this node and asks for somebody. No part of what policy judges. */
  readonly outside?: Outside
}

/** A flow of TCP or UDP that goes into the mesh by another destination than it came for. */
export interface Led {
  /** IANA's number. */
  readonly protocol: number
  readonly source: Address
  readonly sourcePort: number
  readonly destination: Address
  readonly destinationPort: number
  /** Source port that it goes on with. */
  readonly by: number
  readonly backend: Address
  readonly backendPort: number
}

export interface FlowCount extends FlowKey {
  readonly sent: Amount
  readonly back: Amount
  /** Number of the reason, where who counts knows it; one of the program's own is a word. */
  readonly rule?: number | string
}

/** Packets by who would open a flow, of all its ports. */
export interface ServiceCount extends Omit<FlowKey, 'sourcePort'> {
  readonly amount: Amount
  readonly rule?: number | string
}

/** Sums since the epoch began; whatever is not there any more, and comes again, begins at zero. */
export interface FlowSnapshot {
  readonly by: 'bpf' | 'nft'
  /** Another one where counting began anew. */
  readonly epoch: string
  /** Counting began with this very look. */
  readonly fresh: boolean
  /** By what tells them apart, in the words of who counts: the same for the same flow from one look to the next. */
  readonly flows: ReadonlyMap<string, FlowCount>
  /**
   * What was dropped, or, `asked`, what came before policy decided: then what of it did not pass was dropped.
   */
  readonly services: { readonly count: 'asked' | 'dropped'; readonly all: readonly ServiceCount[] }
  /** That found no room among all these. */
  readonly unroomed: Amount
  /** All that counts above come to, also what found no room, at the end of the look. */
  readonly total: Amount
  /** … and at its beginning, where what found no room shows by that alone. */
  readonly totalAtFirst?: Amount
  /** Where it was asked for. */
  readonly led?: readonly Led[]
}

export interface FlowReader {
  /** Grows whenever the mesh's interface moves a packet, and costs next to nothing; undefined where there is none. */
  moved(): number | undefined
  /**
   * Sees to it that flows are counted, and reads the counts; `led`: also who was led where. Throws where the
   * kernel does not tell.
   */
  read(wish?: { readonly led: boolean }): Promise<FlowSnapshot>
}
