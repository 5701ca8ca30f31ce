// The relay's packet path against plain forwarding by the same kernel: one flow through three network namespaces, the
// sender on one core, forwarding and receiving on the other. Receivers drop at the first hook, so nothing else counts.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Forward } from '../../edge/relay/forwarder.ts'
import { elementsOf, knownOf, renderChange, renderTable } from '../../edge/relay/ruleset.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { type Bench, type Figures, median } from './bench.ts'

const LOAD = join(import.meta.dirname, '../laboratory/udp-load.c')
const RANGE = { first: 61_000, count: 1_024 }
const SOURCE_PORT = 51_820
const SECONDS = 0.5
const ROUNDS = 11
const SIZES = [200, 1_400] as const
/** No real link: limits are in the path, as they are in use, but never reached. */
const UNREACHED_BYTES_PER_SECOND = 12.5e9

const DROP =
  'table inet sink { chain in { type filter hook prerouting priority raw; iifname eth0 meta l4proto udp drop; }; }'

interface Line {
  readonly names: readonly [string, string, string]
  run(host: number, command: readonly string[], input?: string): string
  remove(): void
}

function execute(command: readonly string[], input = ''): string {
  const [program = '', ...args] = command
  return execFileSync(program, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] })
}

/** sender (10.98.1.2) — relay (10.98.1.1, 10.98.2.1) — receiver (10.98.2.2) */
function layLine(): Line {
  const names = ['s', 'r', 'd'].map((letter) => `hfb-relay-${process.pid}-${letter}`) as unknown as Line['names']
  const [sender, relay, receiver] = names
  const run: Line['run'] = (host, command, input) =>
    execute(['ip', 'netns', 'exec', names[host] ?? '', ...command], input)
  const remove = (): void => {
    for (const name of names) execute(['ip', 'netns', 'delete', name])
  }
  for (const name of names) execute(['ip', 'netns', 'add', name])
  for (const [i, end] of [sender, receiver].entries()) {
    const net = `10.98.${i + 1}`
    execute(['ip', '-n', end, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', `eth${i}`, 'netns', relay])
    execute(['ip', '-n', end, 'address', 'add', `${net}.2/24`, 'dev', 'eth0'])
    execute(['ip', '-n', relay, 'address', 'add', `${net}.1/24`, 'dev', `eth${i}`])
    for (const [name, device] of [
      [end, 'eth0'],
      [relay, `eth${i}`],
    ] as const) {
      execute(['ip', '-n', name, 'link', 'set', device, 'up'])
    }
    execute(['ip', '-n', end, 'route', 'add', 'default', 'via', `${net}.1`])
  }
  run(1, ['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'])
  // The second core forwards what the first one sends.
  run(1, ['sh', '-c', 'echo 2 > /sys/class/net/eth0/queues/rx-0/rps_cpus'])
  run(2, ['nft', '-f', '-'], DROP)
  return { names, run, remove }
}

function layRelay(line: Line): void {
  const end = (host: string, local: string) => ({
    source: parseEndpoint(`${host}:${SOURCE_PORT}`),
    local: parseAddress(local),
  })
  const forward: Forward = {
    port: RANGE.first,
    family: 4,
    nodes: [parseNodeId('aaaaaaaaaaaaaaaa'), parseNodeId('bbbbbbbbbbbbbbbb')],
    ends: [end('10.98.1.2', '10.98.1.1'), end('10.98.2.2', '10.98.2.1')],
  }
  const limit = UNREACHED_BYTES_PER_SECOND
  const table = { range: RANGE, port: 3_478, sessionBytesPerSecond: limit, totalBytesPerSecond: limit }
  const elements = [...elementsOf(forward, RANGE), ...knownOf([forward])]
  line.run(1, ['nft', '-f', '-'], renderTable(table) + renderChange([], elements))
}

/** Packets a second that arrive. */
function arriving(line: Line, load: string, to: string, port: number, bytes: number): number {
  const received = (): number => Number(line.run(2, ['cat', '/sys/class/net/eth0/statistics/rx_packets']))
  const before = received()
  const startedAt = systemClock.monotonic()
  line.run(0, [
    'taskset',
    '-c',
    '0',
    load,
    'send',
    to,
    String(port),
    String(SOURCE_PORT),
    String(bytes),
    String(SECONDS),
  ])
  const elapsedS = (systemClock.monotonic() - startedAt) / 1_000
  return (received() - before) / elapsedS
}

async function measure({ say }: Parameters<Bench['measure']>[0]): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const load = join(directory, 'udp-load')
  try {
    execute(['gcc', '-O2', '-o', load, LOAD])
  } catch (cause) {
    rmSync(directory, { recursive: true })
    throw new HoldfastError('unsupported', 'there is no C compiler to make the sender with', {
      remedy: 'Install it: apt install gcc libc6-dev',
      cause,
    })
  }
  const line = layLine()
  try {
    layRelay(line)
    const figures: Record<string, number> = {}
    for (const bytes of SIZES) {
      const plain: number[] = []
      const relayed: number[] = []
      // In turns, so that what else this machine does hits both alike.
      for (let round = 0; round < ROUNDS; round++) {
        say(`${bytes} B, round ${round + 1} of ${ROUNDS}`)
        plain.push(arriving(line, load, '10.98.2.2', 9, bytes))
        relayed.push(arriving(line, load, '10.98.1.1', RANGE.first, bytes))
      }
      const [forwarded, carried] = [median(plain), median(relayed)]
      figures[`kernelPps${bytes}`] = forwarded
      figures[`relayPps${bytes}`] = carried
      figures[`relayMbit${bytes}`] = (carried * bytes * 8) / 1e6
      // Of neighbours in time, for what else runs here changes from second to second.
      figures[`ppsRatio${bytes}`] = median(relayed.map((pps, i) => pps / (plain[i] ?? Number.NaN)))
    }
    return figures
  } finally {
    line.remove()
    rmSync(directory, { recursive: true })
  }
}

export const relay: Bench = {
  about: 'packets through the relay against plain kernel forwarding in the same namespaces',
  runs: 1,
  budgets: { ppsRatio200: '≥ 0.9', ppsRatio1400: '≥ 0.9' },
  measure,
}
