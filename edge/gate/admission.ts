// Who of those outside has how many connections through the gate: what they may use up has a bound, whatever they speak.

import type { Socket } from 'node:net'
import { gateConnectionsMax, gatePerSourceMax } from '../../shared/service-limits.ts'

export interface Admission {
  /** Counts it until it is closed; false where there is no room. `source`: its address. */
  admit(socket: Socket, source: string): boolean
}

/** As policy knows it: of IPv4, however the socket came by it. */
export function sourceOf({ remoteAddress = '' }: Socket): string {
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '')
}

export function createAdmission(): Admission {
  const bySource = new Map<string, number>()
  let open = 0
  return {
    admit(socket, source) {
      const own = bySource.get(source) ?? 0
      if (open >= gateConnectionsMax || own >= gatePerSourceMax) return false
      open++
      bySource.set(source, own + 1)
      socket.once('close', () => {
        open--
        const left = (bySource.get(source) ?? 1) - 1
        if (left > 0) bySource.set(source, left)
        else bySource.delete(source)
      })
      return true
    },
  }
}
