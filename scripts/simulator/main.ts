// `./scripts/sim`: runs the simulator over one seed, a range, or the seeds that once found something, and says what did
// not hold and how to see it again.

import { parseArgs } from 'node:util'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { simulate } from './run.ts'
import { type Choice, found, parseSeeds } from './seeds.ts'

const USAGE = `Usage: ./scripts/sim [--seed N | --seeds A..B | --found] [--steps M] [--nodes K] [--json] [--verbose]

  --seed N      one run that replays from its seed; without it a seed is drawn
  --seeds A..B  every seed of a range
  --found       the runs that once found a fault
`
/** Between two words on how far a range has come. */
const PROGRESS_MS = 10_000

interface Breached extends Choice {
  readonly breaches: readonly string[]
  readonly replay: string
}

interface Summary {
  readonly runs: number
  readonly held: number
  readonly elapsedS: number
  readonly breached: readonly Breached[]
  /** Of a single run: two machines that print the same saw the same. */
  readonly trace?: string
}

function positive(text: string | undefined, otherwise: number, flag: string): number {
  const value = Number(text ?? otherwise)
  if (Number.isInteger(value) && value > 0) return value
  throw new HoldfastError('usage', `--${flag} takes a whole number above 0`)
}

function replayOf({ nodes, seed, steps }: Choice): string {
  return `./scripts/sim --seed ${seed} --steps ${steps} --nodes ${nodes} --verbose`
}

function choose(values: Readonly<Record<string, string | boolean | undefined>>): readonly Choice[] {
  const text = (flag: string): string | undefined => values[flag]?.toString()
  if (values['found'] === true) return found
  const [steps, nodes] = [positive(text('steps'), 250, 'steps'), positive(text('nodes'), 5, 'nodes')]
  const range = text('seeds')
  const drawn = 1 + Math.floor(systemEntropy.fraction() * 1_000_000_000)
  const seeds = range === undefined ? [positive(text('seed'), drawn, 'seed')] : parseSeeds(range)
  return seeds.map((seed) => ({ seed, steps, nodes }))
}

/** Runs them one after the other; what breaks is told at once on standard error. */
async function runAll(choices: readonly Choice[], say?: (words: string) => void): Promise<Summary> {
  const startedAt = systemClock.monotonic()
  const complain = (words: string): void => void process.stderr.write(`${words}\n`)
  const breached: Breached[] = []
  let toldAt = startedAt
  let trace = ''
  for (const [done, { nodes, seed, steps }] of choices.entries()) {
    const now = systemClock.monotonic()
    if (now - toldAt > PROGRESS_MS) {
      toldAt = now
      complain(`${done} of ${choices.length} runs, ${breached.length} with a breach`)
    }
    const ran = await simulate({ seed, steps, nodes, ...(say === undefined ? {} : { say }) })
    trace = ran.trace
    if (ran.breaches.length === 0) continue
    const one = { seed, steps, nodes, breaches: ran.breaches, replay: replayOf({ seed, steps, nodes }) }
    breached.push(one)
    complain(`seed ${seed}:\n  ${one.breaches.join('\n  ')}\nreplay: ${one.replay}`)
  }
  const elapsedS = Number(((systemClock.monotonic() - startedAt) / 1_000).toFixed(1))
  const held = choices.length - breached.length
  return { runs: choices.length, held, elapsedS, breached, ...(choices.length === 1 ? { trace } : {}) }
}

function inWords(summary: Summary, choices: readonly Choice[]): string {
  const { breached, elapsedS, held, runs, trace } = summary
  const [first] = choices
  const verdict = breached.length === 0 ? 'every check holds' : `${breached.length} with a breach`
  if (first === undefined || trace === undefined) return `${runs} runs, ${elapsedS} s: ${held} hold, ${verdict}\n`
  const { nodes, seed, steps } = first
  return `seed ${seed}, ${steps} steps, ${nodes} nodes, ${elapsedS} s, trace ${trace.slice(0, 16)}: ${verdict}\n`
}

async function main(): Promise<void> {
  const [word, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const numbers = { seed: word, seeds: word, steps: word, nodes: word } as const
  const options = { ...numbers, found: flag, json: flag, verbose: flag, help: flag } as const
  const { values } = parseArgs({ options })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return
  }
  const choices = choose(values)
  const say = values.verbose === true ? (words: string) => void process.stdout.write(`${words}\n`) : undefined
  const summary = await runAll(choices, say)
  process.stdout.write(values.json === true ? `${JSON.stringify(summary)}\n` : inWords(summary, choices))
  if (summary.breached.length > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  process.stderr.write(`sim: ${describeError(error)}\n`)
  if (!isHoldfastError(error) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
  process.exitCode = isHoldfastError(error, 'usage') ? 2 : 1
}
