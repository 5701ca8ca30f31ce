// Three network namespaces in a row, sender — relay — receiver, and how many packets of a flow get through: the sender on
// one core, forwarding and receiving on the other. Receivers drop at the first hook, so nothing else counts.

import { execFileSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { HoldfastError } from '../../shared/errors.ts'
import { median } from './bench.ts'

export const SOURCE_PORT = 51_820
/** Nobody listens there. */
export const SINK_PORT = 9
/** Short ones, so that what else runs here meets all contestants; an odd number of them. */
const SECONDS = 0.25
const ROUNDS = 21

export interface Line {
  readonly names: readonly [string, string, string]
  run(host: number, command: readonly string[], input?: string): string
  remove(): void
}

export function execute(command: readonly string[], input = ''): string {
  const [program = '', ...args] = command
  return execFileSync(program, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] })
}

/** What the receiver drops at its first hook, and nothing else. */
export function dropAt(line: Pick<Line, 'run'>, what: string): void {
  const rules = `chain in { type filter hook prerouting priority raw; ${what} drop; }; }`
  line.run(2, ['nft', '-f', '-'], `flush ruleset\ntable inet sink { ${rules}`)
}

/** Cores, as a mask, that forward what the sender's core sends; 0: that one. */
function steer({ run }: Pick<Line, 'run'>, cores: number): void {
  run(1, ['sh', '-c', `echo ${cores} > /sys/class/net/eth0/queues/rx-0/rps_cpus`])
}

/** sender (10.98.1.2) — relay (10.98.1.1, 10.98.2.1) — receiver (10.98.2.2) */
export function layLine(): Line {
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
  steer({ run }, 2)
  dropAt({ run }, 'iifname eth0 meta l4proto udp')
  return { names, run, remove }
}

export interface Flow {
  readonly to: string
  readonly port: number
  readonly bytes: number
  /** First bytes, hexadecimal. */
  readonly head?: string
  readonly sourcePort?: number
  /** Interface of the receiver where it arrives. */
  readonly device?: string
  /** What only this flow goes by: laid before each of its turns, and taken away after. */
  readonly way?: { readonly lay: () => void; readonly remove: () => void }
}

/** Packets a second that arrive. */
function arriving(line: Line, load: string, flow: Flow): number {
  const { bytes, device = 'eth0', head = '', port, sourcePort = SOURCE_PORT, to } = flow
  const received = (): number => Number(line.run(2, ['cat', `/sys/class/net/${device}/statistics/rx_packets`]))
  const before = received()
  const words = [to, port, sourcePort, bytes, SECONDS, head].map(String)
  line.run(0, ['taskset', '-c', '0', load, 'send', ...words])
  return (received() - before) / SECONDS
}

/** Each flow in turns, there and back, so that what else this machine does hits all alike. */
function inTurns(flows: readonly Flow[], count: number, measure: (flow: Flow) => number): readonly number[][] {
  const out: number[][] = flows.map(() => [])
  for (let round = 0; round < count; round++) {
    const turns = [...flows.entries()]
    for (const [i, flow] of round % 2 === 0 ? turns : turns.toReversed()) {
      flow.way?.lay()
      out[i]?.push(measure(flow))
      flow.way?.remove()
    }
  }
  return out
}

export function rounds(
  line: Line,
  load: string,
  flows: readonly Flow[],
  say: (words: string) => void,
): readonly number[][] {
  say(`${flows[0]?.bytes} B, ${ROUNDS} rounds`)
  return inTurns(flows, ROUNDS, (flow) => arriving(line, load, flow))
}

const COST_ROUNDS = 9

/**
 * Nanoseconds of a core that a packet takes from the relay's device to the receiver's first hook. Where the sender is no
 * faster than what it sends through, packets that arrive say more of the sender. With `frames`, from where the sender's
 * device hands a frame to the relay's, as fast drivers do, and both the relay's and the receiver's take it.
 */
export function costs(
  line: Line,
  inject: string,
  flows: readonly Flow[],
  say: (words: string) => void,
  { frames = false } = {},
) {
  say(`${flows[0]?.bytes} B, the cost of a ${frames ? 'frame' : 'packet'}`)
  const [host, more] = frames ? [0, [line.run(1, ['cat', '/sys/class/net/eth0/address']).trim()]] : [1, []]
  steer(line, 0)
  try {
    return inTurns(flows, COST_ROUNDS, ({ bytes, port, sourcePort = SOURCE_PORT, to }) => {
      // Neighbours are known, as they are where packets flow.
      for (const neighbour of ['10.98.1.2', '10.98.2.2']) line.run(1, ['ping', '-q', '-c', '1', neighbour])
      const words = ['eth0', '10.98.1.2', sourcePort, to, port, bytes, ...more].map(String)
      return Number(line.run(host, [inject, ...words]))
    })
  } finally {
    steer(line, 2)
  }
}

/** Of neighbours in time, for what else runs here changes from second to second. */
export function ratio(some: readonly number[] = [], rest: readonly number[] = []): number {
  return median(some.map((pps, i) => pps / (rest[i] ?? Number.NaN)))
}

/** A pair of ends that are joined by way of the relay. */
export interface Overlay {
  /** The receiver's address in it. */
  readonly to: string
  /** Its interface there. */
  readonly device: string
  end(): void
}

const START_TRIES = 50

/** Returns once the receiver answers through it; throws where it never does. */
export async function overlayAnswers(name: string, line: Line, to: string): Promise<void> {
  for (let tries = 0; tries < START_TRIES; tries++) {
    try {
      line.run(0, ['ping', '-c', '1', '-W', '1', to])
      return
    } catch {
      // It still starts.
      await pause(100)
    }
  }
  throw new HoldfastError('failed', `${name} brings no packet to the other end`)
}
