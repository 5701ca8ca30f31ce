// The test runner: `check` is what a person runs before a commit, `test` is everything there is.
//
// Programs, scenarios and the tests of the lab are processes of their own; unit tests are many and small, and share a few.

import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { toHex } from '../../shared/bytes.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { endLeftovers, runChild } from './child.ts'
import { createFilePool } from './file-pool.ts'
import { asOneTest, asSkipped, asTestFile, closing, type Outcome, sum } from './outcome.ts'
import { whyNoLab, whyNoMachine } from './privilege.ts'

const root = resolve(import.meta.dirname, '../..')
const bin = join(root, 'node_modules/.bin')
const mark = toHex(systemEntropy.bytes(8))

/** More don't make the run shorter than its longest test. */
const CORES_MAX = 8
const SIMULATOR = 'scripts/simulator/'

/**
 * A file that hangs, and not one that is slow: the longest takes ten seconds, and ten times as long on a busy machine whose
 * disk takes a second for what it syncs.
 */
const UNIT_TIMEOUT_MS = 240_000
const TOOL_TIMEOUT_MS = 300_000
/** One file or scenario of the lab: hosts boot, fail over, and are power-cycled in it. */
const LAB_TIMEOUT_MS = 360_000
const SIM_TIMEOUT_MS = 300_000
const RELEASE_TIMEOUT_MS = 600_000
const KUBE_TIMEOUT_MS = 300_000
/** Who leads is told from who is dead by leases of seconds. */
const KUBE_ALONE = 'scripts/kubernetes/replicas.kube.test.ts'
/** An API server is built from a hundred modules, at idle priority, while others are tested. */
const PREPARE_TIMEOUT_MS = 45 * 60_000
/** Everything takes ten times as long on an emulated processor. */
const MACHINE_TIMEOUT_MS = 660_000
const MACHINE_FILES = ['scripts/machine/kernel-wireguard.ts']
/** What later runs need not do again. */
const CACHE = join(root, 'node_modules/.cache')
/** What Node makes of a source when it first reads it: half the time of a small test, spent once instead of in each. */
const COMPILED = join(CACHE, 'compiled')
/** Seeds that are always tried, beside those that once found something (scripts/simulator/seeds.ts). */
const SIM_SEEDS = '1..12'

interface Job {
  readonly name: string
  readonly run: () => Promise<Outcome>
}

/** Runs jobs `width` at a time, tells each failure at once, and a line for the whole. */
async function runGroup(title: string, jobs: readonly Job[], width: number): Promise<Outcome[]> {
  if (jobs.length === 0) return []
  const startedAt = systemClock.monotonic()
  const outcomes: Outcome[] = []
  const waiting = [...jobs]
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const outcome = await job.run()
      outcomes.push(outcome)
      if (outcome.failed > 0) process.stdout.write(`\nFAILED   ${outcome.name}\n${outcome.output}\n`)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  const { passed, failed, skipped } = sum(outcomes)
  const elapsedS = ((systemClock.monotonic() - startedAt) / 1_000).toFixed(1)
  const rest = `${failed > 0 ? `, ${failed} failed` : ''}${skipped > 0 ? `, ${skipped} skipped` : ''}`
  process.stdout.write(`${title.padEnd(8)} ${passed} passed${rest}, ${jobs.length} programs, ${elapsedS} s\n`)
  return outcomes
}

function files(pattern: string, except?: (path: string) => boolean): string[] {
  const all = globSync(pattern, { cwd: root, exclude: (path) => path === 'node_modules' || path === '.git' })
  return all.filter((path) => except?.(path) !== true).sort()
}

function tool(name: string, command: readonly string[], timeoutMs = TOOL_TIMEOUT_MS): Job {
  return { name, run: async () => asOneTest(name, await runChild(command, { cwd: root, timeoutMs, mark })) }
}

