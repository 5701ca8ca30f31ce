// The hub: intent in, records signed and published, facts and reports in. Everything people can ask of it, in one type.

import type { BusFactory, Clock, Entropy, Log, Sha256, Signer, Verify } from '../shared/effects.ts'
import type { Fact } from '../shared/fact/fact.ts'
import type { Condition } from '../shared/health.ts'
import type { DeviceKey, Name, NetworkId, NodeId, WgKey } from '../shared/ids.ts'
import type { ListStep } from '../shared/intent/renumber-lists.ts'
import type { AnyResource, Kind } from '../shared/intent/resource.ts'
import type { OverrideView } from '../shared/override/report.ts'
import type { Version } from '../shared/record/head.ts'
import type { SignedLock } from '../shared/record/lock.ts'
import type { LockSubmission, RenumberTo } from '../shared/record/lock-bundle.ts'
import type { Member, Verdict } from '../shared/record/member.ts'
import type { SignedRoot } from '../shared/record/root.ts'
import type { Signatures } from '../shared/record/signatures.ts'
import type { Anchor, AnchorReply, EnrolReply, EnrolRequest } from '../shared/wire/enrol.ts'
import type { RenewReply, RenewRequest } from '../shared/wire/renew.ts'
import type { PathKind, StatusReport } from '../shared/wire/report.ts'
import type { Actor, AuditEntry, AuditQuery } from './audit.ts'
import type { BrokerAccess } from './broker-access.ts'
import type { CommandEvent, HubCommands } from './commands/asked.ts'
import type { AddressUsage } from './compile/address-usage.ts'
import type { HubGlance } from './fleet/glance.ts'
import type { TracePoint } from './fleet/trace.ts'
import type { FleetFlowQuery, FleetFlows } from './flows/fleet-flows.ts'
import type { FleetFlowFigures } from './flows/flow-figures.ts'
import type { FlowStore } from './flows/flow-store.ts'
import type { FlowExport } from './otlp/flow-export.ts'
import type { NodeRecord } from './policy/whatif.ts'
import type { ResourceCondition } from './resource-condition.ts'
import type { HubReleases, HubUpdates, UpdateEvent } from './rollout/hub-updates.ts'

/** A resource as the hub keeps it. */
export interface Stored {
  readonly resource: AnyResource
  readonly uid: string
  /** Counts changes of the spec. */
  readonly generation: number
  /** Opaque; changes with every write. */
  readonly resourceVersion: string
  readonly createdAt: number
}

export interface Shown extends Stored {
  readonly status: { readonly conditions: readonly ResourceCondition[] } & Readonly<Record<string, unknown>>
}

/**
 * `unsigned`: approved, and no member until keys of the membership lock have signed. `disabled`: shut out of the broker, and
 * no member, for as long as its Node says so.
 */
export const nodeStates = ['online', 'offline', 'never-seen', 'pending', 'unsigned', 'disabled'] as const
export type NodeState = (typeof nodeStates)[number]

/** What the hub knows about one enrolled device. */
export interface FleetNode {
  readonly nodeId: NodeId
  readonly name: Name
  readonly network: Name
  readonly wgKey: WgKey
  readonly deviceKey: DeviceKey
  readonly addresses: readonly string[]
  readonly state: NodeState
  /** When the state last changed, and when anything was last heard; milliseconds since the Unix epoch. */
  readonly since: number
  readonly lastSeen?: number
  readonly report?: StatusReport
  readonly fact?: Fact
  /** Policy overrides that hold there; absent where there are none. */
  readonly overrides?: readonly OverrideView[]
  readonly health: readonly Condition[]
  /** By whom it was last heard of, while it does not speak for itself. */
  readonly heardOf?: HeardOf
}

/** The last handshake with a device that another one reported. */
export interface HeardOf {
  readonly by: Name
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly path: PathKind
}

/** A device that was there and is not now. Times are milliseconds since the Unix epoch. */
export interface Away {
  readonly name: Name
  readonly network: Name
  readonly since: number
  readonly lastSeen?: number
  /** As it said last. */
  readonly held?: Version
  readonly applied?: Version
  readonly heardOf?: HeardOf
}

