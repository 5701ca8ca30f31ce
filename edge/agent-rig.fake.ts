// One agent on a bench: broker, hub, kernel, disk and clock are all made of maps and can be broken at will.

import { createSimKernel, type SimKernel } from '../scripts/simulator/kernel.ts'
import { parseAddress, parseCidr } from '../shared/address/cidr.ts'
import { FakeBroker } from '../shared/bus.fake.ts'
import { toBase64 } from '../shared/bytes.ts'
import { FakeClock, memoryLog, seededEntropy, settle } from '../shared/effects.fake.ts'
import type { Clock } from '../shared/effects.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import type { WgKey } from '../shared/ids.ts'
import { parseDeviceKey, parseName } from '../shared/ids.ts'
import type { Agent, AgentOptions } from './agent.ts'
import { createAgent } from './create-agent.ts'
import { type FakeHub, type TestDevice, testInflate, testNetwork } from './link/hub.fake.ts'
import { MemoryStore } from './store/memory.fake.ts'
import { acceptSnapshot } from './trust/accept.ts'

/** Counts the timers that wait: what must not grow while a hub is away. */
class CountingClock implements Clock {
  readonly base: FakeClock
  waiting = 0

  constructor(base: FakeClock) {
    this.base = base
  }

  now(): number {
    return this.base.now()
  }

  monotonic(): number {
    return this.base.monotonic()
  }

  after(delayMs: number, run: () => void) {
    this.waiting += 1
    let done = false
    const end = (): void => {
      if (!done) this.waiting -= 1
      done = true
    }
    const timer = this.base.after(delayMs, () => {
      end()
      run()
    })
    return {
      cancel: () => {
        end()
        timer.cancel()
      },
    }
  }
}

export interface RigOptions {
  readonly hub: FakeHub
  readonly device: TestDevice
  readonly kernel?: SimKernel
  readonly clock?: FakeClock
  readonly broker?: FakeBroker
  readonly store?: MemoryStore
  readonly extra?: Partial<AgentOptions>
}

export interface Rig {
  readonly agent: Agent
  readonly broker: FakeBroker
  readonly clock: FakeClock
  readonly store: MemoryStore
  readonly kernel: SimKernel
  readonly handshakes: Map<WgKey, number>
  timers(): number
  /** Puts the hub's newest set into the store, as enrolment does. */
  cache(): void
  advance(ms: number): Promise<void>
  /** Time passes in leaps of an hour: one turn each. */
  leap(hours: number): Promise<void>
  /** The process dies: nothing is said and nothing written any more. */
  kill(): void
  stop(): Promise<void>
}

export function agentRig(options: RigOptions): Rig {
  const { device, hub } = options
  const clock = options.clock ?? new FakeClock()
  const handshakes = new Map<WgKey, number>()
  const kernel =
    options.kernel ??
    createSimKernel({
      local: [
        { interface: 'eth0', address: parseAddress('192.168.1.5'), cidr: parseCidr('192.168.1.0/24'), physical: true },
      ],
      handshakeAt: (peer) => handshakes.get(peer) ?? 0,
      changed: () => undefined,
      died: () => undefined,
    })
  const counting = new CountingClock(clock)
  const broker = options.broker ?? new FakeBroker({ clock, latencyMs: 5, retryMs: 1_000 })
  const store = options.store ?? new MemoryStore()
  const agent = createAgent({
    identity: {
      nodeId: device.nodeId,
      name: device.name,
      network: { id: testNetwork, name: parseName('default') },
      hubUrl: 'https://hub.test:8443',
      anchor: { rootKey: parseDeviceKey(toBase64(hub.root.publicKey)), tlsAuthority: '' },
      keys: hub.anchors.certificates.map((bytes) => toBase64(bytes)),
      broker: { urls: ['mqtts://hub.test:8883'], username: device.nodeId, password: 'x' },
    },
    settings: {
      interface: 'hf0',
      listenPort: 51_820,
      meshPort: 51_822,
      version: 'test',
      host: { os: 'test', kernel: 'test', arch: 'test', wireguard: 'kernel' },
    },
    wgKey: device.wgKey,
    signer: device.signer,
    clock: counting,
    entropy: seededEntropy(11),
    log: memoryLog(),
    sha256,
    verify,
    inflate: testInflate,
    store,
    driver: kernel.driver,
    bus: broker.factory(device.nodeId),
    ...options.extra,
  })
  return {
    agent,
    broker,
    clock,
    store,
    kernel,
    handshakes,
    timers: () => counting.waiting,
    cache: () => store.saveSet(acceptSnapshot(hub.anchors, undefined, hub.snapshot()).change),
    advance: (ms) => clock.advanceAsync(ms),
    async leap(hours) {
      for (let hour = 0; hour < hours; hour++) {
        clock.advance(3_600_000)
        await settle()
      }
    },
    kill: () => broker.kill(device.nodeId),
    async stop() {
      const stopped = agent.stop()
      await clock.advanceAsync(5_000)
      await stopped
    },
  }
}
