// Opens a connection to a service. Behind its address the kernel leads each connection to one of several backends and keeps it
// there, also to one that died a moment ago and says nothing; a second connection, from another port, is led anew. So silence is
// not waited out: another is begun beside the first, and the one that stands first is taken.

import { createConnection, type Socket } from 'node:net'
import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import { gateConnectMs, gateIdleMs } from '../../shared/service-limits.ts'

/** When others are begun, in ms after the first: where a kernel repeats its SYN (RFC 6298 §2.1, §5.5). */
const AGAIN_AFTER_MS = [1_000, 3_000]

/** Nobody takes the connection, or nobody says anything. */
export type Unreached = 'refused' | 'silent'

export interface Service {
  readonly address: Address
  readonly port: number
}

/** A socket that begins to connect. */
export type Open = (to: Service, allowHalfOpen: boolean) => Socket

const openReal: Open = ({ address, port }, allowHalfOpen) =>
  createConnection({ host: address, port, allowHalfOpen, noDelay: true, timeout: gateIdleMs })

/**
 * `done` is called once, later: with the connection, whose errors are the caller's from then on, or with why there is none,
 * after at most `gateConnectMs`. After the returned `cancel` it is not called.
 */
export function reach(
  to: Service,
  clock: Pick<Clock, 'after'>,
  done: (outcome: Socket | Unreached) => void,
  { allowHalfOpen = false, open = openReal }: { readonly allowHalfOpen?: boolean; readonly open?: Open } = {},
): { cancel(): void } {
  const trying = new Set<Socket>()
  let triesLeft = 1 + AGAIN_AFTER_MS.length
  let timers: readonly Timer[] = []

  const cancel = (): void => {
    triesLeft = 0
    for (const timer of timers) timer.cancel()
    for (const socket of trying) socket.destroy()
    trying.clear()
  }
  const end = (outcome: Socket | Unreached): void => {
    cancel()
    done(outcome)
  }
  const attempt = (): void => {
    if (triesLeft === 0) return
    triesLeft -= 1
    const socket = open(to, allowHalfOpen)
    trying.add(socket)
    const refused = (): void => {
      trying.delete(socket)
      // What another backend would say is known at once.
      if (triesLeft > 0) attempt()
      else if (trying.size === 0) end('refused')
    }
    socket.once('error', refused)
    socket.once('connect', () => {
      trying.delete(socket)
      socket.off('error', refused)
      end(socket)
    })
  }

  timers = [...AGAIN_AFTER_MS.map((ms) => clock.after(ms, attempt)), clock.after(gateConnectMs, () => end('silent'))]
  attempt()
  return { cancel }
}
