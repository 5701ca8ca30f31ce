// `./scripts/sim [--seed N] [--steps M] [--nodes K] [--verbose]`: a hub and K agents in one process, M steps of bad luck,
// then fine weather; every checker must agree all along. The same seed gives the same run, to the byte.

import { parseArgs } from 'node:util'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { formatVersion } from '../../shared/record/head.ts'
import { calm } from './broker.ts'
import { strike, type World } from './chaos.ts'
import { buildWorld } from './world.ts'

/** Simulated time between two events, at most. */
const STEP_MS_MAX = 20_000
/** Simulated time to settle at the end: longer than the longest back-off and the slowest repair. */
const SETTLE_MS = 20 * 60_000

interface Run {
  readonly seed: number
  readonly steps: number
  readonly nodes: number
  readonly say: (words: string) => void
}

function heal({ broker, hub, nodes, liar: _liar }: World): void {
  broker.weather = calm
  broker.setDown(false)
  hub.start()
  for (const node of nodes) {
    broker.cut(node.device.nodeId, false)
    node.disk.full = false
    node.disk.tear = undefined
    node.kernel.dieAfterOps = Number.POSITIVE_INFINITY
    node.kernel.failOps = 0
    node.skew(0)
    node.start()
  }
}

async function simulate({ nodes, say, seed, steps }: Run): Promise<readonly string[]> {
  const clock = new FakeClock()
  const world = await buildWorld({ clock, entropy: seededEntropy(seed), nodes, say })
  for (const node of world.nodes) node.start()
  await clock.advanceAsync(60_000)
  for (let step = 1; step <= steps && world.checks.breaches.length === 0; step++) {
    say(`${String(step).padStart(4)}  ${strike(world)}`)
    await clock.advanceAsync(world.entropy.fraction() * STEP_MS_MAX)
    world.checks.afterStep(world.nodes, world.broker.inFlight())
  }
  if (world.checks.breaches.length > 0) return world.checks.breaches
  heal(world)
  await clock.advanceAsync(SETTLE_MS)
  // A message lost in calm weather was lost before: a fresh connection shows every node the newest head.
  for (const node of world.nodes) world.broker.drop(node.device.nodeId)
  await clock.advanceAsync(SETTLE_MS)
  // A disk that broke the agent's last write may have taken it down once more.
  for (const node of world.nodes) node.start()
  await clock.advanceAsync(SETTLE_MS)
  world.checks.afterStep(world.nodes, world.broker.inFlight())
  await world.checks.converged(world.nodes, world.hub.newest(), world.hub.members())
  say(`ends at revision ${formatVersion(world.hub.newest())}`)
  world.close()
  return world.checks.breaches
}

function positive(text: string | undefined, otherwise: number, flag: string): number {
  const value = Number(text ?? otherwise)
  if (Number.isInteger(value) && value > 0) return value
  throw new HoldfastError('usage', `--${flag} takes a whole number above 0`)
}

async function main(): Promise<void> {
  const option = { type: 'string' } as const
  const options = { seed: option, steps: option, nodes: option, verbose: { type: 'boolean' } } as const
  const { values } = parseArgs({ options })
  const seed = positive(values.seed, 1 + Math.floor(systemEntropy.fraction() * 1_000_000_000), 'seed')
  const steps = positive(values.steps, 250, 'steps')
  const nodes = positive(values.nodes, 5, 'nodes')
  const say = (words: string): void => void (values.verbose === true && process.stdout.write(`${words}\n`))
  const startedAt = systemClock.monotonic()
  const breaches = await simulate({ seed, steps, nodes, say })
  const elapsedS = ((systemClock.monotonic() - startedAt) / 1_000).toFixed(1)
  process.stdout.write(`seed ${seed}, ${steps} steps, ${nodes} nodes, ${elapsedS} s: `)
  process.stdout.write(breaches.length === 0 ? 'every check holds\n' : `\n  ${breaches.join('\n  ')}\n`)
  if (breaches.length > 0) {
    process.stdout.write(`replay: ./scripts/sim --seed ${seed} --steps ${steps} --nodes ${nodes} --verbose\n`)
    process.exitCode = 1
  }
}

try {
  await main()
} catch (error) {
  process.stderr.write(`sim: ${describeError(error)}\n`)
  if (!isHoldfastError(error) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
  process.exitCode = isHoldfastError(error, 'usage') ? 2 : 1
}
