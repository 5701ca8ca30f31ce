// Memory of one agent with 50 peers in steady state, as its bundle runs on a device.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../shared/errors.ts'
import type { Bench, Figures } from './bench.ts'
import { craftFleet } from './crafted-fleet.ts'
import { memoryOf } from './process-cost.ts'
import { layWire } from './site.ts'

const launcher = resolve(import.meta.dirname, '../../build/out/holdfast')
const PEERS = 50
/** Time to settle: start-up garbage is gone, and the first reconnect tries have failed. */
const SETTLE_MS = 30_000

function pidOfBundle(parent: number): number {
  const children = (pid: number): number[] => {
    const text = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    return text.split('\n').filter(Boolean).map(Number)
  }
  const isBundle = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('holdfast.mjs')
  // Every step from `ip netns exec` to the launcher is an exec, so it is the same process unless a shell got in between.
  if (isBundle(parent)) return parent
  const found = children(parent).find(isBundle)
  if (found === undefined) throw new HoldfastError('failed', 'the agent is not running')
  return found
}

async function measure(): Promise<Figures> {
  const root = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const wire = layWire('mem')
  try {
    const [here, there] = wire.hosts
    const others = Array.from({ length: PEERS }, (_, i) => `${there.address}:${51_900 + i}`)
    const [own] = craftFleet(root, [`${here.address}:51820`, ...others])
    if (own === undefined) throw new HoldfastError('failed', 'no fleet')
    const agent = here.spawn([launcher, 'agent', '--state', own.stateDir])
    await sleep(SETTLE_MS)
    return { ...memoryOf(pidOfBundle(agent.pid ?? 0)) }
  } finally {
    await wire.remove()
    rmSync(root, { recursive: true, force: true })
  }
}

export const memory: Bench = {
  about: `memory of an agent with ${PEERS} peers, without a hub`,
  runs: 3,
  budgets: {},
  measure,
}
