// One agent on a bench: broker, hub, kernel, disk and clock are all made of maps and can be broken at will.

import { parseAddress, parseCidr } from '../shared/address/cidr.ts'
import { FakeBroker } from '../shared/bus.fake.ts'
import { toBase64 } from '../shared/bytes.ts'
import { FakeClock, memoryLog, seededEntropy, settle } from '../shared/effects.fake.ts'
import type { Clock } from '../shared/effects.ts'
import { HoldfastError } from '../shared/errors.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { parseDeviceKey, parseName } from '../shared/ids.ts'
import { certifyKey } from '../shared/record/keys.ts'
import { parseStatus, type StatusReport } from '../shared/wire/report.ts'
import { topics } from '../shared/wire/topics.ts'
import type { Agent, AgentOptions } from './agent.ts'
import { createAgent } from './create-agent.ts'
import { createFakeKernel, type FakeKernel } from './drivers/kernel.fake.ts'
import { createFakeMesh } from './gossip/door.fake.ts'
import { FakeHub, type TestDevice, testDeflate, testDevice, testInflate, testNetwork } from './link/hub.fake.ts'
import { renderPolicy } from './plan/nft-policy.ts'
import { MemoryStore } from './store/memory.fake.ts'
import { acceptSnapshot } from './trust/accept.ts'

export const me = testDevice('me', 1)
export const other = testDevice('other', 2)
export const third = testDevice('third', 3)

export interface RigOptions {
  readonly hub: FakeHub
  readonly kernel?: FakeKernel
  readonly clock?: FakeClock
  readonly broker?: FakeBroker
  readonly store?: MemoryStore
  readonly extra?: Partial<AgentOptions>
}

export interface Rig {
  readonly agent: Agent
  readonly broker: FakeBroker
  readonly clock: FakeClock
  readonly hub: FakeHub
  readonly store: MemoryStore
  readonly kernel: FakeKernel
  /** Timers of the agent that wait: what must not grow while a hub is away. */
  timers(): number
  advance(ms: number): Promise<void>
  /** Time passes in leaps of an hour: one turn each. */
  leap(hours: number): Promise<void>
  /** The process dies: nothing is said and nothing written any more. */
  kill(): void
  stop(): Promise<void>
}

function countTimers(base: FakeClock): { readonly clock: Clock; readonly waiting: () => number } {
  const waiting = new Set<object>()
  const clock: Clock = {
    now: () => base.now(),
    monotonic: () => base.monotonic(),
    after(delayMs, run) {
      const token = {}
      waiting.add(token)
      const timer = base.after(delayMs, () => {
        waiting.delete(token)
        run()
      })
      return {
        cancel() {
          waiting.delete(token)
          timer.cancel()
        },
      }
    },
  }
  return { clock, waiting: () => waiting.size }
}

function agentOptions(hub: FakeHub, doors: Pick<AgentOptions, 'clock' | 'store' | 'driver' | 'bus'>): AgentOptions {
  return {
    identity: {
      nodeId: me.nodeId,
      name: me.name,
      network: { id: testNetwork, name: parseName('default') },
      hubUrl: 'https://hub.test:8443',
      anchor: { rootKey: parseDeviceKey(toBase64(hub.firstRoot.publicKey)), tlsAuthority: '' },
      keys: [toBase64(certifyKey(hub.signer.publicKey, 1, hub.firstRoot, sha256))],
      broker: { urls: ['mqtts://hub.test:8883'], username: me.nodeId, password: 'x' },
    },
    settings: {
      interface: 'hf0',
      listenPort: 51_820,
      meshPort: 51_822,
      version: 'test',
      host: { os: 'test', kernel: 'test', arch: 'test', wireguard: 'kernel' },
    },
    wgKey: me.wgKey,
    signer: me.signer,
    entropy: seededEntropy(11),
    log: memoryLog(),
    sha256,
    verify,
    inflate: testInflate,
    gossip: { door: createFakeMesh(seededEntropy(12)).door(me.nodeId, doors.clock), deflate: testDeflate },
    ...doors,
  }
}

