// Fan-out: one policy change at a real hub with its embedded broker, until every agent enforces it. The agents run in
// two processes of their own, so that the hub's processor time is its own.

import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { type Bench, type BenchContext, type Figures, quantile } from './bench.ts'
import type { FromAgents, FromHub, ToAgents, ToHub } from './fleet-words.ts'
import { cpuMsOf, memoryOf } from './process-cost.ts'

const FLEETS = [100, 1_000] as const
const WORKERS = 2
/** Changes measured after one that warms everything up. */
const CHANGES = 10
const WAIT_MS = 120_000

function spawnWorker(file: string): ChildProcess {
  const path = join(import.meta.dirname, file)
  return fork(path, { execPath: process.execPath, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

/** The next word of that type from the child; throws when it fails, ends or stays silent. */
function expect<W extends FromHub | FromAgents, T extends W['type']>(
  child: ChildProcess,
  type: T,
): Promise<Extract<W, { type: T }>> {
  return new Promise((resolve, reject) => {
    const done = (finish: () => void): void => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
      finish()
    }
    const fail = (why: string): void => done(() => reject(new HoldfastError('failed', why)))
    const onMessage = (words: W): void => {
      if (words.type === 'failed') fail((words as { readonly why: string }).why)
      else if (words.type === type) done(() => resolve(words as Extract<W, { type: T }>))
    }
    const onExit = (): void => fail('a process of the fleet ended early')
    const timer = setTimeout(() => fail(`no "${type}" within ${WAIT_MS / 1_000} s`), WAIT_MS)
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}

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
      [`hubCpuMsPerChange${size}`]: hubCpuMs,
      [`hubRssMiB${size}`]: memoryOf(pid).rssMiB,
    }
  } finally {
    for (const child of [...workers, hub]) child.kill('SIGTERM')
  }
}

export const fanout: Bench = {
  about: 'one policy change, until 100 and 1,000 agents over real MQTT enforce it',
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
