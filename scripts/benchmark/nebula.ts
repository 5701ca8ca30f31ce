// Debian's nebula on all three hosts, its relay and lighthouse in the middle: what gets through from end to end.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execute, type Line, type Overlay, overlayAnswers } from './relay-line.ts'

const PORT = 4_242
const DEVICE = 'nebula0'
const HOSTS = ['sender', 'relay', 'receiver'] as const
const ADDRESSES = ['10.97.0.2', '10.97.0.1', '10.97.0.3'] as const
const [SENDER, RELAY, RECEIVER] = ADDRESSES

/** Why it is not compared; undefined where it can be. */
export function whyNoNebula(): string | undefined {
  try {
    execFileSync('which', ['nebula', 'nebula-cert'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'nebula is not installed (Debian package nebula)'
  }
}

/** Where each host finds the others: the ends know the relay, the relay both ends. */
function places(host: number): Readonly<Record<string, readonly string[]>> {
  if (host === 1) return { [SENDER]: [`10.98.1.2:${PORT}`], [RECEIVER]: [`10.98.2.2:${PORT}`] }
  return { [RELAY]: [`10.98.${host === 0 ? 1 : 2}.1:${PORT}`] }
}

function config(directory: string, host: number): object {
  const isRelay = host === 1
  const any = [{ port: 'any', proto: 'any', host: 'any' }]
  const file = (end: string): string => join(directory, `${HOSTS[host]}.${end}`)
  return {
    pki: { ca: join(directory, 'ca.crt'), cert: file('crt'), key: file('key') },
    static_host_map: places(host),
    lighthouse: { am_lighthouse: isRelay, interval: 5, hosts: isRelay ? [] : [RELAY] },
    listen: { host: '0.0.0.0', port: PORT },
    relay: { am_relay: isRelay, use_relays: true, relays: isRelay ? [] : [RELAY] },
    tun: { dev: DEVICE, mtu: 1_300 },
    logging: { level: 'error', format: 'text' },
    firewall: { outbound: any, inbound: any },
  }
}

function certify(directory: string): void {
  const inside = (...args: string[]): void => {
    execFileSync('nebula-cert', args, { cwd: directory, stdio: 'pipe' })
  }
  inside('ca', '-name', 'bench')
  for (const [i, host] of HOSTS.entries()) inside('sign', '-name', host, '-ip', `${ADDRESSES[i]}/24`)
}

/** The ends have no way to one another but the relay, which stands where both can reach it. */
function part(line: Line, verb: 'add' | 'delete'): void {
  execute(['ip', '-n', line.names[0], 'route', verb, 'unreachable', '10.98.2.0/24'])
  execute(['ip', '-n', line.names[2], 'route', verb, 'unreachable', '10.98.1.0/24'])
}

export async function startNebula(line: Line, directory: string): Promise<Overlay> {
  certify(directory)
  part(line, 'add')
  const running = HOSTS.map((name, host): ChildProcess => {
    const path = join(directory, `${name}.json`)
    writeFileSync(path, JSON.stringify(config(directory, host)))
    const core = host === 0 ? '0' : '1'
    const words = ['netns', 'exec', line.names[host] ?? '', 'taskset', '-c', core, 'nebula', '-config', path]
    return spawn('ip', words, { stdio: 'ignore' })
  })
  const end = (): void => {
    for (const child of running) child.kill('SIGKILL')
    part(line, 'delete')
  }
  try {
    await overlayAnswers('nebula', line, RECEIVER)
  } catch (error) {
    end()
    throw error
  }
  return { to: RECEIVER, device: DEVICE, end }
}
