// This host as a relay, in a namespace of its own, and the hosts at its devices: for tests of what its kernel does with their
// packets.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { makeHoldfastBpf } from '../../build/holdfast-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import { createRunner } from '../../edge/drivers/command.ts'
import { createFastForwarder } from '../../edge/drivers/relay-forwarder-fast.ts'
import type { Forward, Forwarder } from '../../edge/relay/forwarder.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { whyNoLab } from '../testing/privilege.ts'

const INSIDE = 'HOLDFAST_LAB_INSIDE'
const range = { first: 61_000, count: 1_024 }
const nodes = [parseNodeId('aaaaaaaaaaaaaaaa'), parseNodeId('bbbbbbbbbbbbbbbb')] as const
const run = createRunner(memoryLog())
/** Session ports. */
export const [FOUR, SIX] = [61_000, 61_001]

/** A forwarder as a new process makes it. */
export function startRelay(program: string, sessionBytesPerSecond = 25e6): Forwarder {
  const rates = { sessionBytesPerSecond, totalBytesPerSecond: 125e6 }
  return createFastForwarder({ ...rates, range, port: 3_478, run, clock: systemClock, log: memoryLog(), program })
}

export interface Neighbour {
  readonly pid: string
  readonly exec: (...command: readonly string[]) => string
  readonly end: () => void
}

/** A host at the relay's device `name`, with the addresses .2 of net number `n`; the relay has .1. */
export async function addNeighbour(name: string, n: number): Promise<Neighbour> {
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const exec: Neighbour['exec'] = (...command) =>
    execFileSync('nsenter', ['--net', '-t', String(child.pid), ...command], { encoding: 'utf8' })
  const ip = (...words: readonly string[]): string => execFileSync('ip', words, { encoding: 'utf8' })
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(child.pid))
  ip('link', 'set', name, 'up')
  exec('ip', 'link', 'set', 'eth0', 'up')
  for (const net of [`10.98.${n}.`, `fd98:${n}::`]) {
    const rest = net.includes(':') ? ['/64', 'nodad'] : ['/24']
    ip('address', 'add', `${net}1${rest[0]}`, 'dev', name, ...rest.slice(1))
    exec('ip', 'address', 'add', `${net}2${rest[0]}`, 'dev', 'eth0', ...rest.slice(1))
    exec('ip', 'route', 'add', 'default', 'via', `${net}1`)
  }
  const end = (): void => {
    // The device is gone at once; the host takes its time.
    ip('link', 'delete', name)
    child.kill('SIGKILL')
  }
  return { exec, end, pid: String(child.pid) }
}

function sessionBetween(port: number, net: (n: number) => string): Forward {
  const end = (n: number) => ({
    source: parseEndpoint(net(n).includes(':') ? `[${net(n)}2]:51820` : `${net(n)}2:51820`),
    local: parseAddress(`${net(n)}1`),
  })
  return { port, family: port === FOUR ? 4 : 6, nodes, ends: [end(1), end(2)] }
}
export const four = sessionBetween(FOUR, (n) => `10.98.${n}.`)
export const six = sessionBetween(SIX, (n) => `fd98:${n}::`)

/** Runs the file `url` once more, as the relay's host, and there `inside`; or says why this machine can't. */
export async function asRelay(url: string, inside: (program: string) => void | Promise<void>): Promise<void> {
  const program = process.env[INSIDE]
  if (program !== undefined) return inside(program)
  const made = makeHoldfastBpf(hostTarget())
  const why = whyNoLab() ?? (typeof made === 'string' ? made : undefined)
  if (why !== undefined || typeof made === 'string') return void process.stdout.write(`skip: ${why}\n`)
  const script = 'mount -t sysfs sysfs /sys && mount -t bpf bpf /sys/fs/bpf && ip link set lo up && exec "$@"'
  const args = ['--net', '--mount', 'sh', '-c', script, 'sh', process.execPath, fileURLToPath(url)]
  const env = { ...process.env, [INSIDE]: made.path }
  process.exitCode = spawnSync('unshare', args, { stdio: 'inherit', env }).status ?? 1
}
