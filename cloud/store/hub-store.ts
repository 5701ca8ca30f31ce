// What the hub keeps: intent, who enrolled, addresses that never move, and every signed revision. Synchronous, like the
// agent's store: what a call returned from is on the disk.

import type { Address } from '../../shared/address/cidr.ts'
import type { DeviceKey, Name, NetworkId, NodeId, WgKey } from '../../shared/ids.ts'
import type { Kind } from '../../shared/intent/resource.ts'
import type { Version } from '../../shared/record/head.ts'
import type { RecordSet } from '../../shared/record/record.ts'
import type { Signatures } from '../../shared/record/signatures.ts'
import type { AuditEntry, AuditQuery, AuditRow } from '../audit.ts'
import type { KeptCommand } from '../commands/asked.ts'
import type { Stored } from '../hub.ts'

/** What people signed for a device by one of its keys. */
export interface Signed {
  /** By keys of the membership lock, over what makes this device a member. */
  readonly signatures?: Signatures
  /** The same, for lists of addresses that a renumbering leads through; the youngest last. */
  readonly lists?: readonly { readonly addresses: readonly Address[]; readonly signatures: Signatures }[]
}

export interface Enrolment extends Signed {
  readonly name: Name
  readonly nodeId: NodeId
  readonly network: Name
  readonly wgKey: WgKey
  /** Serial of that key; absent for the one of enrolment. */
  readonly wgSerial?: number
  /** Keys it had before, the youngest first: none of them comes back. */
  readonly formerWgKeys?: readonly WgKey[]
  readonly deviceKey: DeviceKey
  /** Serial of that key; absent for the one of enrolment. */
  readonly deviceSerial?: number
  /** From the key of enrolment to the present one, base64, as far as they are known: shown to who signs for members. */
  readonly deviceLinks?: readonly string[]
  readonly state: 'pending' | 'approved'
  readonly tokenId: string
  readonly at: number
  /** The key that the device asks for, under a membership lock, with the signatures it has so far. */
  readonly next?: Signed & { readonly wgKey: WgKey; readonly serial: number; readonly signatures: Signatures }
  /** The device key that the device asks for, under a membership lock, what leads to it, and the signatures it has so far. */
  readonly nextDevice?: Signed & {
    readonly deviceKey: DeviceKey
    readonly serial: number
    readonly links: readonly string[]
    readonly signatures: Signatures
  }
}

/** Addresses that belong to a node or service for good, by `kind/name`. */
export interface Allocation {
  readonly network: Name
  readonly owner: string
  readonly addresses: readonly Address[]
}

export interface TokenRecord {
  readonly id: string
  readonly secretHash: Uint8Array
  readonly network: Name
  readonly createdAt: number
  readonly expiresAt: number
  readonly usesLeft: number
  readonly revoked: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly autoApprove: boolean
}

/** A network's place in history. The id is made once and outlives a change of everything else. */
export interface NetworkState {
  readonly name: Name
  readonly id: NetworkId
  readonly epoch: number
}

export interface Published {
  readonly version: Version
  /** Envelope. */
  readonly head: Uint8Array
  readonly records: RecordSet
  /** The revision in which each record last changed. */
  readonly changedAt: ReadonlyMap<string, Version>
}

/** One revision, to be stored whole or not at all. */
export interface Revision {
  readonly version: Version
  readonly head: Uint8Array
  readonly put: RecordSet
  readonly del: readonly string[]
}

/** The last word of one node, as it is kept across restarts of the hub. */
export interface LastWord {
  readonly nodeId: NodeId
  readonly lastSeen: number
  /** The session that was last online, and since when: a hub that restarts knows it again. */
  readonly session?: string
  readonly since?: number
  readonly status?: Uint8Array
  readonly fact?: Uint8Array
  /** What it told of its policy overrides. */
  readonly override?: Uint8Array
}

export interface HubStore {
  /** All or nothing; nests. */
  transaction<T>(run: () => T): T
  /** Small things by name: counters, cursors. */
  value(name: string): string | undefined
  putValue(name: string, value: string): void

  resources(): readonly Stored[]
  putResource(stored: Stored): void
  deleteResource(kind: Kind, name: string): void

  enrolments(): readonly Enrolment[]
  putEnrolment(enrolment: Enrolment): void
  deleteEnrolment(name: Name): void

  allocations(): readonly Allocation[]
  putAllocation(allocation: Allocation): void
  deleteAllocation(network: Name, owner: string): void

  tokens(): readonly TokenRecord[]
  putToken(token: TokenRecord): void
  deleteToken(id: string): void

  networks(): readonly NetworkState[]
  putNetwork(state: NetworkState): void

  published(id: NetworkId): Published | undefined
  saveRevision(id: NetworkId, revision: Revision): void
  /** Revisions of `epoch` above `revision`, oldest first; a gap at the start means that they are no longer kept. */
  revisionsSince(id: NetworkId, version: Version): readonly Revision[]
  deleteNetwork(name: Name, id: NetworkId): void

  lastWords(): readonly LastWord[]
  putLastWords(words: readonly LastWord[]): void
  deleteLastWord(node: NodeId): void

  /** Commands to devices, the oldest first. */
  commands(): readonly KeptCommand[]
  /** `file`: what came of it, where that is no JSON; one that is kept already stays where it is absent. */
  putCommand(command: KeptCommand, file?: Uint8Array): void
  commandFile(id: string): Uint8Array | undefined
  dropCommandFile(id: string): void
  deleteCommand(id: string): void

  putAudit(row: AuditRow): void
  /** Newest first. */
  audit(limit: number, query?: AuditQuery): readonly AuditEntry[]
  close(): void
}
