// What this node is cut off from, since when, and what would come back first: for people and programs. Pure.

import type { LinkTrouble } from '../../shared/effects.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import type { Hearsay } from '../gossip/hearsay.ts'
import type { LinkState } from '../link/hub-link.ts'

/** What has to come back before the hub can. */
export type WaitsFor =
  | 'first-try'
  | 'default-route'
  | 'name-resolution'
  | 'hub-host'
  | 'hub-port'
  | 'hub-proof'
  | 'credentials'
  | 'hub'

/** Of a link that is down: the last thing that went wrong. */
export interface HubFailure {
  readonly reason: string
  readonly code: ErrorCode
  readonly trouble?: LinkTrouble
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** So many in a row. */
  readonly count: number
}

/** Absent while the hub is there. */
export interface CutOff {
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  readonly waitsFor: WaitsFor
  /** Peers that answer, by whom newer intent comes meanwhile, of so many. */
  readonly peersReachable: number
  readonly peersTotal: number
  /** Relays that answer. */
  readonly relays: readonly Name[]
  /** Peers that say they hear the hub, the freshest word first. */
  readonly hubHeardBy: readonly { readonly peer: Name; readonly agoS: number }[]
}

/** A revision newer than what is held, that a peer told of and that did not come as yet. Its word, not proven. */
export interface HeardOf {
  readonly version: Version
  readonly peer: Name
  readonly agoS: number
}

/** `defaultRoute`: undefined where nobody looks. */
export function waitsFor({ failure, up }: LinkState, defaultRoute: boolean | undefined): WaitsFor {
  if (up) return 'hub'
  if (failure === undefined) return 'first-try'
  const { code, trouble } = failure
  if (code === 'unauthenticated' || code === 'forbidden') return 'credentials'
  if (code === 'untrusted') return 'hub-proof'
  // A hub on the same LAN needs no default route: without one, only a name or a way that is missing is its fault.
  if (trouble === 'way') return defaultRoute === true ? 'hub-host' : 'default-route'
  if (trouble === 'name') return defaultRoute === false ? 'default-route' : 'name-resolution'
  return trouble === 'refused' ? 'hub-port' : 'hub-host'
}

/** Undefined where the clock is behind: what lies in its future has no age. */
export function ageS(at: number, now: number): number | undefined {
  return now < at - CLOCK_SLACK_MS ? undefined : Math.max(0, Math.floor((now - at) / 1_000))
}

/** Clocks of hub and device may differ by so much and mean the same moment. */
const CLOCK_SLACK_MS = 120_000

export function hubFailure({ failure }: LinkState): HubFailure | undefined {
  if (failure === undefined) return undefined
  const { trouble, ...rest } = failure
  return trouble === undefined ? rest : { ...rest, trouble }
}

export interface CutOffSources {
  readonly since: number
  readonly link: LinkState
  readonly defaultRoute: boolean | undefined
  readonly peersReachable: number
  readonly peersTotal: number
  readonly relays: readonly NodeId[]
  readonly hearsay: Hearsay
  /** Undefined for whom this node does not know. */
  readonly nameOf: (node: NodeId) => Name | undefined
}

const seconds = (ms: number): number => Math.floor(ms / 1_000)

export function cutOff(sources: CutOffSources): CutOff | undefined {
  const { defaultRoute, hearsay, link, nameOf, peersReachable, peersTotal, relays, since } = sources
  if (link.up && link.hubOnline) return undefined
  return {
    since,
    peersReachable,
    peersTotal,
    waitsFor: waitsFor(link, defaultRoute),
    relays: relays.flatMap((node) => nameOf(node) ?? []),
    hubHeardBy: hearsay.hubBy.flatMap(({ agoMs, node }) => {
      const peer = nameOf(node)
      return peer === undefined ? [] : [{ peer, agoS: seconds(agoMs) }]
    }),
  }
}

export function heardOf({ newest }: Hearsay, held: Version, nameOf: CutOffSources['nameOf']): HeardOf | undefined {
  const peer = newest === undefined ? undefined : nameOf(newest.node)
  if (newest === undefined || peer === undefined || compareVersion(newest.version, held) <= 0) return undefined
  return { version: newest.version, peer, agoS: seconds(newest.agoMs) }
}
