// Talking to systemd, sd_notify(3): ready, watchdog, and one line of status.
//
// Node has no datagram unix sockets, so `systemd-notify` speaks for us; the unit therefore says NotifyAccess=all.

import type { Clock, Log } from '../../shared/effects.ts'

export interface Notifier {
  ready(status: string): void
  status(text: string): void
  stopping(): void
  /** Ends the watchdog's heartbeat. */
  close(): void
}

export interface NotifierOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly clock: Clock
  readonly log: Log
  /** Runs a command to its end. */
  readonly run: (argv: readonly string[]) => Promise<unknown>
}

const silent: Notifier = {
  ready: () => undefined,
  status: () => undefined,
  stopping: () => undefined,
  close: () => undefined,
}

/** Half the time after which systemd gives up on us, as sd_watchdog_enabled(3) advises; undefined where it doesn't watch. */
function heartbeatMs(options: NotifierOptions): number | undefined {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = options.env
  if (pid !== undefined && pid !== String(options.pid)) return undefined
  const ms = Number(usec) / 1_000 / 2
  return Number.isFinite(ms) && ms > 0 ? ms : undefined
}

/** Does nothing where systemd did not start this process. */
export function createNotifier(options: NotifierOptions): Notifier {
  const socket = options.env['NOTIFY_SOCKET'] ?? ''
  if (socket === '') return silent
  const { clock, log } = options
  let beat: ReturnType<Clock['after']> | undefined
  let said = ''
  // One at a time, in order: READY must not be overtaken by what follows it.
  let last = Promise.resolve()
  const say = (...words: readonly string[]): void => {
    last = last
      .then(() => options.run(['env', `NOTIFY_SOCKET=${socket}`, 'systemd-notify', ...words]))
      .then(
        () => undefined,
        (error: unknown) => log.debug('systemd was not told', { why: String(error) }),
      )
  }
  const everyMs = heartbeatMs(options)
  const heartbeat = (): void => {
    if (everyMs === undefined) return
    beat = clock.after(everyMs, () => {
      say('WATCHDOG=1')
      heartbeat()
    })
  }
  return {
    ready(status) {
      said = status
      say('READY=1', `MAINPID=${options.pid}`, `STATUS=${status}`)
      heartbeat()
    },
    status(text) {
      if (text === said) return
      said = text
      say(`STATUS=${text}`)
    },
    stopping() {
      beat?.cancel()
      say('STOPPING=1')
    },
    close: () => beat?.cancel(),
  }
}
