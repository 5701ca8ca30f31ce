// The sizes of all paths: which path is measured when, and what each peer's packets are to be held to. Only peers with payload
// cost anything. A path is measured as soon as it is valid, whether or not it is in use, so that a switch finds its size known.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import type { Name, NodeId, WgKey } from '../../shared/ids.ts'
import { pathSizesMax } from '../../shared/limits.ts'
import type { ObservedPeer } from '../plan/observed.ts'
import type { Member } from '../report/peers.ts'
import { createAlarm } from './alarm.ts'
import { VALID_ANSWERS } from './pacing.ts'
import { createSizeMemory } from './size-memory.ts'
import { neededAt, newSizeNeed, noteAsk, noteCounters, type SizeNeed } from './size-need.ts'
import {
  askSize,
  newSizeSearch,
  noteSizeAnswer,
  noteSizeRtt,
  type SizeSearch,
  sendSizes,
  sizeDueAt,
} from './size-search.ts'

export interface PathSizesOptions {
  readonly clock: Clock
  readonly log: Log
  readonly metered: boolean
  /** The most that packets of the mesh may be. */
  readonly mtu: () => number
  /** `bytes`: size of the probe's UDP payload; absent for a frame of the usual size. */
  readonly send: (peer: WgKey, probe: number, to: Endpoint, bytes: number | undefined) => void
  readonly onChange: () => void
}

/** One path as people see it. */
export interface SizeView {
  /** Largest packet of the mesh that goes by it whole. */
  readonly bytes: number
  /** It is the network's MTU: the path takes nothing away. */
  readonly whole: boolean
  /** Monotonic milliseconds; absent where it is remembered or assumed. */
  readonly measuredAt?: number
  /** The least size that was lost again and again. */
  readonly tooBig?: number
}

export type SizedPeer = Pick<Member, 'name' | 'nodeId' | 'wgKey'>

export interface PathSizes {
  /** Peers whose path carries less than the network's MTU. */
  readonly held: ReadonlyMap<NodeId, number>
  /** Rises when `held` changes. */
  revision(): number
  setPeers(members: readonly SizedPeer[]): void
  /** What WireGuard shows of a peer; `payload`: more than its own words passed since the last look. */
  look(peer: ObservedPeer, payload: boolean): void
  /** The peer answered on that path; true if it was a probe of this search. */
  heard(peer: WgKey, endpoint: Endpoint, probe: number, rttMs: number): boolean
  view(node: NodeId, endpoint: Endpoint): SizeView | undefined
  /** This host is attached elsewhere: what paths carry is asked anew. */
  networkChanged(): void
  /** Rises with what is worth remembering. */
  memoryRevision(): number
  remember(): string
  /** Before the first turn, which it wakes nobody for. */
  recall(text: string | undefined): void
  stop(): void
}

interface Path {
  answers: number
  readonly search: SizeSearch
}

interface Peer {
  readonly node: NodeId
  readonly name: Name
  readonly wgKey: WgKey
  readonly paths: Map<Endpoint, Path>
  /** Where WireGuard sends to. */
  endpoint: Endpoint | undefined
  payloadAt: number
  need: SizeNeed
  /** When the path in use is asked. */
  dueAt: number
}

/** Header and tag of WireGuard's data messages (paper §5.4.6). */
const MESSAGE_BYTES = 32
/** Numbers of these probes; the controllers count theirs from 1. */
const FIRST_PROBE = 0x8000_0000
/** A peer without payload for so long is measured no more. */
const PAYLOAD_MS = 60_000

const NEVER = Number.NEGATIVE_INFINITY
const NOT_DUE = Number.POSITIVE_INFINITY

function newPeer({ name, nodeId: node, wgKey }: SizedPeer): Peer {
  const paths = new Map<Endpoint, Path>()
  return { node, name, wgKey, paths, endpoint: undefined, payloadAt: NEVER, need: newSizeNeed(), dueAt: NOT_DUE }
}

function viewOf({ max, measured, measuredAt, size, tooBig }: SizeSearch): SizeView | undefined {
  if (size === undefined) return undefined
  const lost = size < max && tooBig < Number.POSITIVE_INFINITY
  return { bytes: size, whole: size === max, ...(measured ? { measuredAt } : {}), ...(lost ? { tooBig } : {}) }
}

