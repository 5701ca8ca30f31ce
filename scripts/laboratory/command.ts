// Runs a program of this machine to its end: argument array, bounded time and output, the error told as the program told it.

import { execFile } from 'node:child_process'
import { HoldfastError } from '../../shared/errors.ts'
import { patient } from './patience.ts'

/** Joining waits for a hub that may just be starting; nothing in the lab takes longer. */
const TIMEOUT_MS = 60_000
const OUTPUT_MAX = 16 << 20

export interface CommandResult {
  /** 128 and more where a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly input?: string
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
}

/** Never rejects: a program that can't be started has code 127. */
export function attempt(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = '', ...args] = argv
  return new Promise((resolve) => {
    const settings = {
      timeout: patient(options.timeoutMs ?? TIMEOUT_MS),
      maxBuffer: OUTPUT_MAX,
      killSignal: 'SIGKILL',
      ...(options.env === undefined ? {} : { env: options.env }),
    } as const
    const child = execFile(program, args, settings, (error, stdout, stderr) => {
      if (error === null) return resolve({ code: 0, stdout, stderr })
      const code = typeof error.code === 'number' ? error.code : error.signal === null ? 127 : 137
      const why = error.killed === true ? `ended after ${settings.timeout / 1_000} s without an end of its own` : ''
      resolve({ code, stdout, stderr: stderr || why || error.message })
    })
    // A program that ends before it has read everything is judged by its exit code.
    child.stdin?.on('error', () => undefined).end(options.input ?? '')
  })
}

/** Standard output. Throws `failed` with what the program said. */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(argv, options)
  if (code === 0) return stdout
  throw new HoldfastError('failed', `${argv.join(' ').slice(0, 200)}: ${(stderr || stdout).trim() || `code ${code}`}`)
}
