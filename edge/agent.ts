// The agent: records in, kernel programmed, facts and reports out.

import type { Address, Cidr } from '../shared/address/cidr.ts'
import type { Endpoint } from '../shared/address/endpoint.ts'
import type { BusFactory, Clock, Entropy, Log, Sha256, Signer, Verify } from '../shared/effects.ts'
import type { Condition, ShownCondition } from '../shared/health.ts'
import type { Name, NodeId, WgKey } from '../shared/ids.ts'
import type { OverrideView } from '../shared/override/report.ts'
import type { Version } from '../shared/record/head.ts'
import type { PeerHistory } from '../shared/wire/history.ts'
import type { PathKind, StatusReport } from '../shared/wire/report.ts'
import type { UplinkQuality } from '../shared/wire/uplink-quality.ts'
import type { CommandDoors } from './commands/doors.ts'
import type { ConfirmDoors } from './confirm/doors.ts'
import type { ConfirmView } from './confirm/view.ts'
import type { Driver } from './drivers/driver.ts'
import type { AgentFlows, FlowDoors } from './flows/doors.ts'
import type { GossipDoor } from './gossip/doors.ts'
import type { GossipStatus } from './gossip/tally.ts'
import type { Identity } from './identity.ts'
import type { DeviceFiles, DeviceKeyStatus } from './keys/own-device.ts'
import type { KeyFiles, KeyStatus } from './keys/own-key.ts'
import type { BeaconCodecOptions } from './lan/beacon.ts'
import type { BeaconSocket } from './lan/doors.ts'
import type { AgentFigures } from './metrics/doors.ts'
import type { MirrorDriver } from './mirror/doors.ts'
import type { MirrorView } from './mirror/order.ts'
import type { AgentMirror } from './mirror/people.ts'
import type { NameDoors, NamesStatus } from './names/doors.ts'
import type { AgentOverrides } from './override/people.ts'
import type { PathDoors } from './paths/doors.ts'
import type { PathsReport } from './paths/report.ts'
import type { Op } from './plan/op.ts'
import type { PodDoors } from './pods/doors.ts'
import type { KubernetesView } from './pods/view.ts'
import type { PortMappingDoors } from './portmap/own-portmap.ts'
import type { OpenedRelay, OpenRelayOptions } from './relay/open-relay.ts'
import type { TlsDuty } from './relay/open-tls.ts'
import type { CutOff, HeardOf, HubFailure } from './report/cut-off.ts'
import type { NetworkStanding } from './report/network-standing.ts'
import type { OpenEchoes } from './routers/echoes.ts'
import type { RouterStatus } from './routers/own-routers.ts'
import type { ServiceDoors } from './services/doors.ts'
import type { Drain } from './services/drain.ts'
import type { ServiceStatus } from './services/status.ts'
import type { Store } from './store/store.ts'
import type { LockFile } from './trust/lock-pin.ts'
import type { Origin } from './trust/origin.ts'
import type { RootStatus } from './trust/own-root.ts'
import type { RootFile } from './trust/root-pin.ts'
import type { UpdateDoors } from './update/doors.ts'
import type { OrderView } from './update/order-doors.ts'
import type { AgentUpdates } from './update/update.ts'
import type { UpdateView } from './update/view.ts'
import type { UpkeepDoors, UpkeepStatus } from './upkeep/upkeep.ts'
import type { UplinkDoors } from './uplinks/doors.ts'
import type { WayOut } from './uplinks/way-out.ts'

export interface AgentSettings {
  readonly interface: string
  /** Of nft, outside of the network namespace that the interface is in, where it is in one of its own. */
  readonly outsideTable?: string | undefined
  readonly listenPort: number
  /** UDP port of the path engine on this host; absent where it does not run. */
  readonly controlPort?: number | undefined
  /** Port inside the mesh for the agent's own words: UDP for echo and single words of gossip, TCP for exchanges. */
  readonly meshPort: number
  readonly version: string
  readonly host: Readonly<StatusReport['host']>
}

