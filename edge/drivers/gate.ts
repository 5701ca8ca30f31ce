// Runs what leads connections by names as a child, so that nothing that somebody outside sends is read by the process that holds
// keys, and so that a device that leads nothing has none of it in memory. It ends with the agent, and is started anew when it
// ends by itself.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { createGateBook } from '../gate/told.ts'
import type { GateDoor } from '../services/doors.ts'
import type { Namespace } from './namespace.ts'

const RESTART_MS_MIN = 1_000
const RESTART_MS_MAX = 30_000

/** This very program with other words: the single file is its own interpreter. */
function ownProgram(): readonly [string, ...string[]] {
  const [, script = ''] = process.argv
  return /\.(?:mjs|ts|js|cjs)$/.test(script) ? [process.execPath, ...process.execArgv, script] : [process.execPath]
}

/** `words`: how a program is started where the published ports are. */
export function openGate(clock: Clock, log: Log, words: Namespace['words']): GateDoor {
  const book = createGateBook()
  let told = ''
  let child: ChildProcess | undefined
  let timer: Timer | undefined
  let delayMs = RESTART_MS_MIN
  let closed = false

  const start = (): void => {
    if (closed) return
    const began = clock.monotonic()
    const [own, ...rest] = ownProgram()
    const [program, ...args] = words(own, [...rest, 'gate'])
    const running = spawn(program, args, { stdio: 'pipe' })
    child = running
    running.stdout.setEncoding('latin1').on('data', (text: string) => book.hear(text))
    createInterface({ input: running.stderr }).on('line', (line) => log.warn('leading by names', { said: line }))
    running.stdin.on('error', () => undefined)
    running.stdin.write(told)
    running.once('spawn', () => log.info('connections are led by names', { pid: running.pid ?? 0 }))
    let ended = false
    const again = (): void => {
      if (ended || closed) return
      ended = true
      delayMs = clock.monotonic() - began > RESTART_MS_MAX ? RESTART_MS_MIN : Math.min(delayMs * 2, RESTART_MS_MAX)
      log.warn('what leads connections by names has ended', { again_in_ms: delayMs })
      timer = clock.after(delayMs, start)
    }
    running.once('error', again)
    running.once('close', again)
  }

  start()
  return {
    set(listeners) {
      told = `${JSON.stringify(listeners)}\n`
      child?.stdin?.write(told)
    },
    led: () => book.all(),
    close() {
      closed = true
      timer?.cancel()
      child?.kill('SIGKILL')
    },
  }
}
