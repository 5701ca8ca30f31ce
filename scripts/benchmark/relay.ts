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
import { systemClock } from '../../shared/host/clock.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { buildUdpLoad } from '../laboratory/udp-load.ts'
import { type Bench, type Figures, median } from './bench.ts'
import { startCoturn, turnPort, whyNoCoturn } from './coturn.ts'
import { channelHead, channelHeadBytes } from './turn-channel.ts'

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

interface Flow {
  readonly to: string
  readonly port: number
  readonly bytes: number
  /** First bytes, hexadecimal. */
  readonly head?: string
}

/** Packets a second that arrive. */
function arriving(line: Line, load: string, { bytes, head = '', port, to }: Flow): number {
  const received = (): number => Number(line.run(2, ['cat', '/sys/class/net/eth0/statistics/rx_packets']))
  const before = received()
  const startedAt = systemClock.monotonic()
  const words = [to, port, SOURCE_PORT, bytes, SECONDS, head].map(String)
  line.run(0, ['taskset', '-c', '0', load, 'send', ...words])
  const elapsedS = (systemClock.monotonic() - startedAt) / 1_000
  return (received() - before) / elapsedS
}

/** Each flow in turns, so that what else this machine does hits all alike. */
function rounds(line: Line, load: string, flows: readonly Flow[], say: (words: string) => void): readonly number[][] {
  const out: number[][] = flows.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    say(`${flows[0]?.bytes} B, round ${round + 1} of ${ROUNDS}`)
    for (const [i, flow] of flows.entries()) out[i]?.push(arriving(line, load, flow))
  }
  return out
}

/** Of neighbours in time, for what else runs here changes from second to second. */
function ratio(some: readonly number[] = [], rest: readonly number[] = []): number {
  return median(some.map((pps, i) => pps / (rest[i] ?? Number.NaN)))
}

/** Side by side with what else relays; what is missing is said. */
async function others(line: Line, load: string, say: (words: string) => void): Promise<Figures> {
  const why = whyNoCoturn()
  if (why !== undefined) {
    say(`not compared: ${why}`)
    return {}
  }
  const [sender, relay] = line.names
  const place = { near: '10.98.1.1', far: '10.98.2.1', peer: '10.98.2.2', peerPort: 9, sourcePort: SOURCE_PORT }
  const coturn = await startCoturn({ sender, relay, ...place })
  try {
    const figures: Record<string, number> = {}
    for (const bytes of SIZES) {
      const head = channelHead(bytes)
      const [own, theirs] = rounds(
        line,
        load,
        [
          { to: '10.98.1.1', port: RANGE.first, bytes },
          { to: '10.98.1.1', port: turnPort, bytes: bytes + channelHeadBytes, head },
        ],
        say,
      )
      figures[`coturnPps${bytes}`] = median(theirs ?? [])
      figures[`coturnMbit${bytes}`] = (median(theirs ?? []) * bytes * 8) / 1e6
      figures[`othersRatio${bytes}`] = ratio(own, theirs)
    }
    return { ...figures, othersRatio: Math.min(...SIZES.map((bytes) => figures[`othersRatio${bytes}`] ?? Number.NaN)) }
  } finally {
    coturn.end()
  }
}

async function measure({ say }: Parameters<Bench['measure']>[0]): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const line = layLine()
  try {
    const load = buildUdpLoad(directory)
    layRelay(line)
    const figures: Record<string, number> = {}
    for (const bytes of SIZES) {
      const [plain, relayed] = rounds(
        line,
        load,
        [
          { to: '10.98.2.2', port: 9, bytes },
          { to: '10.98.1.1', port: RANGE.first, bytes },
        ],
        say,
      )
      const carried = median(relayed ?? [])
      figures[`kernelPps${bytes}`] = median(plain ?? [])
      figures[`relayPps${bytes}`] = carried
      figures[`relayMbit${bytes}`] = (carried * bytes * 8) / 1e6
      figures[`ppsRatio${bytes}`] = ratio(relayed, plain)
    }
    Object.assign(figures, await others(line, load, say))
    return figures
  } finally {
    line.remove()
    rmSync(directory, { recursive: true })
  }
}

export const relay: Bench = {
  about: 'packets through the relay against plain kernel forwarding in the same namespaces',
  runs: 1,
  budgets: { ppsRatio200: '≥ 0.9', ppsRatio1400: '≥ 0.9', othersRatio: '> 1' },
  measure,
}
