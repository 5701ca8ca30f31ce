// Words from the kernel: `ip monitor` and `nft monitor` run beside the agent and say when something changes.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Clock, Log, Timer } from '../../shared/effects.ts'

interface Source {
  readonly program: string
  readonly args: readonly string[]
  readonly concerns: (line: string) => boolean
}

const RESTART_MS_MIN = 1_000
const RESTART_MS_MAX = 60_000

function listen(source: Source, wake: () => void, clock: Clock, log: Log): () => void {
  let child: ChildProcess | undefined
  let timer: Timer | undefined
  let delayMs = RESTART_MS_MIN
  let stopped = false

  const start = (): void => {
    if (stopped) return
    const began = clock.monotonic()
    const running = spawn(source.program, source.args, { stdio: ['ignore', 'pipe', 'ignore'] })
    child = running
    running.unref()
    createInterface({ input: running.stdout }).on('line', (line) => {
      if (source.concerns(line)) wake()
    })
    let ended = false
    const again = (): void => {
      if (ended || stopped) return
      ended = true
      // The regular turns go on meanwhile; only the quick reaction is lost.
      delayMs = clock.monotonic() - began > RESTART_MS_MAX ? RESTART_MS_MIN : Math.min(delayMs * 2, RESTART_MS_MAX)
      log.debug('a kernel monitor ended', { program: source.program, again_in_ms: delayMs })
      timer = clock.after(delayMs, start)
    }
    running.once('error', again)
    running.once('close', again)
  }

  start()
  return () => {
    stopped = true
    timer?.cancel()
    child?.kill('SIGKILL')
  }
}

/** Calls `wake` for changes of links, addresses, own routes and the own table, until the returned function is called. */
export function watchKernel(name: string, table: string, wake: () => void, clock: Clock, log: Log): () => void {
  const stops = [
    listen(
      {
        program: 'ip',
        args: ['-o', 'monitor', 'label', 'link', 'address', 'route'],
        concerns: (line) => !line.startsWith('[ROUTE]') || line.includes(`dev ${name} `) || line.includes('default'),
      },
      wake,
      clock,
      log,
    ),
    listen({ program: 'nft', args: ['monitor'], concerns: (line) => line.includes(` ${table}`) }, wake, clock, log),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
