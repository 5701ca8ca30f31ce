// The paths to one peer as programs and people see them: ages instead of moments of a clock that nobody else has.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import type { PortMappingReport } from '../portmap/report.ts'
import type { UplinkReport } from '../uplinks/report.ts'
import type { CandidateSource, CandidateState, PathKind, PathView } from './path.ts'
import type { SizeView } from './path-sizes.ts'
import type { Mapping } from './reflexive.ts'

export interface CandidateReport {
  readonly endpoint: Endpoint
  readonly kind: PathKind
  readonly source: CandidateSource
  readonly via?: Name
  readonly state: CandidateState
  readonly inUse: boolean
  readonly rttMs?: number
  /** 0 to 1. */
  readonly loss?: number
  readonly lastAnswerAgeMs?: number
  readonly lastProbeAgeMs?: number
  /** Until it may be switched back to. */
  readonly heldForMs?: number
  /** What it carries; absent where nothing is known of that. */
  readonly mtu?: MtuReport
  readonly reason: string
}

export interface MtuReport {
  /** Largest packet of the mesh that goes by it whole. */
  readonly bytes: number
  /** It is the network's MTU: the path takes nothing away. */
  readonly full: boolean
  /** Absent where it is remembered or assumed. */
  readonly measuredAgeMs?: number
  /** The least size that was lost again and again. */
  readonly tooBig?: number
}

export interface PathReport {
  readonly name: Name
  readonly nodeId: NodeId
  readonly natType: Mapping['natType']
  readonly mode: PathView['mode']
  readonly decides: boolean
  readonly candidates: readonly CandidateReport[]
  readonly history: readonly { readonly ageMs: number; readonly what: string }[]
}

/** The shape of `holdfast paths --json`. */
export interface PathsReport {
  /** Off: this host can't share WireGuard's port, and endpoints take turns until one answers. */
  readonly engine: 'on' | 'off'
  readonly natType: Mapping['natType']
  readonly mapped: readonly Endpoint[]
  /** Addresses this node bears outside, whatever the port. */
  readonly outside?: readonly string[]
  /** All relays of the network but this node, the nearest first. */
  readonly relays?: readonly RelayReport[]
  /** Whether the router in front of this node leads an outside port to it. */
  readonly portMapping?: PortMappingReport
  /** Default routes of this host, by family, as it prefers them. */
  readonly uplinks?: readonly UplinkReport[]
  /** Prefix of the translator by which IPv4 is reached; absent where none is needed. */
  readonly nat64?: Cidr
  /** Who was just heard on this LAN; absent where nobody listens. */
  readonly near?: readonly Name[]
  readonly peers: readonly PathReport[]
}

export interface RelayReport {
  readonly name: Name
  /** `silent`: it does not answer here. */
  readonly by: 'udp' | 'tls' | 'silent'
  readonly rttMs?: number
}

export interface PathPeer {
  readonly name: Name
  readonly nodeId: NodeId
  readonly natType: Mapping['natType']
}

function mtuOf(size: SizeView | undefined, nowMs: number): Pick<CandidateReport, 'mtu'> {
  if (size === undefined) return {}
  const { bytes, measuredAt, tooBig, whole } = size
  return {
    mtu: {
      bytes,
      full: whole,
      ...(measuredAt === undefined ? {} : { measuredAgeMs: Math.max(0, Math.round(nowMs - measuredAt)) }),
      ...(tooBig === undefined ? {} : { tooBig }),
    },
  }
}

export function pathReport(
  { name, nodeId, natType }: PathPeer,
  view: PathView,
  nameOf: (node: NodeId) => Name,
  nowMs: number,
  sizeOf: (endpoint: Endpoint) => SizeView | undefined = () => undefined,
): PathReport {
  const age = (at: number): number => Math.max(0, Math.round(nowMs - at))
  return {
    name,
    nodeId,
    natType,
    mode: view.mode,
    decides: view.decides,
    candidates: view.candidates.map((one) => ({
      endpoint: one.endpoint,
      kind: one.kind,
      source: one.source,
      ...(one.via === undefined ? {} : { via: nameOf(one.via) }),
      state: one.state,
      inUse: one.inUse,
      ...(one.rttMs === undefined ? {} : { rttMs: one.rttMs }),
      ...(one.loss === undefined ? {} : { loss: one.loss }),
      ...(one.lastAnswerAt === undefined ? {} : { lastAnswerAgeMs: age(one.lastAnswerAt) }),
      ...(one.lastProbeAt === undefined ? {} : { lastProbeAgeMs: age(one.lastProbeAt) }),
      ...(one.heldUntil === undefined || one.heldUntil <= nowMs ? {} : { heldForMs: Math.ceil(one.heldUntil - nowMs) }),
      ...mtuOf(sizeOf(one.endpoint), nowMs),
      reason: one.reason,
    })),
    history: view.history.map(({ at, what }) => ({ ageMs: age(at), what })),
  }
}
