// sd_notify(3): tells systemd that the hub is ready, alive or stopping. Node speaks no datagrams on unix sockets, so
// the program systemd-notify, which comes with systemd, says it.

import { execFile } from 'node:child_process'
import type { Log } from '../../shared/effects.ts'

export type Notify = (state: 'ready' | 'stopping' | 'alive') => void

const ARGUMENTS = { ready: ['--ready'], stopping: ['--stopping'], alive: ['WATCHDOG=1'] } as const

export function createNotify(environment: NodeJS.ProcessEnv, log: Log): Notify {
  if (environment['NOTIFY_SOCKET'] === undefined) return () => undefined
  return (state) => {
    // --pid names this process as the sender, because systemd-notify itself is not the service's main process.
    execFile('systemd-notify', [`--pid=${process.pid}`, ...ARGUMENTS[state]], { timeout: 5_000 }, (error) => {
      if (error !== null) log.warn('systemd was not told', { state, why: error.message })
    })
  }
}
