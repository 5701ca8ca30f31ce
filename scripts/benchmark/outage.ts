// What being cut off costs a device: a month of failing reconnects and a thousand power cuts in simulated time, and the
// processor time of the whole agent, as its bundle runs, in two real minutes without a hub.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../shared/errors.ts'
import type { Bench, BenchContext, Figures } from './bench.ts'
import { craftFleet } from './crafted-fleet.ts'
import type { FromOutage, Sample, ToOutage } from './outage-words.ts'
import { agentIn, cpuMsWithChildrenOf } from './process-cost.ts'
import { layWire } from './site.ts'

const program = resolve(import.meta.dirname, 'outage-process.ts')
const launcher = resolve(import.meta.dirname, '../../build/out/holdfast')
const PEERS = 50
const DAYS = 30
const REBOOTS = 1_000
/** Until then caches fill and code is compiled; what grows after it, grows for ever. */
const WARM_DAYS = 7
const SETTLE_MS = 40_000
const WATCH_MS = 120_000

/** Hangs up on everybody. */
async function startDeadHub(): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).destroy())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

async function liveThrough(words: ToOutage): Promise<readonly Sample[]> {
  const child = fork(program, { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const samples: Sample[] = []
  try {
    await new Promise<void>((done, failed) => {
      child.on('message', (heard: FromOutage) => {
        if (heard.type === 'sample') samples.push(heard.sample)
        else if (heard.type === 'done') done()
        else failed(new HoldfastError('failed', heard.why))
      })
      child.once('exit', (code) => failed(new HoldfastError('failed', `the agent's process ended with ${code}`)))
      child.send(words)
    })
  } finally {
    child.kill('SIGKILL')
  }
  return samples
}

/** Slope of the least-squares line through the samples, per simulated day. */
function perDay(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const days = samples.map(({ hours }) => hours / 24)
  const values = samples.map(of)
  const mean = (list: readonly number[]): number => list.reduce((sum, one) => sum + one, 0) / list.length
  const [x, y] = [mean(days), mean(values)]
  const above = days.reduce((sum, day, i) => sum + (day - x) * ((values[i] ?? y) - y), 0)
  return above / days.reduce((sum, day) => sum + (day - x) ** 2, 0)
}

function trend(samples: readonly Sample[]): Figures {
  const outage = samples.slice(0, DAYS + 1)
  const [first, last] = [outage[WARM_DAYS], outage[DAYS]]
  const end = samples.at(-1)
  if (first === undefined || last === undefined || end === undefined) throw new HoldfastError('failed', 'no samples')
  const warm = outage.slice(WARM_DAYS)
  const simulatedMs = (last.hours - first.hours) * 3_600_000
  return {
    rssGrowthKiB: last.rssKiB - first.rssKiB,
    rssKiBPerDay: perDay(warm, ({ rssKiB }) => rssKiB),
    heapKiBPerDay: perDay(warm, ({ heapKiB }) => heapKiB),
    openFilesGrowth: last.files - first.files,
    diskGrowthKiB: last.diskKiB - first.diskKiB,
    attemptsPerDay: (last.attempts - first.attempts) / (DAYS - WARM_DAYS),
    decisionsCpuPercent: (100 * (last.cpuMs - first.cpuMs)) / simulatedMs,
    reboots: end.starts - last.starts,
    rebootsHeapGrowthKiB: end.heapKiB - last.heapKiB,
    rebootsOpenFilesGrowth: end.files - last.files,
    rebootsDiskGrowthKiB: end.diskKiB - last.diskKiB,
    rebootCpuMs: (end.cpuMs - last.cpuMs) / (end.starts - last.starts),
  }
}

async function simulated(): Promise<Figures> {
  const root = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const hub = await startDeadHub()
  try {
    const endpoints = Array.from({ length: PEERS + 1 }, (_, i) => `198.51.100.${i + 1}:51820`)
    const [own] = craftFleet(root, endpoints)
    if (own === undefined) throw new HoldfastError('failed', 'no fleet')
    const { port } = hub.address() as AddressInfo
    return trend(await liveThrough({ stateDir: own.stateDir, port, days: DAYS, reboots: REBOOTS }))
  } finally {
    hub.close()
    rmSync(root, { recursive: true, force: true })
  }
}

/** Share of one core that the agent and the programs it starts take, in per cent. */
async function inReality(): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const wire = layWire('outage')
  try {
    const [here, there] = wire.hosts
    const others = Array.from({ length: PEERS }, (_, i) => `${there.address}:${51_900 + i}`)
    const [own] = craftFleet(root, [`${here.address}:51820`, ...others])
    if (own === undefined) throw new HoldfastError('failed', 'no fleet')
    here.spawn([launcher, 'agent', '--state', own.stateDir])
    await sleep(SETTLE_MS)
    const pid = agentIn(here)
    const before = cpuMsWithChildrenOf(pid)
    await sleep(WATCH_MS)
    return (100 * (cpuMsWithChildrenOf(pid) - before)) / WATCH_MS
  } finally {
    await wire.remove()
    rmSync(root, { recursive: true, force: true })
  }
}

async function measure({ say }: BenchContext): Promise<Figures> {
  const figures = await simulated()
  say(`${DAYS} days and ${REBOOTS} power cuts lived through`)
  return { ...figures, cpuPercent: await inReality() }
}

export const outage: Bench = {
  about: `${DAYS} days without a hub and ${REBOOTS} power cuts: what grows, and what it costs`,
  runs: 1,
  budgets: { rssGrowthKiB: 'no trend', cpuPercent: '≤ 0.2' },
  measure,
}