/** A policy override of one device, as it told of it. */
export interface FleetOverride extends OverrideView {
  readonly node: Name
  readonly nodeId: NodeId
  readonly network: Name
  readonly nodeState: NodeState
  readonly nodeLastSeen?: number
  /** What was said of it here; the device may not have heard it yet. */
  readonly verdict?: 'accepted' | 'dropped'
}

/** A device that took a revision back by itself, because something that had worked was lost under it. */
export interface TakenBack {
  readonly name: Name
  readonly version: Version
  /** Milliseconds since the Unix epoch, by the device's clock. */
  readonly since: number
  /** What failed: a word for programs, and the case in a sentence. */
  readonly check: string
  readonly detail: string
  /** False while the device is still looking whether the revision was to blame. */
  readonly certain: boolean
}

/** How a canary stands with the newest revision. */
export interface CanaryState {
  readonly name: Name
  /** Who goes first; the first of them by name. */
  readonly first: readonly Name[]
  readonly firstTotal: number
  /** Those of them where the revision has proven itself. */
  readonly proven: number
  /** `stopped`: one of them took it back. `proven`: on all of them that are online. */
  readonly state: 'watching' | 'stopped' | 'proven'
  readonly takenBack: readonly TakenBack[]
  /** Seconds until all others follow by themselves; absent where people decide, or where it is not proven. */
  readonly finishInS?: number
}

/** A device as people sign for it, and how far they are. */
export interface LockMember {
  readonly member: Member
  readonly signatures: Signatures
  readonly verdict: Verdict
  readonly disabled: boolean
  /** With another WireGuard key or device key, which the device asks for; its present one stands beside. */
  readonly isNext?: true
  /** At which step of a renumbering it has these addresses; absent for those that it has now. */
  readonly at?: ListStep
  /** It is the device key. */
  readonly asksDeviceKey?: true
  /** From the key that the id follows from to the device key, base64; absent where they are the same. */
  readonly links?: readonly string[]
}

export interface LockView {
  readonly network: { readonly id: NetworkId; readonly name: Name }
  /** The lock in force, or the one that ended it; absent where there never was one. */
  readonly lock?: SignedLock
  /** The renumbering that it was asked with. */
  readonly renumber?: RenumberTo
  /** By name; without devices that wait for approval. */
  readonly members: readonly LockMember[]
}

export interface RollOut {
  readonly network: Name
  readonly networkId: NetworkId
  readonly version: Version
  readonly nodes: number
  readonly acknowledged: number
  /** Online but not there yet. */
  readonly pending: readonly Name[]
  readonly offline: readonly Name[]
  /** Where it runs and has proven itself. */
  readonly confirmed: number
  /** Who runs an older one instead, and why; by name. None of them is among the pending and the offline. */
  readonly takenBack: readonly TakenBack[]
  /** Who holds it and lets others go first. */
  readonly waiting: readonly Name[]
  readonly canaries: readonly CanaryState[]
  readonly addresses: readonly AddressUsage[]
}

export type HubEvent =
  | { readonly type: 'put' | 'delete'; readonly kind: Kind; readonly name: string; readonly resourceVersion: string }
  | { readonly type: 'published'; readonly network: Name; readonly version: Version }
  | { readonly type: 'node'; readonly name: Name; readonly state: NodeState }
  | { readonly type: 'acknowledged'; readonly name: Name; readonly version: Version }
  /** The policy overrides of a device are not what they were. */
  | { readonly type: 'override'; readonly name: Name }
  | UpdateEvent
  | CommandEvent
  | ({ readonly type: 'taken-back' } & Pick<TakenBack, 'name' | 'version' | 'check' | 'certain'>)

export interface CreatedToken {
  readonly id: string
  /** The whole word for `holdfast join`; shown once. */
  readonly token: string
  readonly expiresAt: number
}

export interface TokenRow {
  readonly id: string
  readonly network: Name
  readonly createdAt: number
  readonly expiresAt: number
  readonly usesLeft: number
  readonly revoked: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly autoApprove: boolean
}

