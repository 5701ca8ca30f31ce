// Questions a second that the resolver of an agent answers, and how long the slowest of a hundred takes, beside dnsmasq, which
// hosts use for the same: both with the names of a thousand nodes, on one core, asked from another.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { buildProgram } from '../laboratory/udp-load.ts'
import { type Bench, type Figures, median } from './bench.ts'
import { execute, ratio } from './relay-line.ts'

const ADDRESS = '127.91.0.1'
const PORTS = { agent: 5_391, dnsmasq: 5_392 } as const
type Who = keyof typeof PORTS
const DOMAIN = 'mesh.internal'
const NODES = 1_000
/** Programs of one host ask one after the other; a busy site asks many at once. */
const WINDOWS = { alone: 1, busy: 32 } as const
/** Short turns, so that what else runs here meets both. */
const SECONDS = 0.3
const ROUNDS = 11

interface Turn {
  readonly perS: number
  readonly p99Us: number
}

const onCore = (core: number, argv: readonly string[]): readonly string[] => ['-c', String(core), ...argv]

async function startAgent(): Promise<ChildProcess> {
  const words = [ADDRESS, String(PORTS.agent), String(NODES), DOMAIN]
  const argv = onCore(1, [process.execPath, join(import.meta.dirname, 'names-process.ts'), ...words])
  const child = spawn('taskset', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  if (child.exitCode !== null) throw new HoldfastError('failed', 'the resolver does not start')
  return child
}

async function startDnsmasq(directory: string): Promise<ChildProcess> {
  const hosts = join(directory, 'hosts')
  const lines = Array.from({ length: NODES }, (_, at) => `10.77.${(at + 2) >> 8}.${(at + 2) & 255} n${at}.${DOMAIN}\n`)
  writeFileSync(hosts, lines.join(''))
  const words = ['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', `--addn-hosts=${hosts}`]
  const where = [`--listen-address=${ADDRESS}`, '--bind-interfaces', `--port=${PORTS.dnsmasq}`, '--pid-file=']
  const argv = onCore(1, ['dnsmasq', ...words, ...where, '--user=root', '--log-facility=-'])
  const child = spawn('taskset', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const text of child.stderr.iterator({ destroyOnReturn: false })) {
    if (/read .* - \d/.test(String(text))) break
  }
  if (child.exitCode !== null) throw new HoldfastError('failed', 'dnsmasq does not start')
  child.stderr.resume()
  return child
}

function ask(load: string, who: Who, window: number): Turn {
  const words = [ADDRESS, PORTS[who], SECONDS, window, NODES, DOMAIN].map(String)
  const [perS = Number.NaN, , p99Us = Number.NaN] = execute(['taskset', '-c', '0', load, ...words])
    .trim()
    .split(' ')
    .map(Number)
  return { perS, p99Us }
}

/** Each in turns, there and back. */
function compete(load: string, window: number): Readonly<Record<Who, readonly Turn[]>> {
  const out: Record<Who, Turn[]> = { agent: [], dnsmasq: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const who of round % 2 === 0 ? (['agent', 'dnsmasq'] as const) : (['dnsmasq', 'agent'] as const)) {
      out[who].push(ask(load, who, window))
    }
  }
  return out
}

async function measure({ say }: Parameters<Bench['measure']>[0]): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const servers: ChildProcess[] = []
  try {
    const load = buildProgram(join(import.meta.dirname, 'name-load.c'), directory)
    servers.push(await startAgent(), await startDnsmasq(directory))
    say(`${ROUNDS} rounds, ${NODES} names, ${WINDOWS.busy} questions at once, then one at a time`)
    // What the agent's process compiles as it goes is compiled by then.
    ask(load, 'agent', WINDOWS.busy)
    const [busy, alone] = [compete(load, WINDOWS.busy), compete(load, WINDOWS.alone)]
    const perS = (turns: readonly Turn[]): readonly number[] => turns.map((turn) => turn.perS)
    const p99 = (turns: readonly Turn[]): readonly number[] => turns.map((turn) => turn.p99Us)
    return {
      perS: median(perS(busy.agent)),
      dnsmasqPerS: median(perS(busy.dnsmasq)),
      ratio: ratio(perS(busy.agent), perS(busy.dnsmasq)),
      p99Us: median(p99(alone.agent)),
      dnsmasqP99Us: median(p99(alone.dnsmasq)),
      p99Ratio: ratio(p99(alone.agent), p99(alone.dnsmasq)),
    }
  } finally {
    for (const server of servers) server.kill('SIGKILL')
    rmSync(directory, { recursive: true })
  }
}

export const resolver: Bench = {
  about: 'questions a second that the resolver answers, and the slowest of a hundred, beside dnsmasq',
  runs: 3,
  budgets: { perS: '≥ 5,000: what a device answers at most' },
  measure,
}