function testFile(path: string, timeoutMs: number): Job {
  const command = [join(bin, 'node'), path]
  return { name: path, run: async () => asTestFile(path, await runChild(command, { cwd: root, timeoutMs, mark })) }
}

function toolJobs(): Job[] {
  return [
    tool('types', [join(bin, 'tsc'), '-p', '.', '--incremental', '--tsBuildInfoFile', join(CACHE, 'types.json')]),
    tool('types of the dashboard', [join(bin, 'tsc'), '-p', 'cloud/dashboard']),
    tool('lint', [join(bin, 'oxlint'), '--type-aware', '--quiet']),
    tool('format', [join(bin, 'biome'), 'check', '--reporter=summary']),
    tool('tidy', [join(bin, 'node'), 'scripts/tidy.ts']),
    tool('build', [join(bin, 'node'), 'build/bundle.ts']),
  ]
}

/** Runs test files in shared processes; the last outcome is how these ended. */
async function runFiles(title: string, paths: readonly string[], width: number): Promise<Outcome[]> {
  const pool = createFilePool(join(bin, 'node'), { cwd: root, mark, env: { NODE_COMPILE_CACHE: COMPILED } })
  const job = (path: string): Job => ({
    name: path,
    run: async () => asTestFile(path, await pool.run(join(root, path), UNIT_TIMEOUT_MS)),
  })
  const outcomes = await runGroup(title, paths.map(job), width)
  const left = (await pool.close()).filter(({ code }) => code !== 0)
  const ends = left.map((result) => asOneTest(`the end of ${title} tests`, result))
  for (const { name, output } of ends) process.stdout.write(`\nFAILED   ${name}\n${output}\n`)
  return [...outcomes, ...ends]
}

/** Those of the simulator live whole lives: they go with it. */
function unitFiles(): string[] {
  const isOther = (path: string): boolean => /\.(lab|kube)\.test\.ts$/.test(path) || path.startsWith(SIMULATOR)
  return files('{shared,edge,cloud,scripts,build}/**/*.test.ts', isOther)
}

/**
 * Scenarios and tests in real namespaces. Scenarios of `alone` measure, or load the machine; the others mostly wait for the
 * clocks of what they try, and may do so side by side.
 */
async function labJobs(): Promise<Record<'alone' | 'together', readonly Job[]>> {
  const tests = files('{shared,edge,cloud,scripts,build}/**/*.lab.test.ts')
  const stages = files('scripts/laboratory/scenarios/*.ts', (path) => /\.(test|fake)\.ts$/.test(path))
  const reason = whyNoLab()
  if (reason !== undefined) {
    const skips = [...tests, ...stages].map((path) => ({ name: path, run: async () => asSkipped(path, reason) }))
    return { alone: skips, together: [] }
  }
  // Only here: what is broken in the lab must not keep the types and the unit tests from saying so.
  const { scenarios } = await import('../laboratory/scenarios.ts')
  const patient = new Set(scenarios.filter(({ alone }) => alone !== true).map(({ name }) => `${name}.ts`))
  const play = (path: string): Job => tool(path, [join(bin, 'node'), path], LAB_TIMEOUT_MS)
  return {
    alone: stages.filter((path) => !patient.has(basename(path))).map(play),
    together: [
      ...tests.map((path) => testFile(path, LAB_TIMEOUT_MS)),
      ...stages.filter((path) => patient.has(basename(path))).map(play),
    ],
  }
}

/** On Debian's own kernel, one boot each. */
function machineJobs(): Job[] {
  const reason = whyNoLab() ?? whyNoMachine()
  const inMachine = (path: string): Job => {
    const name = `${path} on Debian’s kernel`
    if (reason !== undefined) return { name, run: async () => asSkipped(name, reason) }
    const command = [join(root, 'scripts/lab'), '--vm', path]
    const judge = path.endsWith('.test.ts') ? asTestFile : asOneTest
    return {
      name,
      run: async () => judge(name, await runChild(command, { cwd: root, timeoutMs: MACHINE_TIMEOUT_MS, mark })),
    }
  }
  return MACHINE_FILES.map(inMachine)
}

