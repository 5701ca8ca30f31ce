// `./scripts/bench NAME… | all [--json] [--runs N]`: runs benchmarks several times each and prints the medians.

import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { asTable, type Bench, type Figures, machine, overBounds, type Report, summarise } from './bench.ts'
import { coldBoot } from './cold-boot.ts'
import { connections } from './connections.ts'
import { dashboard } from './dashboard.ts'
import { failover } from './failover.ts'
import { fanout } from './fanout.ts'
import { flows } from './flows.ts'
import { idleBytes } from './idle-bytes.ts'
import { memory } from './memory.ts'
import { resolver } from './names.ts'
import { outage } from './outage.ts'
import { policy } from './policy.ts'
import { published } from './published.ts'
import { relay } from './relay.ts'
import { routes } from './routes.ts'
import { services } from './services.ts'
import { size } from './size.ts'
import { wgSet } from './wg-set.ts'

const root = resolve(import.meta.dirname, '../..')

const benches: Readonly<Record<string, Bench>> = {
  'cold-boot': coldBoot,
  connections,
  dashboard,
  failover,
  fanout,
  flows,
  'idle-bytes': idleBytes,
  memory,
  names: resolver,
  outage,
  policy,
  published,
  relay,
  routes,
  services,
  size,
  'wg-set': wgSet,
}

function usage(): string {
  const names = Object.entries(benches).map(([name, { about, runs }]) => `  ${name.padEnd(12)} ${about} (${runs} runs)`)
  return `Usage: ./scripts/bench NAME… | all [--json] [--runs N]\n\n${names.join('\n')}\n`
}

interface Chosen {
  readonly name: string
  readonly bench: Bench
}

function choose(names: readonly string[]): readonly Chosen[] {
  const wanted = names.includes('all') ? Object.keys(benches) : names
  return wanted.map((name) => {
    const bench = benches[name]
    if (bench === undefined) throw new HoldfastError('usage', `there is no benchmark "${name}"`, { remedy: usage() })
    return { name, bench }
  })
}

async function measure({ bench, name }: Chosen, runs: number): Promise<Report> {
  const startedAt = systemClock.monotonic()
  const measured: Figures[] = []
  for (let run = 1; run <= runs; run++) {
    const elapsed = (): string => `${((systemClock.monotonic() - startedAt) / 1_000).toFixed(0)} s`
    const say = (words: string): void => void process.stderr.write(`${name} ${run}/${runs}, ${elapsed()}: ${words}\n`)
    measured.push(await bench.measure({ say }))
    say('measured')
  }
  return { name, machine: machine(), runs, figures: summarise(measured) }
}

/** What is measured is this checkout, not what somebody built from it last week. */
function buildPrograms(): void {
  execFileSync(process.execPath, [resolve(root, 'build/bundle.ts')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

async function main(args: readonly string[]): Promise<void> {
  const options = { json: { type: 'boolean' }, runs: { type: 'string' }, help: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  if (positionals.length === 0 || values.help === true) {
    process.stdout.write(usage())
    return
  }
  const chosen = choose(positionals)
  const asked = values.runs === undefined ? undefined : Number(values.runs)
  if (asked !== undefined && (!Number.isInteger(asked) || asked < 1 || asked > 100)) {
    throw new HoldfastError('usage', '--runs takes 1 to 100')
  }
  buildPrograms()
  for (const one of chosen) {
    const report = await measure(one, asked ?? one.bench.runs)
    const { bounds, budgets } = one.bench
    process.stdout.write(
      values.json === true ? `${JSON.stringify({ ...report, budgets })}\n` : `${asTable(report, budgets)}\n`,
    )
    for (const words of overBounds(report, bounds)) {
      process.stderr.write(`bench: ${words}\n`)
      process.exitCode = 1
    }
  }
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${describeError(error)}\n`)
  process.exitCode = isHoldfastError(error, 'usage') ? 2 : 1
}
