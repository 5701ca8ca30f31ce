// Memory of an agent in steady state without a hub, as its bundle runs on a device: in fleets of three sizes, beside a Node
// that does nothing and beside wireguard-go, which a device without WireGuard in its kernel runs with or without us.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../shared/errors.ts'
import type { Bench, BenchContext, Figures } from './bench.ts'
import { craftFleet } from './crafted-fleet.ts'
import { agentIn, type Memory, memoryOf } from './process-cost.ts'
import { layWire } from './site.ts'

const launcher = resolve(import.meta.dirname, '../../build/out/holdfast')
/** Peers beside the agent itself. */
const PEERS = { 5: 4, 50: 50, 1000: 999 } as const
/** Time to settle: start-up garbage is gone, and the first reconnect tries have failed. */
const SETTLE_MS = 40_000

function named(name: string, { privateDirtyMiB, pssMiB, rssMiB }: Memory): Figures {
  return { [`${name}RssMiB`]: rssMiB, [`${name}PssMiB`]: pssMiB, [`${name}PrivateDirtyMiB`]: privateDirtyMiB }
}

interface Settled {
  readonly agent: Memory
  /** Absent where the kernel does WireGuard. */
  readonly wireguardGo: Memory | undefined
}

async function settled(peers: number): Promise<Settled> {
  const root = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const wire = layWire(`mem${peers}`)
  try {
    const [here, there] = wire.hosts
    const others = Array.from({ length: peers }, (_, i) => `${there.address}:${51_900 + i}`)
    const [own] = craftFleet(root, [`${here.address}:51820`, ...others])
    if (own === undefined) throw new HoldfastError('failed', 'no fleet')
    here.spawn([launcher, 'agent', '--state', own.stateDir])
    await sleep(SETTLE_MS)
    const [userspace] = here.pidsOf('wireguard-go')
    return {
      agent: memoryOf(agentIn(here)),
      wireguardGo: userspace === undefined ? undefined : memoryOf(userspace),
    }
  } finally {
    await wire.remove()
    rmSync(root, { recursive: true, force: true })
  }
}

/** The same Node with the same flags, waiting. */
async function bareNode(): Promise<Memory> {
  const flag = /--max-semi-space-size=\S+/.exec(readFileSync(launcher, 'utf8'))?.[0]
  const idle = ['-e', 'setInterval(() => undefined, 1e6)']
  const child = spawn(process.execPath, [...(flag === undefined ? [] : [flag]), ...idle], {
    env: { ...process.env, MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '2' },
    stdio: 'ignore',
  })
  try {
    await sleep(3_000)
    return memoryOf(child.pid ?? 0)
  } finally {
    child.kill('SIGKILL')
  }
}

async function measure({ say }: BenchContext): Promise<Figures> {
  const few = await settled(PEERS[5])
  say('a fleet of 5 measured')
  const usual = await settled(PEERS[50])
  say('50 peers measured')
  const many = await settled(PEERS[1000])
  say('a fleet of 1,000 measured')
  const bare = await bareNode()
  return {
    ...usual.agent,
    ...named('fleet5', few.agent),
    ...named('fleet1000', many.agent),
    ...named('bareNode', bare),
    ...(usual.wireguardGo === undefined ? {} : named('wireguardGo', usual.wireguardGo)),
    rssToBareNodeRatio: usual.agent.rssMiB / bare.rssMiB,
    privateDirtyToBareNodeRatio: usual.agent.privateDirtyMiB / bare.privateDirtyMiB,
  }
}

export const memory: Bench = {
  about: 'memory of an agent without a hub: 50 peers, fleets of 5 and 1,000, beside a bare Node and wireguard-go',
  runs: 1,
  budgets: {},
  measure,
}
