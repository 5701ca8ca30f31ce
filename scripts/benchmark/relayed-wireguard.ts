// WireGuard between the two ends, by way of the relay: a pair of nodes as it is when its packets are relayed.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { execute, type Line, type Overlay, overlayAnswers, SOURCE_PORT } from './relay-line.ts'

const ADDRESSES = ['10.96.0.1', '10.96.0.2'] as const
/** Of the line: the ends, and the relay as each of them knows it. */
const ENDS = [
  { host: 0, relay: '10.98.1.1', core: '0' },
  { host: 2, relay: '10.98.2.1', core: '1' },
] as const
const START_TRIES = 50

/** By the kernel, or by wireguard-go on one core where it has none; that names its socket after the interface. */
async function addInterface(line: Line, name: string, host: number, core: string): Promise<ChildProcess | undefined> {
  const netns = line.names[host] ?? ''
  try {
    execute(['ip', '-n', netns, 'link', 'add', name, 'type', 'wireguard'])
    return undefined
  } catch {
    const words = ['netns', 'exec', netns, 'taskset', '-c', core, 'wireguard-go', '-f', name]
    const child = spawn('ip', words, { stdio: 'ignore' })
    for (let tries = 0; tries < START_TRIES && !existsSync(`/run/wireguard/${name}.sock`); tries++) await pause(50)
    return child
  }
}

interface Tunnel {
  readonly name: string
  readonly line: Line
  /** Kept in a file, for `wg` reads no key from its arguments. */
  readonly secretFile: string
  readonly peerKey: string
  readonly relayPort: number
}

function layEnd(i: 0 | 1, { line, name, peerKey, relayPort, secretFile }: Tunnel): void {
  const { host, relay } = ENDS[i]
  const own = ['listen-port', String(SOURCE_PORT), 'private-key', secretFile]
  const place = ['endpoint', `${relay}:${relayPort}`, 'allowed-ips', `${ADDRESSES[1 - i]}/32`]
  line.run(host, ['wg', 'set', name, ...own, 'peer', peerKey, ...place])
  line.run(host, ['ip', 'address', 'add', `${ADDRESSES[i]}/24`, 'dev', name])
  line.run(host, ['ip', 'link', 'set', name, 'mtu', '1420', 'up'])
}

export async function startRelayedWireguard(line: Line, directory: string, relayPort: number): Promise<Overlay> {
  const names = ENDS.map(({ host }) => `hfb${process.pid}x${host}`)
  const secrets = ENDS.map(() => execute(['wg', 'genkey']).trim())
  const keys = secrets.map((secret) => execute(['wg', 'pubkey'], secret).trim())
  const running: ChildProcess[] = []
  const end = (): void => {
    // Each takes its socket away; an interface of the kernel's goes with its namespace.
    for (const child of running) child.kill('SIGTERM')
  }
  try {
    for (const i of [0, 1] as const) {
      const { core, host } = ENDS[i]
      const name = names[i] ?? ''
      const child = await addInterface(line, name, host, core)
      if (child !== undefined) running.push(child)
      const secretFile = join(directory, `${name}.key`)
      writeFileSync(secretFile, secrets[i] ?? '', { mode: 0o600 })
      layEnd(i, { line, name, secretFile, peerKey: keys[1 - i] ?? '', relayPort })
    }
    await overlayAnswers('WireGuard through the relay', line, ADDRESSES[1])
  } catch (error) {
    end()
    throw error
  }
  return { to: ADDRESSES[1], device: names[1] ?? '', end }
}
