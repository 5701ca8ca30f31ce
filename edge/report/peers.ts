// What is known of each peer from turn to turn: its path, its counters, whether payload flows. Entries are changed in
// place and nothing is allocated for a peer that did not change: a turn comes every four seconds on a small device.

import { type Address, type Cidr, contains, hostCidr } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf, isLoopback, parseEndpoint } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { PathKind } from '../../shared/wire/report.ts'
import type { PathCandidate } from '../paths/path.ts'
import type { LocalAddress, Observed, ObservedPeer } from '../plan/observed.ts'

export type Member = BodyOf<'node'>

export interface PeerEntry {
  member: Member
  path: PathKind
  /** Where the peer is reached, or was last while nobody talks with it. */
  endpoint: Endpoint | undefined
  /** What WireGuard holds. */
  wireguardAt: Endpoint | undefined
  /** The relay in between, while the path is `relay` or `tls`. */
  via: NodeId | undefined
  handshakeAt: number
  rxBytes: number
  txBytes: number
  /** Monotonic time when something of the peer had come since the look before. */
  heardAt: number
  /** Monotonic time until which the peer counts as active. */
  activeUntil: number
  rttMs: number | undefined
  /** The endpoint is on the link of a physical interface; what follows from the endpoint and the own addresses alone. */
  onLink: boolean
  /** The last endpoint with a fresh handshake; survives restarts. */
  lastGood: Endpoint | undefined
}

/** WireGuard drops a session after 180 s without a new handshake (REJECT_AFTER_TIME); until then the path works. */
const FRESH_MS = 180_000
/** A status line says `active` for so long after payload was seen. */
const ACTIVE_MS = 60_000
/**
 * So long nothing has come of a peer whose paths answer no probes, before it counts as gone: its agent alone may be, while
 * WireGuard of both ends goes on.
 */
const SILENT_MS = 5_000
/** More than keepalives (32 B) and a handshake (148 + 92 B) within one turn is payload. */
const PAYLOAD_BYTES_MIN = 400
/** Around each of WireGuard's words, the largest of which has so many bytes. */
const AROUND_BYTES = 28
const MESSAGE_BYTES = 148
/** Clocks of kernel and agent may differ by a step; a handshake from the future counts as now. */
const FUTURE_MS = 5_000

export interface PeerBook {
  /** In order of name. */
  readonly entries: readonly PeerEntry[]
  of(node: NodeId): PeerEntry | undefined
  /** Keys that peers had before, for as long as WireGuard holds no other for them. */
  readonly formerKeys: ReadonlyMap<NodeId, WgKey>
  /** Rises when a path, an endpoint or the list of peers changes; not with counters. */
  revision(): number
  reachable(): number
  /** Nothing comes of it, by its paths nor otherwise: not its agent alone is away. */
  isGone(node: NodeId): boolean
  setMembers(members: readonly Member[], self: NodeId): void
  /** Takes in what the kernel shows. */
  observe(observed: Observed): void
  noteRtt(node: NodeId, rttMs: number): void
  /** Bytes of keepalives and handshakes since the start, with what UDP and IP add. */
  upkeepBytes(): number
  /** Rises when `lastGood` of any peer changes. */
  memoryRevision(): number
  remember(): string
  recall(text: string | undefined): void
}

function onLink(endpoint: Endpoint, blocks: readonly Cidr[]): boolean {
  const host = hostCidr(hostOf(endpoint) as Address)
  return blocks.some((block) => contains(block, host))
}

function parseMemory(text: string | undefined): Map<NodeId, Endpoint> {
  const memory = new Map<NodeId, Endpoint>()
  try {
    for (const [node, endpoint] of Object.entries(JSON.parse(text ?? '{}') as Record<string, unknown>)) {
      if (typeof endpoint === 'string') memory.set(node as NodeId, parseEndpoint(endpoint))
    }
  } catch {
    // A hint that can't be read is no hint; what was read before it stays.
  }
  return memory
}

/**
 * What the path engine knows: the relay behind an endpoint, the way to a peer that WireGuard has no session with, and of a
 * peer that WireGuard has a session with that it is gone.
 */
