// One simulated machine: a kernel and a disk that outlive the agent, and agents that are born, crash and are born again.

import type { Agent, AgentSettings } from '../../edge/agent.ts'
import { createAgent } from '../../edge/create-agent.ts'
import type { Driver } from '../../edge/drivers/driver.ts'
import type { FakeMesh } from '../../edge/gossip/door.fake.ts'
import type { Identity } from '../../edge/identity.ts'
import type { LocalAddress } from '../../edge/plan/observed.ts'
import type { Op } from '../../edge/plan/op.ts'
import { MemoryStore, PowerCut } from '../../edge/store/memory.fake.ts'
import type { Store } from '../../edge/store/store.ts'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import type { FakeClock } from '../../shared/effects.fake.ts'
import type { Entropy, Log, Verify } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { inflate } from '../../shared/host/inflate.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { SimBroker } from './broker.ts'
import type { Device, Enrolled } from './device.ts'
import { poisonKeepaliveS } from './intent.ts'
import { createSimKernel, type SimKernel } from './kernel.ts'
import { createNodeClock, type NodeClock } from './node-clock.ts'
import type { Sabotage } from './sabotage.ts'

export interface SimNode {
  readonly device: Device
  readonly identity: Identity
  readonly disk: MemoryStore
  readonly kernel: SimKernel
  /** The running agent; undefined while the machine is down or the agent crashed. */
  agent(): Agent | undefined
  clock(): NodeClock
  start(): void
  /** The agent is gone between two instructions; kernel and disk stay. */
  crash(): void
  /** The machine loses power: the kernel forgets, the disk stays. */
  powerCut(): void
  skew(byMs: number): void
  /** What people watch on this machine: the way out, which others may cut, and a machine that a bad revision cuts off. */
  readonly outside: { answers: boolean }
  /** What went wrong at a start, which the checkers want to know. */
  readonly startFailures: string[]
}

export interface SimNodeOptions {
  readonly device: Device
  readonly enrolled: Enrolled
  readonly base: FakeClock
  readonly entropy: Entropy
  readonly broker: SimBroker
  /** What lies between the tunnels' ends. */
  readonly mesh: FakeMesh
  readonly index: number
  readonly log: Log
  readonly verify: Verify
  /** Whether the peer with that key is up, so that a handshake would succeed. */
  readonly peerUp: (key: WgKey) => boolean
  /** After each operation on the kernel. */
  readonly kernelChanged: (op: Op) => void
  readonly sabotage: Sabotage | undefined
}

export const settings: AgentSettings = {
  interface: 'hf0',
  listenPort: 51_820,
  meshPort: 51_822,
  version: 'sim',
  host: { os: 'sim', kernel: 'sim', arch: 'sim', wireguard: 'kernel' },
}

const OUTSIDE = 'ping:outside'
const MACHINE = 'tcp:machine:502'

function lan(index: number): LocalAddress {
  const net = `192.168.${index + 1}`
  return { interface: 'eth0', address: parseAddress(`${net}.10`), cidr: parseCidr(`${net}.0/24`), physical: true }
}

/** Lets calls through while `alive()`; a dead agent never hears back from anything. */
function driverWhile(alive: () => boolean, driver: Driver): Driver {
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined)
  return {
    read: () => (alive() ? driver.read() : never()),
    apply: (ops) => (alive() ? driver.apply(ops) : never()),
    cleanup: () => (alive() ? driver.cleanup() : never()),
    watch: (wake) => driver.watch((word) => alive() && wake(word)),
  }
}

/** A power cut takes the machine down: `died` is told, and nothing of this agent goes on. */
function storeWhile(alive: () => boolean, store: Store, died: () => void): Store {
  const guard = <A extends readonly unknown[], R>(call: (...args: A) => R) => {
    return (...args: A): R => {
      if (!alive()) throw new HoldfastError('failed', 'this agent is dead')
      try {
        return call(...args)
      } catch (error) {
        if (error instanceof PowerCut) died()
        throw error
      }
    }
  }
  return {
    loadSet: guard(() => store.loadSet()),
    saveSet: guard((change) => store.saveSet(change)),
    loadWaiting: guard(() => store.loadWaiting()),
    saveWaiting: guard((set) => store.saveWaiting(set)),
    loadGood: guard(() => store.loadGood()),
    saveGood: guard((set) => store.saveGood(set)),
    loadFacts: guard(() => store.loadFacts()),
    saveFact: guard((node, envelope) => store.saveFact(node, envelope)),
    deleteFacts: guard((nodes) => store.deleteFacts(nodes)),
    get: guard((key) => store.get(key)),
    set: guard((key, value) => store.set(key, value)),
    journal: guard((entry) => store.journal(entry)),
    loadJournal: guard((limit) => store.loadJournal(limit)),
    close: () => undefined,
  }
}

export function createSimNode(options: SimNodeOptions): SimNode {
  const { base, broker, device, enrolled, entropy, index, sabotage } = options
  let incarnation = 0
  let running: { readonly agent: Agent; readonly clock: NodeClock; readonly number: number } | undefined
  let skewMs = 0
  let clock = createNodeClock(base)

  const crash = (): void => {
    clock.kill()
    running = undefined
    incarnation++
    broker.forget(device.nodeId)
    options.mesh.forget(device.nodeId)
  }

  const disk = new MemoryStore()
  disk.saveSet(enrolled.firstSet)
  const powerCut = (): void => {
    crash()
    kernel.reboot()
  }
  const kernel = createSimKernel({
    local: [lan(index)],
    handshakeAt: (peer) => (options.peerUp(peer) ? base.now() : 0),
    changed: options.kernelChanged,
    died: crash,
  })
  const startFailures: string[] = []

  const outside = { answers: true }
  const answers = (probe: string): boolean => {
    if (probe === OUTSIDE) return outside.answers
    return kernel.observe().device?.peers.every(({ keepaliveS }) => keepaliveS < poisonKeepaliveS) !== false
  }

  const start = (): void => {
    if (running !== undefined) return
    const number = ++incarnation
    const alive = (): boolean => incarnation === number
    clock = createNodeClock(base)
    clock.skew(skewMs)
    const agent = createAgent({
      identity: enrolled.identity,
      settings,
      wgKey: device.wgKey,
      signer: device.signer,
      clock,
      entropy,
      log: options.log,
      sha256,
      verify: sabotage?.verify ?? options.verify,
      inflate,
      gossip: { door: options.mesh.door(device.nodeId, clock), deflate },
      store: storeWhile(alive, sabotage?.store?.(disk) ?? disk, powerCut),
      confirm: { watchMs: 30_000, probes: [OUTSIDE, MACHINE], ask: async (probe) => answers(probe) },
      driver: driverWhile(alive, sabotage?.driver?.(kernel.driver) ?? kernel.driver),
      bus: broker.factory(device.nodeId, clock),
    })
    running = { agent, clock, number }
    agent.start().catch((error: unknown) => {
      if (alive()) startFailures.push(error instanceof Error ? error.message : String(error))
    })
  }

  return {
    device,
    identity: enrolled.identity,
    disk,
    kernel,
    agent: () => running?.agent,
    clock: () => clock,
    start,
    crash,
    powerCut,
    outside,
    skew(byMs) {
      skewMs = byMs
      clock.skew(byMs)
    },
    startFailures,
  }
}