export function createPathSizes(options: PathSizesOptions): PathSizes {
  const { clock, log, metered, mtu, onChange, send } = options
  const peers = new Map<WgKey, Peer>()
  const byNode = new Map<NodeId, Peer>()
  const held = new Map<NodeId, number>()
  const memory = createSizeMemory()
  let [revision, lastProbe] = [0, 0]

  const number = (): number => {
    lastProbe = (lastProbe + 1) % FIRST_PROBE
    return FIRST_PROBE + lastProbe
  }

  const set = (node: NodeId, bytes: number | undefined): void => {
    if (held.get(node) === bytes) return
    if (bytes === undefined) held.delete(node)
    else held.set(node, bytes)
    revision += 1
    onChange()
  }

  const pathOf = (peer: Peer, endpoint: Endpoint): Path => {
    const known = peer.paths.get(endpoint)
    if (known?.search.max === mtu()) return known
    const path = { answers: known?.answers ?? 0, search: newSizeSearch(mtu(), memory.of(peer.node, endpoint)) }
    peer.paths.delete(endpoint)
    peer.paths.set(endpoint, path)
    const oldest = [...peer.paths.keys()].find((one) => one !== peer.endpoint)
    if (peer.paths.size > pathSizesMax && oldest !== undefined) peer.paths.delete(oldest)
    return path
  }

  /** A path of which nothing is known is trusted with what the last one carried, until its first probe is overdue. */
  const hold = ({ endpoint, name, node, paths }: Peer): void => {
    const size = endpoint === undefined ? undefined : paths.get(endpoint)?.search.size
    if (size === undefined || endpoint === undefined) return
    const bytes = size < mtu() ? size : undefined
    if (bytes !== held.get(node)) log.info('path size', { peer: name, endpoint, bytes: size })
    set(node, bytes)
  }

  /** Sends what is due, and takes in what follows from it. */
  const go = (peer: Peer, endpoint: Endpoint, search: SizeSearch): void => {
    for (const { bytes, probe } of sendSizes(search, clock.monotonic(), number)) {
      send(peer.wgKey, probe, endpoint, bytes === 0 ? undefined : bytes + MESSAGE_BYTES)
    }
    if (endpoint === peer.endpoint) hold(peer)
    const { max, measured, size } = search
    if (measured) memory.set(peer.node, endpoint, size === max ? undefined : size)
    alarm.at(sizeDueAt(search))
  }

  const ask = (peer: Peer, endpoint: Endpoint, search: SizeSearch): void => {
    const now = clock.monotonic()
    if (endpoint === peer.endpoint) noteAsk(peer.need, metered, now)
    askSize(search, now)
    go(peer, endpoint, search)
  }

  /** When the path in use is asked next. */
  const plan = (peer: Peer): void => {
    peer.dueAt = Math.max(clock.monotonic(), neededAt(peer.need, metered))
    alarm.at(peer.dueAt)
  }

  const askInUse = (peer: Peer): void => {
    peer.dueAt = NOT_DUE
    const { endpoint } = peer
    const path = endpoint === undefined ? undefined : peer.paths.get(endpoint)
    if (path === undefined || endpoint === undefined || path.answers < VALID_ANSWERS) return
    ask(peer, endpoint, path.search)
    plan(peer)
  }

  const alarm = createAlarm(clock, (now) => {
    let next = NOT_DUE
    for (const peer of peers.values()) {
      if (peer.dueAt <= now) askInUse(peer)
      next = Math.min(next, peer.dueAt)
      for (const [endpoint, { search }] of peer.paths) {
        if (sizeDueAt(search) <= now) go(peer, endpoint, search)
        next = Math.min(next, sizeDueAt(search))
      }
    }
    return next
  })

  const setPeers = (members: readonly SizedPeer[]): void => {
    const present = new Map(members.map((member) => [member.wgKey, member.nodeId]))
    memory.keepOnly(new Set(present.values()))
    for (const [wgKey, { node }] of peers) {
      if (present.get(wgKey) === node) continue
      peers.delete(wgKey)
      byNode.delete(node)
      set(node, undefined)
    }
    for (const member of members) {
      if (peers.has(member.wgKey)) continue
      const peer = newPeer(member)
      peers.set(member.wgKey, peer)
      byNode.set(member.nodeId, peer)
    }
  }

  return {
    held,
    revision: () => revision,
    setPeers,
    look(seen, payload) {
      const peer = peers.get(seen.wgKey)
      if (peer === undefined || seen.endpoint === undefined) return
      if (payload) peer.payloadAt = clock.monotonic()
      noteCounters(peer.need, seen)
      if (peer.endpoint !== seen.endpoint) {
        peer.endpoint = seen.endpoint
        peer.need.askedAt = peer.paths.get(seen.endpoint)?.search.measuredAt ?? NEVER
        if (memory.of(peer.node, seen.endpoint) !== undefined) pathOf(peer, seen.endpoint)
        hold(peer)
      }
      plan(peer)
    },
    heard(wgKey, endpoint, probe, rttMs) {
      const ours = probe >= FIRST_PROBE
      const peer = peers.get(wgKey)
      if (peer === undefined || clock.monotonic() - peer.payloadAt > PAYLOAD_MS) return ours
      const path = pathOf(peer, endpoint)
      const { search } = path
      if (ours) {
        if (noteSizeAnswer(search, probe, rttMs, clock.monotonic())) go(peer, endpoint, search)
        return true
      }
      noteSizeRtt(search, rttMs)
      path.answers += 1
      if (path.answers >= VALID_ANSWERS && !search.measured) ask(peer, endpoint, search)
      return false
    },
    view(node, endpoint) {
      const search = byNode.get(node)?.paths.get(endpoint)?.search
      return search === undefined ? undefined : viewOf(search)
    },
    networkChanged() {
      for (const peer of peers.values()) {
        peer.paths.clear()
        peer.need.askedAt = NEVER
      }
    },
    memoryRevision: () => memory.revision(),
    remember: () => memory.print(),
    recall(text) {
      memory.read(text)
      // WireGuard's endpoint is not known before the first look, and its first packets should not be lost.
      for (const [node, bytes] of memory.newest()) if (bytes < mtu()) held.set(node, bytes)
      revision += 1
    },
    stop: () => alarm.cancel(),
  }
}