/** An agent on the device `me`; what is not given is new. */
function agentRig(options: RigOptions): Rig {
  const { hub } = options
  const clock = options.clock ?? new FakeClock()
  const counted = countTimers(clock)
  const broker = options.broker ?? new FakeBroker({ clock, latencyMs: 5, retryMs: 1_000 })
  const store = options.store ?? new MemoryStore()
  const kernel = options.kernel ?? createFakeKernel()
  if (options.kernel === undefined) {
    const address = parseAddress('192.168.1.5')
    kernel.local = [{ interface: 'eth0', address, cidr: parseCidr('192.168.1.0/24'), physical: true }]
  }
  const doors = { clock: counted.clock, store, driver: kernel.driver(), bus: broker.factory(me.nodeId) }
  const agent = createAgent({ ...agentOptions(hub, doors), ...options.extra })
  return {
    agent,
    broker,
    clock,
    hub,
    store,
    kernel,
    timers: counted.waiting,
    advance: (ms) => clock.advanceAsync(ms),
    async leap(hours) {
      for (let hour = 0; hour < hours; hour++) {
        clock.advance(3_600_000)
        await settle()
      }
    },
    kill: () => broker.kill(me.nodeId),
    async stop() {
      const stopped = agent.stop()
      await clock.advanceAsync(5_000)
      await stopped
    },
  }
}

/** A network of `me` and `other` at revision 1, and an agent that holds it as enrolment leaves it. */
export function begin(options: Partial<RigOptions> = {}): Rig {
  const hub = new FakeHub().putNode(me).putNode(other)
  hub.commit()
  const rig = agentRig({ hub, ...options })
  rig.store.saveSet(acceptSnapshot(hub.anchors, undefined, hub.snapshot()).change)
  return rig
}

/** As `begin`, with the hub there and the agent connected. */
export async function online(options: Partial<RigOptions> = {}): Promise<Rig> {
  const rig = begin(options)
  rig.hub.attach(rig.broker)
  await rig.advance(100)
  await rig.agent.start()
  await rig.advance(1_000)
  return rig
}

/** The process starts again on the same machine. */
export function again(rig: Rig, options: Partial<RigOptions> = {}): Rig {
  const { broker, clock, hub, kernel, store } = rig
  return agentRig({ broker, clock, hub, kernel, store, ...options })
}

export function lastStatus({ broker }: Rig): StatusReport {
  return parseStatus(broker.retained(topics.node(testNetwork, me.nodeId, 'status')) ?? new Uint8Array())
}

export function codes({ agent }: Rig): string[] {
  return agent.status().health.map((one) => one.code)
}

/** The peer shook hands just now. */
export function shake({ clock, kernel }: Rig, device: TestDevice, endpoint?: string): void {
  const peer = kernel.device?.peers.get(device.wgKey)
  if (peer === undefined) throw new HoldfastError('not-found', `the kernel has no peer ${device.name}`)
  const moved = endpoint === undefined ? {} : { endpoint: endpoint as never }
  kernel.device?.peers.set(device.wgKey, { ...peer, ...moved, handshakeAt: clock.now() })
}

/** In the kernel. */
export function peerCount({ kernel }: Rig): number {
  return kernel.device?.peers.size ?? 0
}

/** What the kernel holds, as text to compare. */
export function kernelText({ kernel }: Rig): string {
  const { device, policy, routes, ruleset } = kernel
  const peers = [...(device?.peers.values() ?? [])].map(({ allowedIps, endpoint, wgKey }) => [
    wgKey,
    allowedIps,
    endpoint,
  ])
  return JSON.stringify([
    device?.up,
    device?.mtu,
    [...(device?.addresses ?? [])],
    peers,
    [...routes.values()],
    ruleset,
    policy && renderPolicy(policy),
  ])
}
