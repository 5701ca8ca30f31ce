// What happens to the world, one event a step: people change their minds, links fail, machines die, disks and clocks lie.

import type { FakeMesh } from '../../edge/gossip/door.fake.ts'
import type { Entropy, Signer } from '../../shared/effects.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import type { NodeId } from '../../shared/ids.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { compareVersion } from '../../shared/record/head.ts'
import type { RecordSet } from '../../shared/record/record.ts'
import type { SimBroker } from './broker.ts'
import type { Checks } from './checks.ts'
import { randomIntent } from './intent.ts'
import type { Liar } from './liar.ts'
import type { SimHub } from './sim-hub.ts'
import type { SimNode } from './sim-node.ts'

export interface World {
  readonly entropy: Entropy
  readonly broker: SimBroker
  readonly hub: SimHub
  /** What lies between the ends of the tunnels, and the nodes that no tunnel reaches. */
  readonly mesh: FakeMesh
  readonly cuts: Set<NodeId>
  readonly nodes: readonly SimNode[]
  readonly liar: Liar
  readonly checks: Checks
}

type Event = (world: World, node: SimNode, roll: number) => string

/** What the agent holds, which its disk may not have: it takes no writes when it is full. Undefined where nobody knows. */
function recordsHeld(hub: SimHub, node: SimNode): RecordSet | undefined {
  const held = node.agent()?.status().revision.held
  if (held === undefined) return node.disk.loadSet()?.records
  return hub.history.findLast(({ version }) => compareVersion(version, held) === 0)?.records
}

/** A signing key that no device trusts now, nor after its next start: what a thief finds in an old backup. */
function leftBehind(hub: SimHub, nodes: readonly SimNode[]): Signer | undefined {
  return hub.formerSigners.find(({ publicKey }) => {
    const id = keyIdOf(publicKey, sha256)
    return nodes.every((node) =>
      [node.disk.loadSet()?.records, recordsHeld(hub, node)].every((set) => set !== undefined && !set.has(`key/${id}`)),
    )
  })
}

const YEAR_MS = 365 * 86_400_000

