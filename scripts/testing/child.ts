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

export interface ProgramOptions {
  readonly cwd: string
  readonly mark: string
  /** Beside those of this process. */
  readonly env?: NodeJS.ProcessEnv
}

/** A program in a process group of its own, with what it prints. */
export interface Program {
  /** Gets each piece that the program prints. */
  onOutput(stream: 'stdout' | 'stderr', keep: (text: string) => void): void
  /** A line for its standard input. */
  write(line: string): void
  /** Nothing more comes on its standard input. */
  endInput(): void
  /** Ends it, politely first. */
  end(): void
  /** When it has ended, and its group with it. */
  readonly ended: Promise<Pick<ChildResult, 'code' | 'signal'>>
}

export function startProgram(command: readonly string[], { cwd, env, mark }: ProgramOptions): Program {
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    cwd,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env, [MARK]: mark, NO_COLOR: '1', FORCE_COLOR: '0' },
  })
  const keepers: ((text: string) => void)[] = []
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8')
  // A program that ends early does not read on: what matters is how it ended.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<Pick<ChildResult, 'code' | 'signal'>>((resolve) => {
    const finish = (result: Pick<ChildResult, 'code' | 'signal'>): void => {
      signalGroup(child.pid, 'SIGKILL')
      resolve(result)
    }
    child.once('error', (error) => {
      for (const keep of keepers) keep(`${error.message}\n`)
      finish({ code: 127, signal: undefined })
    })
    // `exit` and not `close`: a daemon that a test left behind holds the pipes open for ever.
    child.once('exit', (code, signal) => setImmediate(finish, { code: code ?? undefined, signal: signal ?? undefined }))
  })
  return {
    onOutput(stream, keep) {
      child[stream].on('data', keep)
      if (stream === 'stderr') keepers.push(keep)
    },
    write: (line) => void child.stdin.write(`${line}\n`),
    endInput: () => child.stdin.end(),
    end() {
      signalGroup(child.pid, 'SIGTERM')
      setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE_MS).unref()
    },
    ended,
  }
}

/** Adds to what was kept of an output, which loses its beginning where it grows too long. */
export function keepOutput(kept: string, more: string): string {
  const output = kept + more
  return output.length > OUTPUT_MAX ? output.slice(-OUTPUT_MAX / 2) : output
}

export interface ChildOptions extends ProgramOptions {
  readonly timeoutMs: number
}

export async function runChild(command: readonly string[], options: ChildOptions): Promise<ChildResult> {
  const startedAt = systemClock.monotonic()
  const program = startProgram(command, options)
  program.endInput()
  let output = ''
  const keep = (chunk: string): void => {
    output = keepOutput(output, chunk)
  }
  program.onOutput('stdout', keep)
  program.onOutput('stderr', keep)
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    program.end()
  }, options.timeoutMs)
  const { code, signal } = await program.ended
  clearTimeout(timer)
  return { code, signal, timedOut, output, elapsedMs: systemClock.monotonic() - startedAt }
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
