// Connections a second from outside through a service that a gateway publishes, against rules by hand that do the same, and
// against plain forwarding: by the very table that the agent makes, with one published port and with a hundred.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderServices } from '../../edge/plan/nft-services.ts'
import { type Address, addressAt, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { buildProgram } from '../laboratory/udp-load.ts'
import { type Bench, type Figures, median } from './bench.ts'
import { execute, ratio } from './relay-line.ts'

const PORT = 8_080
const MESH = 'hf0'
const OUTSIDE = 'eth0'
const GATEWAY = parseAddress('198.51.100.1')
const BACKENDS = ['10.97.0.2', '10.97.0.3', '10.97.0.4']
const VIRTUAL = parseCidr('10.96.0.0/16')
const MANY = 100
const FIRST_PORT = 20_000
/** Short turns, so that what else runs here meets all contestants; an odd number of them. */
const SECONDS = 0.2
const ROUNDS = 21
const US = 1e6

type Place = 'client' | 'gateway' | 'server'
const PLACES: readonly Place[] = ['client', 'gateway', 'server']

interface Street {
  nameOf(place: Place): string
  run(place: Place, command: readonly string[], input?: string): string
  remove(): void
}

/** client (198.51.100.2) — gateway (198.51.100.1, and 10.97.0.1 by the device of the mesh) — server with all backends */
function layStreet(): Street {
  const nameOf = (place: Place): string => `hfb-published-${process.pid}-${place}`
  const run: Street['run'] = (place, words, input) => execute(['ip', 'netns', 'exec', nameOf(place), ...words], input)
  const wire = (left: Place, device: string, right: Place): void => {
    const peer = ['peer', 'name', 'eth0', 'netns', nameOf(right)]
    execute(['ip', '-n', nameOf(left), 'link', 'add', device, 'type', 'veth', ...peer])
  }
  const address = (place: Place, block: string, device: string): void => {
    execute(['ip', '-n', nameOf(place), 'address', 'add', block, 'dev', device])
    execute(['ip', '-n', nameOf(place), 'link', 'set', device, 'up'])
  }
  for (const place of PLACES) execute(['ip', 'netns', 'add', nameOf(place)])
  wire('gateway', MESH, 'server')
  wire('client', OUTSIDE, 'gateway')
  address('client', '198.51.100.2/24', OUTSIDE)
  address('gateway', `${GATEWAY}/24`, OUTSIDE)
  address('gateway', '10.97.0.1/24', MESH)
  for (const backend of BACKENDS) address('server', `${backend}/24`, 'eth0')
  // The way of plain forwarding, there and back.
  execute(['ip', '-n', nameOf('client'), 'route', 'add', '10.97.0.0/24', 'via', GATEWAY])
  execute(['ip', '-n', nameOf('server'), 'route', 'add', '198.51.100.0/24', 'via', '10.97.0.1'])
  run('gateway', ['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'])
  // What was reset is not to fill the table of connections of the turns to come.
  run('gateway', ['sysctl', '-q', '-w', 'net.netfilter.nf_conntrack_tcp_timeout_close=1'])
  const remove = (): void => {
    for (const place of PLACES) execute(['ip', 'netns', 'delete', nameOf(place)])
  }
  return { nameOf, run, remove }
}

/** Each service has all backends, and a port of the gateway by its number. */
function tableOf(count: number): string {
  const virtual = Array.from({ length: count }, (_, number): Address => addressAt(VIRTUAL, BigInt(number + 1)))
  const to = BACKENDS.map((address) => ({ address: parseAddress(address), port: PORT }))
  const ways = virtual.map((one) => ({ virtual: one, protocol: 'tcp' as const, port: 80, to }))
  const published = virtual.map((one, number) => ({
    interface: OUTSIDE,
    address: GATEWAY,
    protocol: 'tcp' as const,
    port: FIRST_PORT + number,
    from: [parseCidr('0.0.0.0/0')],
    virtual: one,
    servicePort: 80,
  }))
  return renderServices({ interface: MESH, virtual, ways, lost: [], published })
}

/** As people write it. */
function rulesByHand(): string {
  const lots = BACKENDS.map((address, at) => `${at} : ${address} . ${PORT}`).join(', ')
  const lead = `dnat ip to numgen random mod ${BACKENDS.length} map { ${lots} }`
  return `table inet plain {
  chain in { type nat hook prerouting priority dstnat; ip daddr ${GATEWAY} tcp dport ${FIRST_PORT} ${lead}; }
  chain out { type nat hook postrouting priority srcnat; oifname "${MESH}" ct status dnat masquerade; }
}
`
}

interface Contestant {
  readonly name: string
  readonly ruleset: string
  readonly to: Address
  readonly port: number
}

const CONTESTANTS: readonly Contestant[] = [
  { name: 'forwarded', ruleset: '', to: parseAddress(BACKENDS[0] ?? ''), port: PORT },
  { name: 'byHand', ruleset: rulesByHand(), to: GATEWAY, port: FIRST_PORT },
  { name: 'one', ruleset: tableOf(1), to: GATEWAY, port: FIRST_PORT },
  { name: 'many', ruleset: tableOf(MANY), to: GATEWAY, port: FIRST_PORT + MANY - 1 },
]

/** Each in turns, there and back; connections a second by contestant. */
function compete(street: Street, load: string): ReadonlyMap<string, readonly number[]> {
  const out = new Map(CONTESTANTS.map(({ name }) => [name, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, port, ruleset, to } of round % 2 === 0 ? CONTESTANTS : CONTESTANTS.toReversed()) {
      street.run('gateway', ['nft', '-f', '-'], `flush ruleset\n${ruleset}`)
      const words = ['open', to, port, SECONDS].map(String)
      out.get(name)?.push(Number(street.run('client', ['taskset', '-c', '0', load, ...words])))
    }
  }
  return out
}

async function serving(street: Street, load: string): Promise<ChildProcess> {
  const words = ['netns', 'exec', street.nameOf('server'), 'taskset', '-c', '1', load, 'serve', String(PORT)]
  const server = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(server.stdout, 'data')
  return server
}

async function measure({ say }: Parameters<Bench['measure']>[0]): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const street = layStreet()
  let server: ChildProcess | undefined
  try {
    const load = buildProgram(join(import.meta.dirname, 'connect-load.c'), directory)
    server = await serving(street, load)
    say(`${ROUNDS} rounds, one published port and ${MANY}`)
    const rates = compete(street, load)
    const of = (name: string): readonly number[] => rates.get(name) ?? []
    // They are opened one after the other: what a second holds says how long one took.
    const usOf = (name: string): number => US / median(of(name))
    return {
      forwardedPerS: median(of('forwarded')),
      byHandPerS: median(of('byHand')),
      publishedPerS: median(of('one')),
      addedUs: usOf('one') - usOf('forwarded'),
      addedByHandUs: usOf('byHand') - usOf('forwarded'),
      ratio: ratio(of('one'), of('byHand')),
      ratioOfMany: ratio(of('many'), of('byHand')),
    }
  } finally {
    server?.kill('SIGKILL')
    street.remove()
    rmSync(directory, { recursive: true })
  }
}

export const published: Bench = {
  about: 'connections a second from outside through a published service, against DNAT and masquerade by hand',
  runs: 3,
  budgets: { ratio: '≥ 0.9', ratioOfMany: '≥ 0.9' },
  measure,
}
