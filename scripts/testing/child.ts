// Runs one program of the test run: bounded in time and output, in a process group of its own, marked so that whatever
// it leaves behind can be found again and ended by its id.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { systemClock } from '../../shared/host/clock.ts'

/** Environment variable that every process of a test run inherits; its value is unique to the run. */
const MARK = 'HOLDFAST_TEST_RUN'
/** Output kept of one program: a runaway log must not fill memory, and nobody reads more. */
const OUTPUT_MAX = 4 << 20
/** Between the polite and the final signal: a test may want to remove its namespaces. */
const GRACE_MS = 5_000

export interface ChildResult {
  /** Exit code; undefined where a signal ended it. */
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly timedOut: boolean
  /** Standard output and standard error as they came, cut in front where too long. */
  readonly output: string
  readonly elapsedMs: number
}

export interface ChildOptions {
  readonly cwd: string
  readonly timeoutMs: number
  readonly mark: string
  /** Beside those of this process. */
  readonly env?: NodeJS.ProcessEnv
}

export function runChild(command: readonly string[], options: ChildOptions): Promise<ChildResult> {
  const [program = '', ...args] = command
  const startedAt = systemClock.monotonic()
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env, [MARK]: options.mark, NO_COLOR: '1', FORCE_COLOR: '0' },
    })
    let output = ''
    let timedOut = false
    const keep = (chunk: string): void => {
      output += chunk
      if (output.length > OUTPUT_MAX) output = output.slice(-OUTPUT_MAX / 2)
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep)
    const timer = setTimeout(() => {
      timedOut = true
      signalGroup(child.pid, 'SIGTERM')
      setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE_MS).unref()
    }, options.timeoutMs)
    const finish = (code: number | undefined, signal: string | undefined): void => {
      clearTimeout(timer)
      signalGroup(child.pid, 'SIGKILL')
      resolve({ code, signal, timedOut, output, elapsedMs: systemClock.monotonic() - startedAt })
    }
    child.once('error', (error) => {
      keep(`${error.message}\n`)
      finish(127, undefined)
    })
    // `exit` and not `close`: a daemon that a test left behind holds the pipes open for ever.
    child.once('exit', (code, signal) => setImmediate(() => finish(code ?? undefined, signal ?? undefined)))
  })
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // The group is gone already: what we want.
  }
}

/** Ends every process that carries the mark, by its id; returns their command lines for the report. */
export function endLeftovers(mark: string): string[] {
  const ended: string[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${MARK}=${mark}`)) continue
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
      process.kill(pid, 'SIGKILL')
      ended.push(`${pid} ${words.join(' ').slice(0, 120)}`)
    } catch {
      // Somebody else's process, or one that has just ended.
    }
  }
  return ended
}