export interface HubOptions extends HubReleases {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  readonly deflate: (bytes: Uint8Array) => Uint8Array
  readonly anchor: Anchor
  /** Signs heads; its certificate by the root is handed to devices. */
  readonly signer: Signer
  readonly keyCertificates: readonly Uint8Array[]
  /** What leads from former roots to the one of the anchor, the oldest first. */
  readonly roots?: readonly SignedRoot[]
  readonly bus: BusFactory
  readonly brokerAccess: BrokerAccess
  /** Where flows of devices are kept; where absent, they stay with the devices. */
  readonly flowStore?: FlowStore
  /** Where flows go from here; absent where they stay. */
  readonly flowExport?: FlowExport | undefined
  /** What devices are told about the broker. */
  readonly broker: { readonly url: string; readonly webSocketPath: string; readonly tlsAuthority?: string }
  /** False keeps the very first start from making the Network `default`. */
  readonly defaultNetwork?: boolean
}

export interface Hub extends HubUpdates, HubGlance<FleetNode> {
  start(): Promise<void>
  stop(): Promise<void>

  /** Creates or replaces by kind and name. Throws `invalid`, `conflict`, `exhausted`. */
  put(resource: AnyResource, actor: Actor): Shown
  /** All or none, in dependency order: one revision for the whole batch. */
  putAll(resources: readonly AnyResource[], actor: Actor, dryRun?: boolean): readonly Shown[]
  get(kind: Kind, name: string): Shown | undefined
  list(kind: Kind): readonly Shown[]
  delete(kind: Kind, name: string, actor: Actor, resourceVersion?: string): boolean

  createToken(spec: Extract<AnyResource, { kind: 'JoinToken' }>['spec'], actor: Actor): CreatedToken
  listTokens(): readonly TokenRow[]
  revokeToken(id: string, actor: Actor): boolean
  anchor(): AnchorReply
  /** `understands`: what of newer intent the agent says that it can be sent; nothing, where it is older than such words. */
  enrol(request: EnrolRequest, understands?: readonly string[]): Promise<EnrolReply>
  approve(name: string, actor: Actor): Promise<FleetNode>

  /**
   * A device takes its leave; `proof` is its signature over `leaveProofBytes`, `links` lead to the key that it signs with.
   * Throws `forbidden`.
   */
  leave(nodeId: NodeId, proof: Uint8Array, links?: readonly string[]): Promise<void>

  /** For a member that the broker refuses: what it is to sign, and the credentials that it gets for that. */
  challenge(node: NodeId): Uint8Array
  /** Throws `forbidden` and `rate-limited`. */
  renew(request: RenewRequest): Promise<RenewReply>
  /** The membership lock of a network, and who is to be signed for. `to`: and for what, before it is renumbered so. */
  lockView(network: string, to?: RenumberTo): LockView
  /** Takes what people signed. `replace`: a first lock of new keys, where those of the present one are lost. */
  signMembers(network: string, bundle: LockSubmission, replace: boolean, actor: Actor): LockView

  fleet(): readonly FleetNode[]
  /** How a device was of late, as far as this process heard it, the oldest first. */
  trace(name: string): readonly TracePoint[]
  /** What devices were told to do, lately. */
  readonly commands: HubCommands
  /** Policy overrides that devices told of: those that hold first, then by age. */
  overrides(): readonly FleetOverride[]
  /** Puts its policies into intent, for that one device. Returns them. Throws `not-found`, `conflict`. */
  acceptOverride(id: string, actor: Actor): readonly Shown[]
  /** Ends it on its device, as soon as that hears of it. Throws `not-found`, `conflict`. */
  dropOverride(id: string, actor: Actor): FleetOverride
  /** Flows on record that devices brought. Throws `unsupported` where none are kept. */
  flows(query: FleetFlowQuery): FleetFlows
  /** Batches of flows of each device of a network, the newest first; nothing where none are kept. */
  flowRecords(network: string, sinceMs: number): readonly NodeRecord[]
  /** Undefined where no flows are kept. */
  flowFigures(): FleetFlowFigures | undefined
  /** Goes on with the record that the device has, after it was refused. Throws `not-found`. */
  acceptFlows(name: string, actor: Actor): void
  rollOut(): readonly RollOut[]
  /** Resolves when every change so far is signed, stored and handed to the broker. */
  flushed(): Promise<void>
  /** Calls `listener` for each event until the returned function is called. */
  watch(listener: (event: HubEvent) => void): () => void
  /** Newest first. */
  audit(limit: number, query?: AuditQuery): readonly AuditEntry[]
  /** Writes down what is done beside intent, such as giving out an API token. Throws where it can't be kept. */
  note(actor: Actor, verb: string, target: string, detail?: string): void
}
