// Who may stay at the TLS relay's port: each TCP connection is counted from its first packet on, and whoever has not proven
// in time who it is, or been passed on, is left.

import type { Socket } from 'node:net'
import type { Clock } from '../../shared/effects.ts'
import { createConnectionCount } from '../../shared/host/connection-count.ts'
import {
  passedConnectionsMax,
  passedPerHostMax,
  relayTlsConnectionsMax,
  relayTlsPerHostMax,
  relayTlsProofMsMax,
  relayTlsStrangersMax,
  relayTlsStrangersPerHostMax,
} from '../../shared/limits.ts'
import type { TlsGuest } from './tls-relay.ts'

/** What is known of a TCP connection. */
export interface Caller {
  readonly host: string
  guest: TlsGuest | undefined
}

export interface TlsGate {
  /** Undefined, and the socket destroyed, where there is no room. */
  enter(socket: Socket): Caller | undefined
  /** It is one for the relay; false, and the socket destroyed, where there is no room for those. */
  admit(socket: Socket): boolean
  /** It goes to somebody else, who judges it; the same. */
  pass(socket: Socket): boolean
  /** By the ports of the TCP connection: TLS hides its socket. */
  of(socket: Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress'>): Caller | undefined
  clear(): void
}

interface Entry {
  readonly caller: Caller
  /** Takes it out of the count it is in. */
  leave: () => void
}

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress'>
const keyOf = ({ localAddress, remoteAddress, remotePort }: Ends): string =>
  `${remoteAddress} ${remotePort} ${localAddress}`

export function createTlsGate(clock: Clock): TlsGate {
  const strangers = createConnectionCount(relayTlsStrangersMax, relayTlsStrangersPerHostMax)
  const guests = createConnectionCount(relayTlsConnectionsMax, relayTlsPerHostMax)
  const passed = createConnectionCount(passedConnectionsMax, passedPerHostMax)
  const entries = new Map<Socket, Entry>()
  const byEnds = new Map<string, Caller>()
  /** Those for the relay that have not joined yet. */
  const unproven = new Map<Socket, () => void>()

  /** A place among strangers is free again once the node has joined. */
  const settleJoined = (): void => {
    for (const [socket, leave] of unproven) {
      if (entries.get(socket)?.caller.guest?.joined() !== true) continue
      unproven.delete(socket)
      leave()
    }
  }

  return {
    enter(socket) {
      settleJoined()
      const host = socket.remoteAddress ?? 'unknown'
      const leaveStrangers = strangers.enter(host)
      if (leaveStrangers === undefined) return void socket.destroy()
      const caller: Caller = { host, guest: undefined }
      const key = keyOf(socket)
      entries.set(socket, { caller, leave: () => undefined })
      byEnds.set(key, caller)
      unproven.set(socket, leaveStrangers)
      const timer = clock.after(relayTlsProofMsMax, () => {
        if (unproven.has(socket) && caller.guest?.joined() !== true) socket.destroy()
      })
      socket.once('close', () => {
        timer.cancel()
        unproven.delete(socket)
        leaveStrangers()
        entries.get(socket)?.leave()
        entries.delete(socket)
        if (byEnds.get(key) === caller) byEnds.delete(key)
      })
      return caller
    },
    admit(socket) {
      const entry = entries.get(socket)
      const leave = entry === undefined ? undefined : guests.enter(entry.caller.host)
      if (entry !== undefined && leave !== undefined) entry.leave = leave
      else socket.destroy()
      return leave !== undefined
    },
    pass(socket) {
      const entry = entries.get(socket)
      const leave = entry === undefined ? undefined : passed.enter(entry.caller.host)
      if (entry !== undefined && leave !== undefined) {
        entry.leave = leave
        unproven.get(socket)?.()
        unproven.delete(socket)
      } else socket.destroy()
      return leave !== undefined
    },
    of: (socket) => byEnds.get(keyOf(socket)),
    clear() {
      for (const socket of entries.keys()) socket.destroy()
    },
  }
}