export interface AgentOptions {
  readonly identity: Identity
  readonly settings: AgentSettings
  readonly wgKey: WgKey
  /** Where WireGuard's keys lie, and where those of the device; where absent, the key stays as it is. */
  readonly keyFiles?: KeyFiles
  readonly deviceFiles?: DeviceFiles
  /** Signs with the device key that is in use. */
  readonly signer: Signer
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  /** Raw deflate and inflate (RFC 1951); inflate throws `too-large` beyond `bytesMax`. */
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  readonly store: Store
  /** Where the pinned membership lock lies; in the store where absent. */
  readonly lockFile?: LockFile
  /** Where the pinned root key lies; in the store where absent. */
  readonly rootFile?: RootFile
  readonly driver: Driver
  readonly bus: BusFactory
  /** What the doors of this host found (clock, certificate of the hub); asked at every turn, shown among the health. */
  readonly hostConditions?: () => readonly Condition[]
  /** Set where the state was rebuilt at start, so that health says so. */
  readonly databaseRebuilt?: string
  /** Raises the wall clock to `floorMs` if it may and must; called before WireGuard comes up. Returns what people should know. */
  readonly raiseClock?: (floorMs: number) => Promise<Condition | undefined>
  /** The doors of the path engine; where they are absent, or the host can't share WireGuard's port, endpoints take turns. */
  readonly paths?: PathDoors
  /** Watches over each new revision and takes it back where it breaks what worked; absent where each is taken at its word. */
  readonly confirm?: ConfirmDoors
  /** The slots of the program; absent where no starter could start another version of it. */
  readonly update?: UpdateDoors | undefined
  /** Does what the hub says; absent where this host can't. */
  readonly commands?: CommandDoors | undefined
  /** Finds the other nodes of the same LAN; absent where this host must not shout on its links. */
  readonly lan?: { readonly socket: BeaconSocket; readonly crypto: BeaconCodecOptions['crypto'] }
  readonly gossip: { readonly door: GossipDoor; readonly deflate: (bytes: Uint8Array) => Uint8Array }
  /** Asks the router in front of this host for an outside port; absent where no router shall be asked. */
  readonly portMapping?: PortMappingDoors
  /** Chooses among several uplinks; absent where the host's own choice is always taken. */
  readonly uplinks?: UplinkDoors & { readonly wayOut: Pick<WayOut, 'serve'> }
  /** What people say that goes out by the uplink this host prefers, in Mbit/s. */
  readonly uplinkMbps?: number | undefined
  /** Absent where nobody asks what upkeep costs. */
  readonly upkeep?: UpkeepDoors
  /** Keeps flows on record; absent where none are. */
  readonly flows?: FlowDoors
  /** Copies packets of the mesh to another interface; loaded once somebody asks for it. Absent where nothing can. */
  readonly mirror?: () => Promise<MirrorDriver>
  /** Reads the pods behind this node; absent where it looks at no cluster. */
  readonly pods?: PodDoors | undefined
  /** Answers for the names of the mesh; absent where it shall not. */
  readonly names?: NameDoors | undefined
  /** Asks machines behind routers whether those forward; absent: routers that answer are taken at their word. */
  readonly echoes?: OpenEchoes | undefined
  /** Asks backends of services whether they serve; absent: they are taken at their word. */
  readonly services?: ServiceDoors | undefined
  /** Opens the relay that this node's record offers; absent where it can't. */
  readonly openRelay?: (duty: RelayDuty) => Promise<OpenedRelay>
  /** Addresses of a DNS name, for public endpoints; absent where names are of no use. */
  readonly resolve?: (name: string) => Promise<readonly Address[]>
  /** Told, at each change of the set, whether this node's record names a public endpoint. */
  readonly onPublic?: (now: boolean) => void
}

/** Whom a relay serves, and by whose word. */
export interface RelayDuty extends Pick<OpenRelayOptions, 'port' | 'self' | 'network' | 'trusted' | 'members'> {
  readonly tls?: Required<Pick<TlsDuty, 'port' | 'signer' | 'onLocal' | 'onTrouble'>> | undefined
}

/** How the own key stands, and who goes by it. */
export interface KeysReport extends KeyStatus {
  readonly device: DeviceKeyStatus
  /** Name of this node. */
  readonly node: Name
  /** The hub is there to take it into intent. */
  readonly online: boolean
  /** Peers whose WireGuard shook hands under this key; of all of them. */
  readonly met: number
  readonly peers: number
  /** Who was not met yet, by name. */
  readonly unmet: readonly Name[]
}

export interface PeerStatus {
  readonly nodeId: NodeId
  readonly name: Name
  readonly addresses: readonly Address[]
  readonly path: PathKind
  readonly via?: Name
  readonly endpoint?: Endpoint
  readonly rttMs?: number
  readonly handshakeAgeS?: number
  readonly rxBytes: number
  readonly txBytes: number
  /** Payload was seen lately. */
  readonly active: boolean
}

export interface RelayPorts {
  readonly port: number
  readonly tlsPort: number
}

