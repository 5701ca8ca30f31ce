// Builds the simulated world: hub, broker, enrolled nodes, a liar, and the checks that watch them.

import { createFakeMesh } from '../../edge/gossip/door.fake.ts'
import type { Op } from '../../edge/plan/op.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import type { Entropy, Log, LogFields } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { verify as reallyVerify } from '../../shared/host/crypto.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import { parseResource } from '../../shared/intent/resource.ts'
import { rememberAnswers } from './answers.ts'
import { createSimBroker } from './broker.ts'
import type { World } from './chaos.ts'
import { createChecks } from './checks.ts'
import { type Device, enrol, randomDevice } from './device.ts'
import type { Signatures } from './goals.ts'
import { networkIntent } from './intent.ts'
import { createLiar } from './liar.ts'
import { createRoster, createRulebook } from './rulebook.ts'
import type { Sabotage } from './sabotage.ts'
import { createSimHub } from './sim-hub.ts'
import { createSimNode, type SimNode } from './sim-node.ts'
import { lockNetwork } from './theft.ts'

export interface WorldOptions {
  readonly clock: FakeClock
  readonly entropy: Entropy
  readonly nodes: number
  readonly say: (words: string) => void
  /** Hears what is too much for people: every operation on every kernel. */
  readonly note: (words: string) => void
  readonly sabotage: Sabotage | undefined
  /** People sign for members, beside the hub. */
  readonly locked: boolean
}

export interface BuiltWorld extends World, Signatures {
  /** Whom the liar would like everybody to talk to. */
  readonly intruder: Device
  close(): void
}

/** A log that prints what programs think worth a person's eye, under the machine's name. */
function logOf(name: string, say: (words: string) => void): Log {
  const tell = (message: string, { reason }: LogFields = {}): void =>
    say(`        ${name}: ${message}${reason === undefined ? '' : `: ${reason}`}`)
  return { ...memoryLog(), warn: tell, error: tell, child: () => logOf(name, say) }
}

/** Both kernels have the other as a peer, and are up. */
function isTunnel(nodes: readonly SimNode[], from: NodeId, to: NodeId): boolean {
  const [one, two] = [from, to].map((id) => nodes.find(({ device }) => device.nodeId === id))
  if (one === undefined || two === undefined || !one.kernel.isUp() || !two.kernel.isUp()) return false
  const knows = (a: SimNode, b: SimNode): boolean =>
    a.kernel.observe().device?.peers.some(({ wgKey }) => wgKey === b.device.wgKey) === true
  return knows(one, two) && knows(two, one)
}

export async function buildWorld(options: WorldOptions): Promise<BuiltWorld> {
  const { clock, entropy, nodes: count, note, sabotage, say } = options
  const broker = createSimBroker(clock, entropy)
  const mesh = createFakeMesh(entropy)
  const verify = rememberAnswers(reallyVerify)
  const hub = createSimHub({ base: clock, broker, entropy, log: logOf('hub', say), verify })
  hub.start()
  await clock.advanceAsync(0)
  const running = hub.running()
  if (running === undefined) throw new HoldfastError('failed', 'the hub does not start')
  const actor = { name: 'simulator', role: 'admin' } as const
  running.put(networkIntent(), actor)
  const metadata = { name: 'sim' }
  const wish = parseResource({
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'JoinToken',
    metadata,
    spec: { uses: count, ttl: '1h' },
  })
  if (wish.kind !== 'JoinToken') throw new HoldfastError('failed', 'not a token')
  const { token } = running.createToken(wish.spec, actor)
  const nodes: SimNode[] = []
  const { history } = hub
  const members = createRoster(history)
  const checks = createChecks({ verify, rulebook: createRulebook(history), members, history })
  const peerUp = (key: WgKey): boolean => nodes.some((node) => node.device.wgKey === key && node.kernel.isUp())
  for (let index = 0; index < count; index++) {
    const device = randomDevice(`node-${index}`, entropy)
    const enrolled = await enrol(running, token, device)
    const self = (tell: (node: SimNode) => void) => (): void => {
      const node = nodes[index]
      if (node !== undefined) tell(node)
    }
    const kernelChanged = (op: Op): void => {
      note(`${device.name} ${JSON.stringify(op)}`)
      self((node) => checks.kernelChanged(node, op))()
    }
    checks.allowPeer(device.wgKey)
    const log = logOf(device.name, say)
    const told = { log, verify, peerUp, kernelChanged, sabotage, mesh }
    nodes.push(createSimNode({ device, enrolled, base: clock, entropy, broker, index, ...told }))
  }
  if (options.locked) lockNetwork(running)
  const stranger = randomDevice('intruder', entropy)
  const liar = createLiar({ broker, entropy, ...stranger })
  const cuts = new Set<NodeId>()
  mesh.reach = (from, to) => !cuts.has(from) && !cuts.has(to) && isTunnel(nodes, from, to)
  const outside = { broker, cuts, entropy, hub, liar, mesh, nodes, intruder: stranger }
  return { ...outside, checks, history, members, close: () => hub.close() }
}