function simJobs(): Job[] {
  const sim = (...args: readonly string[]): Job =>
    tool(`sim ${args.join(' ')}`, [join(bin, 'node'), `${SIMULATOR}main.ts`, ...args], SIM_TIMEOUT_MS)
  return [
    sim('--found'),
    sim('--seeds', SIM_SEEDS),
    ...files(`${SIMULATOR}*.test.ts`).map((path) => testFile(path, UNIT_TIMEOUT_MS)),
  ]
}

function releaseJob(): Job {
  return tool('release', [join(bin, 'node'), 'scripts/testing/release.ts'], RELEASE_TIMEOUT_MS)
}

/** What is tried at a real API server of Kubernetes. Those of `together` mostly wait, each for a server of its own. */
function kubeJobs(): Record<'alone' | 'together', readonly Job[]> {
  const jobs = (paths: readonly string[]): Job[] => paths.map((path) => testFile(path, KUBE_TIMEOUT_MS))
  const others = files('scripts/kubernetes/*.kube.test.ts', (path) => path === KUBE_ALONE)
  return { alone: jobs([KUBE_ALONE]), together: jobs(others) }
}

/**
 * Fetches and builds once on a machine, one after the other, what tests would wait for: with what these leave of the processors.
 * A failure is told by the tests that want it, which begin by the same.
 */
function prepare(what: readonly string[]): Promise<unknown> {
  const command = ['chrt', '--idle', '0', join(bin, 'node'), 'scripts/testing/prepare.ts', ...what]
  return runChild(command, { cwd: root, timeoutMs: PREPARE_TIMEOUT_MS, mark })
}

/** Of the tests after the release: the quick ones first, and an API server and Helm for the last of all. */
function laterNeeds(): readonly string[] {
  const last = ['kube', 'helm']
  if (whyNoLab() !== undefined) return last
  return [...(whyNoMachine() === undefined ? ['machine'] : []), 'foreign', 'debian', ...last]
}

async function main(mode: string | undefined): Promise<number> {
  const width = Math.min(CORES_MAX, availableParallelism())
  // Hosts of the lab have clocks to keep, and each scenario has a dozen programs: half of the time these wait.
  const stages = Math.min(3, width + 1)
  const clusters = Math.min(2, width)
  // A new machine fetches two Nodes, and Go where the installed one is old: the network is idle until then.
  const ingredients = mode === 'test' ? prepare(['release']) : undefined
  const outcomes = await runGroup('tools', toolJobs(), width)
  // Some wait for clocks and closing sockets meanwhile.
  outcomes.push(...(await runFiles('unit', unitFiles(), width + 1)))
  if (mode === 'test') {
    outcomes.push(...(await runGroup('sim', simJobs(), width)))
    await ingredients
    outcomes.push(...(await runGroup('release', [releaseJob()], 1)))
    const later = prepare(laterNeeds())
    const { alone, together } = await labJobs()
    outcomes.push(...(await runGroup('lab', alone, 1)))
    // An emulated machine is one busy core for minutes: first, so that the others fill what is left.
    outcomes.push(...(await runGroup(`lab ×${stages}`, [...machineJobs(), ...together], stages)))
    await later
    const kube = kubeJobs()
    outcomes.push(...(await runGroup(`kube ×${clusters}`, kube.together, clusters)))
    outcomes.push(...(await runGroup('kube', kube.alone, 1)))
  }
  const left = endLeftovers(mark)
  if (left.length > 0) process.stdout.write(`ended what tests left running:\n  ${left.join('\n  ')}\n`)
  process.stdout.write(closing(outcomes))
  return sum(outcomes).failed > 0 ? 1 : 0
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    endLeftovers(mark)
    process.stdout.write('interrupted\n')
    process.exit(130)
  })
}
process.exitCode = await main(process.argv[2])
