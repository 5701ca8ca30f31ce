// `./scripts/bench NAME [--json] [--runs N]`: runs one benchmark several times and prints the medians.

import { parseArgs } from 'node:util'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { asTable, type Bench, type Figures, machine, summarise } from './bench.ts'
import { coldBoot } from './cold-boot.ts'
import { connections } from './connections.ts'
import { failover } from './failover.ts'
import { fanout } from './fanout.ts'
import { memory } from './memory.ts'
import { relay } from './relay.ts'

const benches: Readonly<Record<string, Bench>> = { 'cold-boot': coldBoot, connections, failover, fanout, memory, relay }

function usage(): string {
  const names = Object.entries(benches).map(([name, { about, runs }]) => `  ${name.padEnd(12)} ${about} (${runs} runs)`)
  return `Usage: ./scripts/bench NAME [--json] [--runs N]\n\n${names.join('\n')}\n`
}

async function main(args: readonly string[]): Promise<void> {
  const options = { json: { type: 'boolean' }, runs: { type: 'string' }, help: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const [name] = positionals
  if (name === undefined || values.help === true) {
    process.stdout.write(usage())
    return
  }
  const bench = benches[name]
  if (bench === undefined) throw new HoldfastError('usage', `there is no benchmark "${name}"`, { remedy: usage() })
  const runs = Number(values.runs ?? bench.runs)
  if (!Number.isInteger(runs) || runs < 1 || runs > 100) throw new HoldfastError('usage', '--runs takes 1 to 100')
  const measured: Figures[] = []
  for (let run = 1; run <= runs; run++) {
    const say = (words: string): void => void process.stderr.write(`${name} ${run}/${runs}: ${words}\n`)
    measured.push(await bench.measure({ say }))
  }
  const report = { name, machine: machine(), runs, figures: summarise(measured) }
  process.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : asTable(report, bench.budgets))
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${describeError(error)}\n`)
  process.exitCode = isHoldfastError(error, 'usage') ? 2 : 1
}
