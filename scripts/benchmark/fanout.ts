// Fan-out: one policy change at a real hub with its embedded broker, until every device has verified and read it.
// The devices run in two processes of their own, so that the hub's processor time is its own; what a device makes of it is
// another bench (`policy`), for a thousand that compile on one machine would measure the machine.

import type { ChildProcess } from 'node:child_process'
import { type Bench, type BenchContext, type Figures, quantile } from './bench.ts'
import { expect, spawnWorker } from './fleet-process.ts'
import type { FromAgents, FromHub, ToAgents, ToHub } from './fleet-words.ts'
import { cpuMsOf, memoryOf } from './process-cost.ts'

const FLEETS = [100, 1_000] as const
const WORKERS = 2
/** Changes measured after one that warms everything up. */
const CHANGES = 10

interface Change {
  readonly delaysMs: readonly number[]
}

async function oneChange(hub: ChildProcess, workers: readonly ChildProcess[], port: number): Promise<Change> {
  const all = Promise.all(workers.map((worker) => expect<FromAgents, 'applied'>(worker, 'applied')))
  const changed = expect<FromHub, 'changed'>(hub, 'changed')
  hub.send({ type: 'change', port } satisfies ToHub)
  const [{ atNs }, reports] = await Promise.all([changed, all])
  const since = BigInt(atNs)
  return { delaysMs: reports.flatMap((report) => report.atNs.map((at) => Number(BigInt(at) - since) / 1e6)) }
}

async function measureFleet(size: number, { say }: BenchContext): Promise<Figures> {
  const hub = spawnWorker('hub-process.ts')
  const workers: ChildProcess[] = []
  try {
    await expect<FromHub, 'listening'>(hub, 'listening')
    const enrolled = expect<FromHub, 'enrolled'>(hub, 'enrolled')
    hub.send({ type: 'enrol', count: size } satisfies ToHub)
    const { recruits } = await enrolled
    say(`${size} devices enrolled`)
    for (let i = 0; i < WORKERS; i++) workers.push(spawnWorker('agent-process.ts'))
    await Promise.all(
      workers.map((worker, i) => {
        const online = expect<FromAgents, 'online'>(worker, 'online')
        worker.send({ type: 'start', recruits: recruits.filter((_, at) => at % WORKERS === i) } satisfies ToAgents)
        return online
      }),
    )
    say(`${size} agents online`)
    await oneChange(hub, workers, 1)
    const pid = hub.pid ?? 0
    const delays: number[] = []
    const cpuBefore = cpuMsOf(pid)
    for (let change = 2; change <= CHANGES + 1; change++) {
      delays.push(...(await oneChange(hub, workers, change)).delaysMs)
    }
    const hubCpuMs = (cpuMsOf(pid) - cpuBefore) / CHANGES
    return {
      [`p50Ms${size}`]: quantile(delays, 0.5),
      [`p99Ms${size}`]: quantile(delays, 0.99),
      [`maxMs${size}`]: quantile(delays, 1),
      [`hubCpuMsPerChange${size}`]: hubCpuMs,
      [`hubRssMiB${size}`]: memoryOf(pid).rssMiB,
    }
  } finally {
    for (const child of [...workers, hub]) child.kill('SIGTERM')
  }
}

export const fanout: Bench = {
  about: 'one policy change, until 100 and 1,000 devices over real MQTT have verified it and made their rules of it',
  runs: 3,
  budgets: { p99Ms1000: '≤ 1000', hubCpuMsPerChange1000: 'as with 100' },
  async measure(context) {
    const figures: Record<string, number> = {}
    for (const size of FLEETS) Object.assign(figures, await measureFleet(size, context))
    // The names that others compare speak of the largest fleet.
    return {
      ...figures,
      p50Ms: figures['p50Ms1000'] ?? Number.NaN,
      p99Ms: figures['p99Ms1000'] ?? Number.NaN,
      hubRssMiB: figures['hubRssMiB1000'] ?? Number.NaN,
    }
  },
}