export interface KnownWays {
  viaOf(endpoint: Endpoint): NodeId | undefined
  way(node: NodeId): Pick<PathCandidate, 'endpoint' | 'kind' | 'via'> | undefined
  isSilent(node: NodeId): boolean
}

const NOTHING_KNOWN: KnownWays = { viaOf: () => undefined, way: () => undefined, isSilent: () => false }

export function createPeerBook(clock: Clock, ways: KnownWays = NOTHING_KNOWN): PeerBook {
  const byNode = new Map<NodeId, PeerEntry>()
  const byKey = new Map<WgKey, PeerEntry>()
  const formerKeys = new Map<NodeId, WgKey>()
  let entries: readonly PeerEntry[] = []
  let memory = new Map<NodeId, Endpoint>()
  let local: readonly LocalAddress[] = []
  let localText = ''
  let blocks: readonly Cidr[] = []
  let revision = 0
  let memoryRevision = 0
  let reachable = 0
  let upkeep = 0

  const freshEntry = (member: Member): PeerEntry => ({
    member,
    path: 'none',
    endpoint: undefined,
    wireguardAt: undefined,
    via: undefined,
    handshakeAt: 0,
    rxBytes: 0,
    txBytes: 0,
    heardAt: 0,
    activeUntil: 0,
    rttMs: undefined,
    onLink: false,
    lastGood: memory.get(member.nodeId),
  })

  const isFresh = ({ endpoint, handshakeAt }: PeerEntry, now: number): boolean => {
    const ageMs = now - handshakeAt
    return endpoint !== undefined && handshakeAt !== 0 && ageMs < FRESH_MS && ageMs >= -FUTURE_MS
  }

  const isGone = ({ heardAt, member }: PeerEntry): boolean =>
    clock.monotonic() - heardAt >= SILENT_MS && ways.isSilent(member.nodeId)

  /** What kind of path WireGuard's endpoint is; asked anew each turn, because a relay may be known by now. */
  const classify = (entry: PeerEntry): PathKind => {
    if (entry.endpoint === undefined) return 'none'
    entry.via = ways.viaOf(entry.endpoint)
    if (entry.via !== undefined) return isLoopback(entry.endpoint) ? 'tls' : 'relay'
    return entry.onLink ? 'lan' : 'direct'
  }

  const observePeer = (entry: PeerEntry, seen: ObservedPeer, now: number, moved: boolean): void => {
    const bytes = seen.rxBytes - entry.rxBytes + seen.txBytes - entry.txBytes
    // The first look after a start compares with nothing.
    if (entry.handshakeAt !== 0 && bytes >= PAYLOAD_BYTES_MIN) entry.activeUntil = clock.monotonic() + ACTIVE_MS
    else if (bytes > 0 && bytes < PAYLOAD_BYTES_MIN) upkeep += bytes + AROUND_BYTES * Math.ceil(bytes / MESSAGE_BYTES)
    if (seen.rxBytes !== entry.rxBytes) entry.heardAt = clock.monotonic()
    const before = entry.endpoint
    entry.endpoint = seen.endpoint
    entry.wireguardAt = seen.endpoint
    entry.handshakeAt = seen.handshakeAt
    entry.rxBytes = seen.rxBytes
    entry.txBytes = seen.txBytes
    const fresh = isFresh(entry, now)
    // While nobody talks with the peer, WireGuard has no session to judge by, and may be pointed elsewhere.
    const way = fresh ? undefined : ways.way(entry.member.nodeId)
    if (way !== undefined) entry.endpoint = way.endpoint
    const changed = moved || before !== entry.endpoint
    // Arithmetic on addresses: only where the answer may differ from the last turn's.
    if (changed && entry.endpoint !== undefined) entry.onLink = onLink(entry.endpoint, blocks)
    const path = way?.kind ?? (fresh && !isGone(entry) ? classify(entry) : 'none')
    if (way !== undefined) entry.via = way.via
    if (path !== 'none' && entry.lastGood !== entry.endpoint) {
      entry.lastGood = entry.endpoint
      memoryRevision += 1
    }
    if (changed || path !== entry.path) revision += 1
    entry.path = path
  }

  const lose = (entry: PeerEntry): void => {
    if (entry.path !== 'none' || entry.endpoint !== undefined) revision += 1
    entry.path = 'none'
    entry.endpoint = undefined
    entry.wireguardAt = undefined
    entry.handshakeAt = 0
    entry.rxBytes = 0
    entry.txBytes = 0
  }

  /** The entry of a device that goes on under another key; WireGuard counts anew under that one. */
  const passOver = (entry: PeerEntry): PeerEntry => {
    // Of several changes WireGuard has seen the oldest key only.
    const { nodeId, wgKey } = entry.member
    if (!formerKeys.has(nodeId)) formerKeys.set(nodeId, wgKey)
    return entry
  }

  const entryFor = (member: Member, known: PeerEntry | undefined): PeerEntry => {
    if (known === undefined) return freshEntry(member)
    return known.member.wgKey === member.wgKey ? known : passOver(known)
  }

  /** Where WireGuard holds the present key, the former one is of the past. */
  const passAway = (seen: readonly ObservedPeer[]): void => {
    const present = new Set(seen.map(({ wgKey }) => wgKey))
    for (const [node, former] of formerKeys) {
      const wgKey = byNode.get(node)?.member.wgKey
      // WireGuard may have it, and the addresses still lie with the former.
      if (wgKey === undefined || !present.has(wgKey)) continue
      byKey.delete(former)
      if (!present.has(former)) formerKeys.delete(node)
    }
  }

  return {
    formerKeys,
    get entries() {
      return entries
    },
    of: (node) => byNode.get(node),
    revision: () => revision,
    reachable: () => reachable,
    isGone(node) {
      const entry = byNode.get(node)
      return entry !== undefined && isGone(entry)
    },
    setMembers(members, self) {
      const before = new Map(byNode)
      byNode.clear()
      byKey.clear()
      for (const member of members) {
        if (member.nodeId === self) continue
        const known = before.get(member.nodeId)
        const entry = entryFor(member, known)
        entry.member = member
        byNode.set(member.nodeId, entry)
        byKey.set(member.wgKey, entry)
      }
      for (const [node, former] of formerKeys) {
        const entry = byNode.get(node)
        // Back to the key it had, or to one that another has now: nothing passes over.
        if (entry === undefined || byKey.has(former)) formerKeys.delete(node)
        else byKey.set(former, entry)
      }
      entries = [...byNode.values()].sort((a, b) => (a.member.name < b.member.name ? -1 : 1))
      revision += 1
    },
    observe(observed) {
      const now = clock.now()
      let moved = false
      if (observed.local !== local) {
        const text = observed.local.map((one) => `${one.cidr}${one.physical}`).join(' ')
        moved = text !== localText
        local = observed.local
        localText = text
        if (moved) {
          blocks = local.filter((one) => one.physical).map((one) => one.cidr)
        }
      }
      const seen = observed.device?.peers ?? []
      let found = 0
      if (formerKeys.size > 0) passAway(seen)
      for (const peer of seen) {
        const entry = byKey.get(peer.wgKey)
        if (entry === undefined) continue
        found += 1
        observePeer(entry, peer, now, moved)
      }
      if (found < entries.length) {
        const present = new Set(seen.map((peer) => byKey.get(peer.wgKey)))
        for (const entry of entries) if (!present.has(entry)) lose(entry)
      }
      reachable = 0
      for (const entry of entries) if (entry.path !== 'none') reachable += 1
    },
    noteRtt(node, rttMs) {
      const entry = byNode.get(node)
      if (entry !== undefined) entry.rttMs = rttMs
    },
    upkeepBytes: () => upkeep,
    memoryRevision: () => memoryRevision,
    remember() {
      const known = entries.filter((entry) => entry.lastGood !== undefined)
      return JSON.stringify(Object.fromEntries(known.map((entry) => [entry.member.nodeId, entry.lastGood])))
    },
    recall(text) {
      memory = parseMemory(text)
      for (const entry of entries) entry.lastGood ??= memory.get(entry.member.nodeId)
    },
  }
}
