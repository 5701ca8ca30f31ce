// What a main does with its process: stay awake, end when asked, tell what it costs, and fall without a stack trace at people.

import { readdirSync } from 'node:fs'

/** Timers of the system clock keep no process alive; this does, until the returned function is called. */
export function stayAwake(): () => void {
  const timer = setInterval(() => undefined, 2 ** 30)
  return () => clearInterval(timer)
}

/** What this process costs its host. */
export interface ProcessCost {
  readonly residentBytes: number
  readonly cpuSeconds: number
  /** Undefined where the system does not tell. */
  readonly openFiles: number | undefined
}

export function processCost(): ProcessCost {
  const { system, user } = process.cpuUsage()
  return {
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (system + user) / 1_000_000,
    openFiles: openFiles(),
  }
}

function openFiles(): number | undefined {
  try {
    // Less the one that this look opens.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}

/** From now on SIGTERM and SIGINT ask instead of killing; a second one kills. */
export function whenAskedToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}

/** Everything written so far has reached its reader, or there is none: what a pipe has not taken yet dies with the process. */
export async function allSaid(): Promise<void> {
  const said = (stream: NodeJS.WriteStream): Promise<void> => new Promise((done) => stream.write('', () => done()))
  await Promise.all([said(process.stdout), said(process.stderr)])
}

/**
 * A defect ends the process with a sentence; `showStack` is for those who debug it. A reader of our output that went
 * away early (`| head`) is no defect.
 */
export function fallQuietly(program: string, showStack: boolean, exit: (status: number) => never): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') exit(0)
    throw error
  })
  process.on('uncaughtException', (error: Error) => {
    const stack = showStack ? `\n${error.stack}` : ' HOLDFAST_LOG_LEVEL=debug shows where.'
    process.stderr.write(`${program}: a defect, please report it: ${error.message}.${stack}\n`)
    exit(1)
  })
}