/** The shape of `holdfast status --json`; other programs build on it. */
export interface AgentStatus extends NetworkStanding {
  readonly node: Name
  readonly nodeId: NodeId
  readonly network: Name
  readonly addresses: readonly Address[]
  /** Times are milliseconds since the Unix epoch. */
  readonly hub: {
    readonly connected: boolean
    readonly since: number
    readonly lastContact?: number
    /** Absent where it was never heard, or where the clock is behind. */
    readonly lastContactAgeS?: number
    readonly url: string
    /** Why the link is down. */
    readonly failure?: HubFailure
    /** Absent while connected or trying. */
    readonly nextTryInS?: number
  }
  readonly mode: 'online' | 'autonomous'
  /** Since when the mode holds. */
  readonly modeSince: number
  /** What is missing, and by whom newer intent would come meanwhile; absent while the hub is there. */
  readonly cutOff?: CutOff
  readonly revision: {
    readonly held: Version
    readonly applied: Version
    readonly lastGood: Version
    readonly quarantined?: Version
    /** Who brought what is held, and when; absent for what enrolment brought. */
    readonly source?: Origin
    /** When the hub signed what is held, by its clock, and how long ago that is; no age where the clock is behind. */
    readonly signedAt?: number
    readonly ageS?: number
    /** Newer than what is held, and not here yet. */
    readonly newestHeard?: HeardOf
  } & ConfirmView
  /** The root key of the hub that this node trusts. */
  readonly rootKey: RootStatus
  /** Policy overrides that hold, and the last that ended. */
  readonly overrides: readonly OverrideView[]
  /** Where the mesh's traffic is copied to, decrypted; absent where it is not. */
  readonly mirror?: MirrorView
  /** How the resolver stands; absent where there is none, or no network yet. */
  readonly names?: NamesStatus
  /** This device leaves its services and routes. */
  readonly drains?: true
  /** Blocks that others reach through this device, as the mesh calls them; absent where there is none. */
  readonly leads?: readonly Cidr[]
  /** Services of the network as this node has them, by name; absent where there are none. */
  readonly services?: readonly ServiceStatus[]
  /** Blocks that several nodes lead to, and by which of them this one goes; absent where there is none. */
  readonly routers?: readonly RouterStatus[]
  /** Ports of the relay that this node's record offers; absent where it offers none. */
  readonly relay?: RelayPorts
  /** The cluster whose pods are behind this node; absent where it looks at none. */
  readonly kubernetes?: KubernetesView
  /** How good the way out is, as the hub is told. */
  readonly uplink: UplinkQuality
  readonly peers: readonly PeerStatus[]
  readonly health: readonly ShownCondition[]
  /** What was said to peers and heard of them, since the start. */
  readonly gossip: GossipStatus
  /** What this device spends on being reachable while nobody uses it. */
  readonly upkeep: UpkeepStatus
  readonly uptimeS: number
  readonly version: string
  /** An update of this agent that is on trial, or what became of the last one; absent where there was none. */
  readonly update?: UpdateView
  /** How the newest order of the hub to run another version stands; absent where this agent takes none. */
  readonly order?: OrderView
}

export interface Agent {
  /** Loads the cache, programs the kernel from it, then looks for the hub. Resolves once the first turn is done. */
  start(): Promise<void>
  /** Stops talking; the kernel is left as it is, so that traffic goes on. */
  stop(): Promise<void>
  status(): AgentStatus
  /** Own addresses inside the mesh. */
  addresses(): readonly Address[]
  /** Another member has that address inside the mesh. */
  hasPeerAt(address: Address): boolean
  /** Every way to every peer, and why it is used or not; how a peer was reached of late, undefined where there is none such. */
  paths(): PathsReport
  history(node: NodeId): PeerHistory | undefined
  readonly figures: AgentFigures
  /** What the next turn would do. */
  plan(): Promise<readonly Op[]>
  /** A file with the newest intent and all facts that this node holds. */
  exportIntent(): Uint8Array
  /** Takes such a file: true if it brought newer intent. Throws where it does not verify. */
  importIntent(file: Uint8Array): boolean
  /** Tries the quarantined revision once more. False where there is none. */
  retry(): boolean
  /** Ends the watch over the revision on trial: it counts as good. False where there is none. */
  confirm(): boolean
  /** Somebody with root has changed what is pinned, as `detail` says: everybody is judged anew. Throws where it can't be read. */
  trustAnew(detail: string): void
  updates(): AgentUpdates | undefined
  /** Policy overrides: see them, set one, end one early. */
  readonly overrides: AgentOverrides
  readonly mirror: AgentMirror
  /** Who talked with whom through the mesh, by which rule. */
  readonly flows: AgentFlows
  /** This device's WireGuard key. */
  keys(): KeysReport
  /** Another WireGuard key. Resolves once WireGuard has it, or under a membership lock once people are asked to sign for it. */
  rotateKey(): Promise<KeysReport>
  /** Another device key. Throws where nobody would follow to it. */
  rotateDeviceKey(): KeysReport
  /** No longer answers to keys it had before. */
  forgetKeys(): KeysReport
  /** Leaves the services that this device stands behind, or comes back to them. */
  readonly drain: Drain
  /** Asks for a turn now: something changed, or a person wants it. */
  wake(): void
  /** The measured round trip to a peer over the mesh, from the echo service. */
  noteRtt(node: NodeId, rttMs: number): void
}
