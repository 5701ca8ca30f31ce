// Debian's coturn on the relay's host: what it relays of the same flow, by ChannelData, its cheapest form.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { HoldfastError } from '../../shared/errors.ts'

const CLIENT = join(import.meta.dirname, 'turn-client.ts')
const START_TRIES = 50

export const turnPort = 3_500

/** Why it is not compared; undefined where it can be. */
export function whyNoCoturn(): string | undefined {
  try {
    execFileSync('which', ['turnserver'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'coturn is not installed (Debian package coturn)'
  }
}

export interface CoturnPlace {
  /** Network namespaces of the sender and the relay. */
  readonly sender: string
  readonly relay: string
  /** The relay's addresses at either side. */
  readonly near: string
  readonly far: string
  readonly peer: string
  readonly peerPort: number
  readonly sourcePort: number
}

/** Runs the server on the core that forwards, with a channel bound for the sender's port. */
export async function startCoturn(place: CoturnPlace): Promise<{ end(): void }> {
  const options = ['-n', '--no-auth', '--no-tls', '--no-dtls', '--no-tcp', '--no-cli', '--log-file', '/dev/null']
  const addresses = ['-L', place.near, '-E', place.far, '-p', String(turnPort), '--pidfile', '/dev/null']
  const pinned = ['netns', 'exec', place.relay, 'taskset', '-c', '1', 'turnserver']
  const server: ChildProcess = spawn('ip', [...pinned, ...options, ...addresses], { stdio: 'ignore' })
  const words = [place.near, turnPort, place.sourcePort, place.peer, place.peerPort].map(String)
  for (let tries = 0; tries < START_TRIES; tries++) {
    await pause(100)
    try {
      execFileSync('ip', ['netns', 'exec', place.sender, process.execPath, CLIENT, ...words], { stdio: 'pipe' })
      return { end: () => void server.kill('SIGKILL') }
    } catch {
      // It still starts.
    }
  }
  server.kill('SIGKILL')
  throw new HoldfastError('failed', 'coturn does not bind a channel')
}
