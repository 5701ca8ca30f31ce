// Connections a second through the virtual address of a service, against a plain rule of nft that does the same for one service,
// and against the backend itself: by the very table that the agent makes, with one service in it and with two thousand.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderServices, servicesTableName } from '../../edge/plan/nft-services.ts'
import { type Address, addressAt, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { servicesMax } from '../../shared/service-limits.ts'
import { buildProgram } from '../laboratory/udp-load.ts'
import { type Bench, type Figures, median } from './bench.ts'
import { execute, ratio } from './relay-line.ts'

const PORT = 8_080
const MESH = 'hf0'
const BACKENDS = ['10.97.0.2', '10.97.0.3', '10.97.0.4']
const VIRTUAL = parseCidr('10.96.0.0/16')
/** Short turns, so that what else runs here meets all contestants; an odd number of them. */
const SECONDS = 0.2
const ROUNDS = 21

interface Pair {
  readonly names: readonly [string, string]
  run(host: 0 | 1, command: readonly string[], input?: string): string
  remove(): void
}

/** client (10.97.0.1, by the device of the mesh) — server with all backends */
function layPair(): Pair {
  const names = [`hfb-services-${process.pid}-c`, `hfb-services-${process.pid}-s`] as const
  const [client, server] = names
  const run: Pair['run'] = (host, command, input) => execute(['ip', 'netns', 'exec', names[host], ...command], input)
  for (const name of names) execute(['ip', 'netns', 'add', name])
  execute(['ip', '-n', client, 'link', 'add', MESH, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', server])
  for (const address of BACKENDS) execute(['ip', '-n', server, 'address', 'add', `${address}/24`, 'dev', 'eth0'])
  execute(['ip', '-n', client, 'address', 'add', '10.97.0.1/24', 'dev', MESH])
  for (const [name, device] of [
    [client, MESH],
    [server, 'eth0'],
    [client, 'lo'],
  ] as const) {
    execute(['ip', '-n', name, 'link', 'set', device, 'up'])
  }
  execute(['ip', '-n', client, 'route', 'add', VIRTUAL, 'dev', MESH])
  // What was reset is not to fill the table of connections of the turns to come.
  run(0, ['sysctl', '-q', '-w', 'net.netfilter.nf_conntrack_tcp_timeout_close=1'])
  const remove = (): void => {
    for (const name of names) execute(['ip', 'netns', 'delete', name])
  }
  return { names, run, remove }
}

/** The `number`-th service has the virtual address of that number, and all backends. */
function tableOf(count: number): string {
  const virtual = Array.from({ length: count }, (_, number): Address => addressAt(VIRTUAL, BigInt(number + 1)))
  const to = BACKENDS.map((address) => ({ address: parseAddress(address), port: PORT }))
  const ways = virtual.map((address) => ({ virtual: address, protocol: 'tcp' as const, port: 80, to }))
  return renderServices({ interface: MESH, virtual, ways, lost: [] })
}

function plainRule(virtual: Address): string {
  const lots = BACKENDS.map((address, at) => `${at} : ${address} . ${PORT}`).join(', ')
  const rule = `ip daddr ${virtual} tcp dport 80 dnat ip to numgen random mod ${BACKENDS.length} map { ${lots} }`
  return `table inet plain {\n\tchain out {\n\t\ttype nat hook output priority -100;\n\t\t${rule}\n\t}\n}\n`
}

interface Contestant {
  readonly name: string
  readonly ruleset: string
  readonly to: Address
  readonly port: number
}

function contestants(): readonly Contestant[] {
  const [first, last] = [addressAt(VIRTUAL, 1n), addressAt(VIRTUAL, BigInt(servicesMax))]
  return [
    { name: 'backend', ruleset: '', to: parseAddress(BACKENDS[0] ?? ''), port: PORT },
    { name: 'plain', ruleset: plainRule(first), to: first, port: 80 },
    { name: 'one', ruleset: tableOf(1), to: first, port: 80 },
    { name: 'many', ruleset: tableOf(servicesMax), to: last, port: 80 },
  ]
}

/** Each in turns, there and back; connections a second by contestant. */
function compete(pair: Pair, load: string): ReadonlyMap<string, readonly number[]> {
  const all = contestants()
  const out = new Map(all.map(({ name }) => [name, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, port, ruleset, to } of round % 2 === 0 ? all : all.toReversed()) {
      pair.run(0, ['nft', '-f', '-'], `flush ruleset\n${ruleset}`)
      const words = ['open', to, port, SECONDS].map(String)
      out.get(name)?.push(Number(pair.run(0, ['taskset', '-c', '0', load, ...words])))
    }
  }
  return out
}

async function serving(pair: Pair, load: string): Promise<ChildProcess> {
  const argv = ['netns', 'exec', pair.names[1], 'taskset', '-c', '1', load, 'serve', String(PORT)]
  const server = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(server.stdout, 'data')
  return server
}

async function measure({ say }: Parameters<Bench['measure']>[0]): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const pair = layPair()
  let server: ChildProcess | undefined
  try {
    const load = buildProgram(join(import.meta.dirname, 'connect-load.c'), directory)
    server = await serving(pair, load)
    say(`${ROUNDS} rounds, ${servicesTableName} of one service and of ${servicesMax}`)
    const rates = compete(pair, load)
    const of = (name: string): readonly number[] => rates.get(name) ?? []
    return {
      backendPerS: median(of('backend')),
      plainPerS: median(of('plain')),
      servicePerS: median(of('one')),
      ratio: ratio(of('one'), of('plain')),
      ratioOfMany: ratio(of('many'), of('plain')),
    }
  } finally {
    server?.kill('SIGKILL')
    pair.remove()
    rmSync(directory, { recursive: true })
  }
}

export const services: Bench = {
  about: 'connections a second through a service’s virtual address, against plain DNAT by nft',
  runs: 3,
  budgets: { ratio: '≥ 0.9', ratioOfMany: '≥ 0.9' },
  measure,
}