const events: readonly (readonly [weight: number, event: Event])[] = [
  [
    30,
    ({ entropy, hub, nodes }) => {
      const change = randomIntent(
        entropy,
        nodes.map((node) => node.device.name),
      )
      return `intent: ${hub.change(change)}`
    },
  ],
  [
    10,
    ({ broker }, { device }) => {
      broker.cut(device.nodeId, true)
      return `${device.name} is cut off`
    },
  ],
  [
    12,
    ({ broker }, { device }) => {
      broker.cut(device.nodeId, false)
      return `${device.name} has its link back`
    },
  ],
  [
    8,
    ({ broker }, { device }) => {
      broker.drop(device.nodeId)
      return `${device.name} loses its connection`
    },
  ],
  [
    4,
    ({ broker }, _node, roll) => {
      broker.setDown(roll < 0.5)
      return `the broker is ${roll < 0.5 ? 'down' : 'up'}`
    },
  ],
  [
    8,
    ({ hub }, _node, roll) => {
      if (roll < 0.5) hub.crash()
      else hub.start()
      return `the hub ${roll < 0.5 ? 'crashes' : 'is started'}`
    },
  ],
  [3, ({ hub }) => hub.rotate('signing')],
  [3, ({ hub }) => hub.rotate('root')],
  [
    8,
    (_world, node) => {
      node.crash()
      return `${node.device.name}: the agent is killed`
    },
  ],
  [
    16,
    (_world, node) => {
      node.start()
      return `${node.device.name}: the agent is started`
    },
  ],
  [
    5,
    (_world, node) => {
      node.powerCut()
      return `${node.device.name} loses power`
    },
  ],
  [
    8,
    (_world, node, roll) => {
      node.kernel.dieAfterOps = Math.floor(roll * 6)
      return `${node.device.name} will die in its next apply`
    },
  ],
  [
    5,
    (_world, node, roll) => {
      node.disk.tear = roll < 0.5 ? 'before' : 'after'
      return `${node.device.name} will lose power while it writes`
    },
  ],
  [
    4,
    (_world, node, roll) => {
      node.disk.full = roll < 0.5
      return `${node.device.name}: the disk is ${roll < 0.5 ? 'full' : 'free again'}`
    },
  ],
  [
    4,
    (_world, node, roll) => {
      node.kernel.failOps = 1 + Math.floor(roll * 3)
      return `${node.device.name}: the kernel will refuse`
    },
  ],
  [
    6,
    ({ checks }, node, roll) => {
      checks.excuse(node)
      node.kernel.vandalise(Math.floor(roll * 100))
      return `${node.device.name}: somebody changes the kernel`
    },
  ],
  [
    4,
    (_world, node, roll) => {
      // Behind, down to 1970 or so; a little ahead; and somewhere beyond 2060.
      node.skew(roll < 0.5 ? -50 * YEAR_MS * roll : roll < 0.8 ? YEAR_MS * roll : 60 * YEAR_MS * roll)
      return `${node.device.name} has a wrong clock`
    },
  ],
  [
    3,
    ({ checks }, node, roll) => {
      // A disk goes bad unseen; the agent meets it at its next start.
      node.crash()
      checks.damaged(node)
      const records = [...(node.disk.loadSet()?.records.values() ?? [])]
      const bytes = records[Math.floor(roll * records.length)]
      if (bytes !== undefined) bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      return `${node.device.name}: a bit of the disk flips`
    },
  ],
  [
    6,
    ({ broker }, _node, roll) => {
      broker.weather = { loss: roll * 0.3, twice: roll * 0.3, delayMsMax: 20 + roll * 2_000 }
      return `the weather turns: ${Math.round(roll * 30)} % lost`
    },
  ],
  [
    8,
    ({ cuts }, { device }, roll) => {
      if (roll < 0.5) cuts.add(device.nodeId)
      else cuts.delete(device.nodeId)
      return `${device.name}: its tunnels ${roll < 0.5 ? 'are cut' : 'come back'}`
    },
  ],
  [
    5,
    ({ mesh }, _node, roll) => {
      mesh.weather = { loss: roll * 0.4, twice: roll * 0.3, garble: roll * 0.1, delayMsMax: 20 + roll * 1_500 }
      return `the weather between the nodes turns: ${Math.round(roll * 40)} % lost`
    },
  ],
  [
    5,
    ({ entropy, mesh, nodes }, node, roll) => {
      const claims = nodes[Math.floor(roll * nodes.length)]?.agent()?.status().addresses[0]
      if (claims === undefined) return 'nobody is there to be imitated'
      const noise = entropy.bytes(8 + Math.floor(entropy.fraction() * 100))
      if (roll < 0.7) noise.set([0x68, 0x66, 0x67, 1, 1 + Math.floor(entropy.fraction() * 3), 0, 0, 0])
      mesh.inject(noise, claims, node.device.nodeId)
      return `${node.device.name} hears noise in a peer’s name`
    },
  ],
  [
    6,
    (_world, node, roll) => {
      node.outside.answers = roll < 0.6
      return `${node.device.name}: the world outside ${roll < 0.6 ? 'answers' : 'is silent'}`
    },
  ],
  [
    20,
    ({ hub, liar, nodes }, node) => {
      const mark = hub.mark(node.device.nodeId)
      if (mark === undefined) return 'the liar has nothing to say'
      return `the liar tries to ${liar.lie({ ...mark, former: leftBehind(hub, nodes) })}`
    },
  ],
]

const TOTAL = events.reduce((sum, [weight]) => sum + weight, 0)

/** Lets one thing happen and says what. */
export function strike(world: World): string {
  const { entropy, nodes } = world
  let choice = entropy.fraction() * TOTAL
  const node = nodes[Math.floor(entropy.fraction() * nodes.length)]
  if (node === undefined) return 'nobody is there'
  for (const [weight, event] of events) {
    choice -= weight
    if (choice < 0) return event(world, node, entropy.fraction())
  }
  return 'nothing'
}
