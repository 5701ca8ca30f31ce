// The one place that runs other programs: an argument array, never a shell; bounded in time and output.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
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

/** Of standard error: the first lines name the cause. */
const COMPLAINT_BYTES_MAX = 64 << 10

/** Debian package of each program, for the remedy. */
const PACKAGES: Readonly<Record<string, string>> = {
  wg: 'wireguard-tools',
  'wireguard-go': 'wireguard-go',
  nft: 'nftables',
  ip: 'iproute2',
  tc: 'iproute2',
  nsenter: 'util-linux',
}

function missing(program: string, cause: unknown): HoldfastError {
  return new HoldfastError('unsupported', `the program ${program} is not installed`, {
    remedy: `Install the package ${PACKAGES[program] ?? program}.`,
    cause,
  })
}

/** What went wrong with one command line, in its own words or ours. */
function failed(program: string, args: readonly string[], why: string, remedy?: string): HoldfastError {
  const shown = [program, ...args].join(' ').slice(0, 200)
  const words = why.trim().slice(0, 500) || 'failed without a word'
  return new HoldfastError('failed', `${shown}: ${words}`, remedy === undefined ? {} : { remedy })
}

const HUNG_REMEDY =
  'Look at `dmesg` and `ps`: a driver or another program may hold the kernel’s lock. The agent tries again.'

/** Gathers a stream up to `bytesMax`; calls `onFull` once when more comes. */
function gather(stream: Readable, bytesMax: number, onFull: () => void): () => string {
  const parts: Buffer[] = []
  let size = 0
  stream.on('data', (part: Buffer) => {
    if (size > bytesMax) return
    size += part.length
    if (size > bytesMax) onFull()
    else parts.push(part)
  })
  return () => Buffer.concat(parts).toString()
}

interface Started {
  readonly child: ChildProcessWithoutNullStreams
  readonly program: string
  readonly args: readonly string[]
  readonly timeoutMs: number
}

function finish({ child, program, args, timeoutMs }: Started): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let cut: HoldfastError | undefined
  /** A program that hangs in the kernel does not die of a signal, and what it started may keep its pipes open. */
  const end = (error: HoldfastError): void => {
    cut ??= error
    child.kill('SIGKILL')
    reject(cut)
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
    child.unref()
  }
  const out = gather(child.stdout, commandOutputMax, () =>
    end(failed(program, args, `printed more than ${commandOutputMax} bytes`)),
  )
  const err = gather(child.stderr, COMPLAINT_BYTES_MAX, () => undefined)
  const hung = systemClock.after(timeoutMs, () =>
    end(failed(program, args, `did not end within ${timeoutMs / 1_000} s`, HUNG_REMEDY)),
  )
  child.once('error', (error: NodeJS.ErrnoException) => {
    hung.cancel()
    reject(error.code === 'ENOENT' ? missing(program, error) : failed(program, args, error.message))
  })
  child.once('close', (code, signal) => {
    hung.cancel()
    if (code === 0) resolve(out())
    else reject(failed(program, args, err() || (signal === null ? `exit code ${code}` : `ended by ${signal}`)))
  })
  return promise
}

/** `timeoutMs`: how long one command may take. */
export function createRunner(log: Log, timeoutMs = commandTimeoutMsMax): Run {
  return async (program, args, options = {}) => {
    log.debug('runs', { command: [program, ...args].join(' ').slice(0, 300) })
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: options.ownSession === true,
      // Words of other languages would not be understood.
      env: { ...process.env, LC_ALL: 'C', ...options.env },
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')
    return await finish({ child, program, args, timeoutMs })
  }
}
