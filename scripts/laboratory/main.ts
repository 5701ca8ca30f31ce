// The lab's command line: plays scenarios, and reaches into the fleet that `up` keeps running.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { callControl } from './control.ts'
import { enterArguments, hostEnvironment } from './host.ts'
import { removeStale } from './run-directory.ts'
import { runScenario, type Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { verbs } from './verbs.ts'

const write = (text: string): void => void process.stdout.write(text)

function help(): number {
  write('usage: ./scripts/lab [--vm] SCENARIO…|--all, or a command for the fleet that ./scripts/up runs\n\nscenarios\n')
  write('  (--vm: on Debian’s own kernel in an emulated machine, where WireGuard is the kernel’s; minutes each)\n')
  for (const { name, promise } of scenarios) write(`  ${name.padEnd(16)} ${promise}\n`)
  write('\ncommands\n')
  const commands = [
    ['enter HOST', 'a shell on a host'],
    ['exec HOST COMMAND …', 'run a command on a host'],
    ...Object.values(verbs).map(({ about, usage }) => [usage, about]),
    ['cleanup', 'remove what crashed runs left behind'],
  ] as const
  for (const [usage = '', about = ''] of commands) write(`  ${usage.padEnd(28)} ${about}\n`)
  return 0
}

async function play(chosen: readonly Scenario[]): Promise<number> {
  const failed: string[] = []
  for (const scenario of chosen) {
    if ((await runScenario(scenario)) === 1) failed.push(scenario.name)
    write('\n')
  }
  write(failed.length === 0 ? `all ${chosen.length} scenarios hold\n` : `failed: ${failed.join(', ')}\n`)
  return failed.length === 0 ? 0 : 1
}

/** Runs a command on a host with this terminal; returns its exit code. */
async function runOn(host: string, command: readonly string[]): Promise<number> {
  const pid = Number(await callControl(['pid', host]))
  const [program = '', ...args] = [...enterArguments(pid, process.cwd()), ...command]
  const env = { ...hostEnvironment(), PS1: `${host} # ` }
  const child = spawn(program, args, { stdio: 'inherit', env })
  // The terminal sends Ctrl-C to the command too; it decides what that means.
  process.on('SIGINT', () => undefined)
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

async function main([first = '', ...rest]: readonly string[]): Promise<number> {
  if (first === '' || first === '--help' || first === 'help') return help()
  if (first === '--all') return play(scenarios)
  const words = [first, ...rest]
  const chosen = scenarios.filter(({ name }) => words.includes(name))
  if (chosen.length === words.length) return play(chosen)
  if (process.getuid?.() !== 0) throw new HoldfastError('forbidden', 'the lab needs root', { remedy: 'Use sudo.' })
  const [host = '', ...command] = rest
  switch (first) {
    case 'enter':
      return runOn(host, ['sh'])
    case 'exec':
      if (command.length === 0) throw new HoldfastError('usage', 'exec needs a host and a command')
      return runOn(host, command)
    case 'cleanup':
      for (const path of removeStale())
        write(`removed ${path}
`)
      return 0
    default:
      if (!Object.hasOwn(verbs, first)) {
        throw new HoldfastError('usage', `there is no scenario and no command "${first}"`, {
          remedy: 'See ./scripts/lab.',
        })
      }
      write(`${await callControl([first, ...rest])}\n`)
      return 0
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`lab: ${describeError(error)}\n`)
  process.exitCode = error instanceof HoldfastError && error.code === 'usage' ? 2 : 1
}
