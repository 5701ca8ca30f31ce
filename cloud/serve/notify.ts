// sd_notify(3): tells systemd that the hub is ready, alive or stopping. Node speaks no datagrams on unix sockets, so
// the program systemd-notify, which comes with systemd, says it; the unit needs NotifyAccess=all.

import { execFile } from 'node:child_process'
import type { Clock, Log, Timer } from '../../shared/effects.ts'

export interface Notify {
  ready(): void
  stopping(): void
}

export function createNotify(env: Readonly<Record<string, string | undefined>>, clock: Clock, log: Log): Notify {
  let beat: Timer | undefined
  const say = (...words: readonly string[]): void => {
    if ((env['NOTIFY_SOCKET'] ?? '') === '') return
    execFile('systemd-notify', words, { timeout: 5_000 }, (error) => {
      if (error !== null) log.warn('systemd was not told', { why: error.message })
    })
  }
  // Half of what systemd allows, as sd_watchdog_enabled(3) advises.
  const everyMs = Number(env['WATCHDOG_USEC']) / 2_000
  const heartbeat = (): void => {
    if (!(everyMs > 0)) return
    beat = clock.after(everyMs, () => {
      say('WATCHDOG=1')
      heartbeat()
    })
  }
  return {
    ready() {
      say('READY=1', `MAINPID=${process.pid}`)
      heartbeat()
    },
    stopping() {
      beat?.cancel()
      say('STOPPING=1')
    },
  }
}
