// This node's gossip: the core with the set, the facts, the ways and the beacons of an agent.

import type { Clock } from '../../shared/effects.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import { encodeState } from '../../shared/wire/gossip-state.ts'
import type { AgentOptions } from '../agent.ts'
import type { Lan } from '../lan/lan.ts'
import type { Chooser } from '../paths/chooser.ts'
import { SESSION_YOUNG_MS } from '../paths/pacing.ts'
import type { PeerBook } from '../report/peers.ts'
import type { HeldFact } from '../store/store.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Holding } from '../trust/holding.ts'
import type { Intake, Taken } from '../trust/intake.ts'
import type { Members } from '../trust/members.ts'
import type { Upkeep } from '../upkeep/upkeep.ts'
import { readCarried, writeCarried } from './carried.ts'
import { createSteps } from './deltas.ts'
import { createGossip, type Gossip } from './gossip.ts'
import { createHoldings } from './holder.ts'

export interface GossipSources {
  readonly clock: Clock
  readonly facts: FactBook
  readonly holding: Pick<Holding, 'held'>
  readonly members: Members
  readonly paths: Pick<Chooser, 'isAwake' | 'isWarm'>
  readonly peers: Pick<PeerBook, 'of'>
  readonly upkeep: Pick<Upkeep, 'exchanged'>
  /** Bytes of single words through the tunnel, of each peer since the start. */
  readonly wordBytes: Map<WgKey, number>
}

/** The rest of the agent, as gossip needs it. */
export interface GossipHooks {
  readonly intake: Pick<Intake, 'offer'>
  /** The hub is there; undefined until it was found, or looked for in vain. */
  readonly online: () => boolean | undefined
  /** What this node says of itself. */
  readonly ownFact: () => HeldFact | undefined
  /** Somebody knows a fact in this node's own name. */
  readonly onOwnFact: (envelope: Uint8Array) => void
  /** A newer fact of another node was taken. */
  readonly onFact: () => void
  readonly onRefused: (detail: string) => void
  readonly lan: () => Pick<Lan, 'near' | 'isNextDoor' | 'tell'> | undefined
}

export interface OwnGossip extends Omit<Gossip, 'taken' | 'start' | 'follow' | 'stop'> {
  /** Absent doors are no reason to fail: then files alone are exchanged. */
  start(): void
  follow(): void
  stop(): Promise<void>
  taken(taken: Taken): void
  /** What this node holds, as beacons tell it. */
  state(): Uint8Array
  /** A file with all that this node knows. */
  write(): Uint8Array
  /** Takes what a file brings: true if it was news. Throws where it does not verify. */
  read(file: Uint8Array): boolean
}

export function createOwnGossip(options: AgentOptions, sources: GossipSources, hooks: GossipHooks): OwnGossip {
  const { entropy, identity, log, sha256 } = options
  const { clock, members, paths, peers, upkeep, wordBytes } = sources
  const steps = createSteps()
  const self = identity.nodeId
  const holdings = createHoldings({
    ...sources,
    ...hooks,
    online: () => hooks.online() === true,
    self,
    sha256,
    deflate: options.gossip.deflate,
    inflate: options.inflate,
    steps,
    onFact(about, by) {
      hooks.onFact()
      gossip.fact(about, by ?? 'self')
    },
  })
  const gossip = createGossip({
    self,
    metered: options.paths?.metered === true,
    clock,
    entropy,
    log,
    door: options.gossip.door,
    holdings,
    keyOf: (node) => members.keyOf(node),
    isNextDoor: (address) => hooks.lan()?.isNextDoor(address) === true,
    members: () => members.all(),
    wayOf({ nodeId }) {
      const { handshakeAt, path } = peers.of(nodeId) ?? { handshakeAt: 0, path: 'none' }
      const reachable = path !== 'none'
      // A word may need a handshake, and the paths are watched as long as its session lasts: worth it without the hub only.
      const young = clock.now() - handshakeAt < SESSION_YOUNG_MS
      const free = young || paths.isWarm(nodeId) || hooks.online() === false
      return { reachable, awake: reachable && free && paths.isAwake(nodeId) }
    },
    near: () => hooks.lan()?.near,
    online: hooks.online,
    isRelay: () => members.me()?.relay !== undefined,
    onTunnelBytes: ({ wgKey }, bytes) => void wordBytes.set(wgKey, (wordBytes.get(wgKey) ?? 0) + bytes),
    onExchanged: (bytes) => upkeep.exchanged(bytes),
  })
  const nodeOf = (name: string): NodeId | undefined => members.all().find((member) => member.name === name)?.nodeId

  return {
    ...gossip,
    taken(taken) {
      const { from } = taken
      steps.note(taken)
      gossip.taken(from.by === 'peer' ? nodeOf(from.peer) : undefined, from.by === 'file' || hooks.online() === false)
      hooks.lan()?.tell()
    },
    state: () => encodeState(holdings.state()),
    write: () => writeCarried(holdings.holder({ by: 'file' }, undefined)),
    read: (file) => readCarried(file, holdings.holder({ by: 'file' }, undefined), identity.network.id),
  }
}
