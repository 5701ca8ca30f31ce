// The one place that runs other programs: an argument array, never a shell; bounded in time and output.

import { spawn } from 'node:child_process'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { commandOutputMax, commandTimeoutMsMax } from '../../shared/limits.ts'

export interface RunOptions {
  /** Written to standard input. */
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  /** Runs it in a session of its own, so that what it leaves in the background outlives the agent and its terminal. */
  readonly ownSession?: boolean
}

/** Runs a program and gives its standard output. Throws `unsupported` if it isn't installed, `failed` if it fails. */
export type Run = (program: string, args: readonly string[], options?: RunOptions) => Promise<string>

/** Debian package of each program, for the remedy. */
const PACKAGES: Readonly<Record<string, string>> = {
  wg: 'wireguard-tools',
  'wireguard-go': 'wireguard-go',
  nft: 'nftables',
  ip: 'iproute2',
}

function missing(program: string, cause: unknown): HoldfastError {
  return new HoldfastError('unsupported', `the program ${program} is not installed`, {
    remedy: `Install the package ${PACKAGES[program] ?? program}.`,
    cause,
  })
}

function failed(program: string, args: readonly string[], why: string): HoldfastError {
  const shown = [program, ...args].join(' ').slice(0, 200)
  return new HoldfastError('failed', `${shown}: ${why.trim().slice(0, 500) || 'failed without a word'}`)
}

export function createRunner(log: Log): Run {
  return (program, args, options = {}) =>
    new Promise((resolve, reject) => {
      log.debug('runs', { command: [program, ...args].join(' ').slice(0, 300) })
      const child = spawn(program, args, {
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: commandTimeoutMsMax,
        killSignal: 'SIGKILL',
        detached: options.ownSession === true,
        // Words of other languages would not be understood.
        env: { ...process.env, LC_ALL: 'C', ...options.env },
      })
      const out: Buffer[] = []
      const err: Buffer[] = []
      let size = 0
      child.stdout.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > commandOutputMax) child.kill('SIGKILL')
        else out.push(chunk)
      })
      child.stderr.on('data', (chunk: Buffer) => {
        if (err.length < 64) err.push(chunk)
      })
      child.stdin.on('error', () => undefined)
      child.stdin.end(options.input ?? '')
      child.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'ENOENT' ? missing(program, error) : failed(program, args, error.message)),
      )
      child.once('close', (code, signal) => {
        if (code === 0) return resolve(Buffer.concat(out).toString())
        if (size > commandOutputMax) return reject(failed(program, args, `printed more than ${commandOutputMax} bytes`))
        const why = Buffer.concat(err).toString() || (signal === null ? `exit code ${code}` : `ended by ${signal}`)
        reject(failed(program, args, why))
      })
    })
}
