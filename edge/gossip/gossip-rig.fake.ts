// Nodes that gossip over a mesh in memory, each with a real set, real facts and the real door for intent; no kernel and no hub.

import type { Address } from '../../shared/address/cidr.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { type Fact, sealFact } from '../../shared/fact/fact.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Near } from '../lan/near-book.ts'
import { type FakeHub, type TestDevice, testDeflate, testInflate } from '../link/hub.fake.ts'
import { createHealth } from '../report/health.ts'
import { createKeepsakes } from '../store/keepsakes.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import type { HeldFact } from '../store/store.ts'
import { createFactBook, type FactBook } from '../trust/fact-book.ts'
import { createHolding, type Holding } from '../trust/holding.ts'
import { createIntake, type Intake } from '../trust/intake.ts'
import { createMembers, type Members } from '../trust/members.ts'
import { createSteps } from './deltas.ts'
import type { FakeMesh } from './door.fake.ts'
import { createGossip, type Gossip } from './gossip.ts'
import { createHoldings, type Holdings } from './holder.ts'

export interface RigNode {
  readonly device: TestDevice
  readonly gossip: Gossip
  readonly holding: Holding
  readonly holdings: Holdings
  readonly intake: Intake
  readonly members: Members
  readonly facts: FactBook
  /** Facts in its own name that others brought. */
  readonly met: Uint8Array[]
  readonly refused: string[]
  readonly near: Map<NodeId, Near>
  online: boolean
  /** Rests: reachable, and a word would wake it. */
  readonly resting: Set<NodeId>
  readonly unreachable: Set<NodeId>
  /** Says where it is. */
  say(candidate: string, boot?: number): void
  revision(): number
}

export interface NodeOptions {
  readonly hub: FakeHub
  readonly mesh: FakeMesh
  readonly clock: FakeClock
  readonly device: TestDevice
  readonly snapshot: Uint8Array
  readonly metered?: boolean
  readonly lanHost?: () => Address
}

export function factOf(device: TestDevice, candidate: string, boot: number, seq: number): HeldFact {
  const endpoint = candidate as never
  const fact: Fact = {
    node: device.nodeId,
    boot,
    seq,
    candidates: [{ kind: 'public', endpoint }],
    observed: [],
    relays: [],
    natType: 'none',
    at: 1,
  }
  return { fact, envelope: sealFact(fact, device.signer, sha256) }
}

interface Core {
  readonly met: Uint8Array[]
  readonly refused: string[]
  own: HeldFact | undefined
  online: boolean
}

function createBooks({ clock, hub, snapshot }: NodeOptions, device: TestDevice) {
  const [log, store] = [memoryLog(), new MemoryStore()]
  const health = createHealth({ clock })
  const keep = createKeepsakes(store, clock, health, log)
  const holding = createHolding(hub.anchors, store, log)
  const members = createMembers(holding, device.nodeId)
  const onRefused = (): void => undefined
  const keyOf = (node: NodeId) => members.keyOf(node)
  const facts = createFactBook({ store, log, sha256, verify, keyOf, onRefused })
  const steps = createSteps()
  const intake = createIntake({
    anchors: hub.anchors,
    holding,
    store,
    keep,
    health,
    clock,
    log,
    onTaken(taken) {
      members.adopt()
      facts.membersChanged()
      steps.note(taken)
      const { from } = taken
      const by = from.by === 'peer' ? members.all().find(({ name }) => name === from.peer)?.nodeId : undefined
      started.gossip?.taken(by, true)
    },
  })
  const started: { gossip: Gossip | undefined } = { gossip: undefined }
  intake.offer('snapshot', snapshot, { by: 'hub' })
  return { facts, holding, intake, log, members, started, steps }
}

export function createRigNode(options: NodeOptions): RigNode {
  const { clock, device, mesh } = options
  const core: Core = { met: [], refused: [], own: undefined, online: false }
  const { facts, holding, intake, log, members, started, steps } = createBooks(options, device)
  const [resting, unreachable, near] = [new Set<NodeId>(), new Set<NodeId>(), new Map<NodeId, Near>()]
  let seq = 0
  const holdings = createHoldings({
    self: device.nodeId,
    sha256,
    deflate: testDeflate,
    inflate: testInflate,
    holding,
    members,
    facts,
    intake,
    steps,
    online: () => core.online,
    ownFact: () => core.own,
    onOwnFact: (envelope) => void core.met.push(envelope),
    onFact: (about, by) => gossip.fact(about, by ?? 'self'),
    onRefused: (detail) => void core.refused.push(detail),
  })
  const gossip = createGossip({
    self: device.nodeId,
    metered: options.metered === true,
    clock,
    entropy: seededEntropy(device.address.length + Number(device.address.split('.').at(-1))),
    log,
    door: mesh.door(device.nodeId, clock, options.lanHost),
    holdings,
    keyOf: (node) => members.keyOf(node),
    isNextDoor: () => true,
    members: () => members.all(),
    wayOf: ({ nodeId }) => {
      const reachable = !unreachable.has(nodeId)
      return { reachable, awake: reachable && !resting.has(nodeId) }
    },
    near: () => near,
    online: () => core.online,
    isRelay: () => members.me()?.relay !== undefined,
    onTunnelBytes: () => undefined,
    onExchanged: () => undefined,
  })
  started.gossip = gossip
  return {
    device,
    gossip,
    holding,
    holdings,
    intake,
    members,
    facts,
    met: core.met,
    refused: core.refused,
    near,
    resting,
    unreachable,
    get online() {
      return core.online
    },
    set online(online) {
      core.online = online
      gossip.follow()
    },
    say(candidate, boot = 1) {
      seq += 1
      core.own = factOf(device, candidate, boot, seq)
      gossip.fact(device.nodeId, 'self')
    },
    revision: () => holding.held()?.version.revision ?? 0,
  }
}
