// What a device pays for the agent as it is shipped, one file: on the disk, on its way there, to start, in memory with 50 peers,
// and in writes to a card that wears out. Bounds are in build/budget.json.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readBudget } from '../../build/budget.ts'
import { tuningOf } from '../../build/tuning.ts'
import { stateFiles } from '../../edge/host/files.ts'
import { createLocalClient } from '../../edge/local/client.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { type Bench, type BenchContext, type Figures, median } from './bench.ts'
import { craftFleet } from './crafted-fleet.ts'
import { agentIn, cpuMsOf, type Memory, memoryOf, writtenBytesOf } from './process-cost.ts'
import { type Host, layWire } from './site.ts'

const release = resolve(import.meta.dirname, '../../build/release')
const shipped = join(release, `holdfast-linux-${process.arch}`)
const PEERS = 50
const STARTS = 5
const START_TIMEOUT_MS = 20_000
/** Until start-up garbage is gone, and the first tries for the hub have failed. */
const SETTLE_MS = 40_000
/** At rest, watched for as long: what is written once a minute is written twice. */
const REST_MS = 120_000
const DAY_MS = 86_400_000

/** The environment that the starter gives it. */
function command(program: string, stateDir: string): readonly string[] {
  const settings = Object.entries(tuningOf('holdfast').environment).map(([name, value]) => `${name}=${value}`)
  return ['env', ...settings, program, 'agent', '--state', stateDir]
}

/** Milliseconds from the start of the process until it answers a question at its local API. */
async function start(host: Host, program: string, stateDir: string): Promise<Started> {
  const { socket } = stateFiles(stateDir)
  const startedAt = systemClock.monotonic()
  host.spawn(command(program, stateDir))
  while (systemClock.monotonic() - startedAt < START_TIMEOUT_MS) {
    try {
      await createLocalClient(socket).status(false)
      return { startMs: systemClock.monotonic() - startedAt, startCpuMs: cpuMsOf(agentIn(host)) }
    } catch {
      await sleep(2)
    }
  }
  throw new HoldfastError('failed', `the agent did not answer within ${START_TIMEOUT_MS / 1_000} s`)
}

async function end(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM')
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await sleep(20)
  }
}

/**
 * The file as after a boot: written, and read into memory as it is needed. What was just made would count as dirty, and in larger
 * pieces than are used.
 */
function makeCold(): void {
  execFileSync('sync')
  execFileSync('dd', [`if=${shipped}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' })
}

function buildRelease(directory: string): void {
  const words = ['--target', `linux-${process.arch}`, '--sign-key', join(directory, 'key.pem')]
  execFileSync(process.execPath, [join(release, '../release.ts'), ...words], { stdio: ['ignore', 'ignore', 'inherit'] })
}

interface Started {
  readonly startMs: number
  /** Of the agent's own process: the same whatever else the machine does meanwhile. */
  readonly startCpuMs: number
}

interface Life {
  /** With a cache, and after the parts were laid. */
  readonly later: Started
  /** The very first of a build on a device: parts are laid on the disk. */
  readonly firstStartMs: number
  readonly settled: Memory
  readonly diskBytesPerDay: number
}

async function live({ say }: BenchContext, restMs: number): Promise<Life> {
  const root = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const wire = layWire('size')
  try {
    // As in a slot of a device.
    const slot = join(root, 'home/versions/a')
    mkdirSync(slot, { recursive: true })
    const program = join(slot, 'holdfast')
    symlinkSync(shipped, program)
    const [here, there] = wire.hosts
    const peers = Array.from({ length: PEERS }, (_, i) => `${there.address}:${51_900 + i}`)
    buildRelease(root)
    say('built')
    const [own] = craftFleet(root, [`${here.address}:51820`, ...peers])
    if (own === undefined) throw new HoldfastError('failed', 'no fleet')
    const starts: Started[] = []
    for (let i = 0; i <= STARTS; i++) {
      starts.push(await start(here, program, own.stateDir))
      if (i < STARTS) await end(agentIn(here))
    }
    const [first, ...others] = starts
    say(`started: ${others.map(({ startMs }) => startMs.toFixed(0)).join(', ')} ms`)
    const later = {
      startMs: median(others.map(({ startMs }) => startMs)),
      startCpuMs: median(others.map(({ startCpuMs }) => startCpuMs)),
    }
    await end(agentIn(here))
    makeCold()
    await start(here, program, own.stateDir)
    await sleep(SETTLE_MS)
    const pid = agentIn(here)
    const settled = memoryOf(pid)
    const before = writtenBytesOf(pid)
    await sleep(restMs)
    const written = writtenBytesOf(pid) - before
    return { later, firstStartMs: first?.startMs ?? Number.NaN, settled, diskBytesPerDay: (written * DAY_MS) / restMs }
  } finally {
    await wire.remove()
    rmSync(root, { recursive: true, force: true })
  }
}

const { agent } = readBudget()
const MIB = 1 << 20

async function measure(context: BenchContext): Promise<Figures> {
  const { diskBytesPerDay, firstStartMs, later, settled } = await live(context, REST_MS)
  return {
    fileMiB: statSync(shipped).size / MIB,
    compressedMiB: statSync(`${shipped}.zst`).size / MIB,
    ...later,
    firstStartMs,
    ...settled,
    diskBytesPerDay,
  }
}

export const size: Bench = {
  about: 'the agent as one file: its size, its start, its memory with 50 peers, what it writes to the disk at rest',
  runs: 1,
  budgets: Object.fromEntries(Object.entries(agent).map(([name, most]) => [name, `≤ ${most}`])),
  bounds: agent,
  measure,
}
