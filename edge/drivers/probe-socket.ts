// Sockets that ask by one uplink: bound to its address, by which the rules of steering tell their packets.

import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, portOf } from '../../shared/address/endpoint.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { ProbeSocket } from '../uplinks/doors.ts'

export async function openProbe(
  local: Address,
  log: Log,
  onMessage: (bytes: Uint8Array, from: Endpoint) => void,
): Promise<ProbeSocket> {
  const socket = createSocket(familyOf(local) === 4 ? 'udp4' : 'udp6')
  const bound = Promise.withResolvers<void>()
  socket.once('error', bound.reject)
  socket.bind({ address: local, port: 0, exclusive: true }, bound.resolve)
  try {
    await bound.promise
  } catch (error) {
    socket.close()
    throw error
  }
  socket.removeListener('error', bound.reject)
  socket.on('error', (error) => log.debug('asking by an uplink', { local, why: error.message }))
  socket.on('message', (bytes, { address, port }) => {
    if (port !== 0 && !address.includes('%')) onMessage(bytes, formatEndpoint(address as Address, port))
  })
  socket.unref()
  let open = true
  return {
    port: socket.address().port,
    send(bytes, to) {
      if (!open) return
      try {
        socket.send(bytes, portOf(to), hostOf(to), () => undefined)
      } catch (error) {
        log.debug('a question could not be sent', { to, why: describeError(error) })
      }
    },
    close() {
      if (open) socket.close()
      open = false
    },
  }
}

/** A refusal is no answer: firewalls say that, too. */
export function knock(local: Address, to: Endpoint, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host: hostOf(to), port: portOf(to), localAddress: local })
  const end = (answered: boolean): void => {
    socket.destroy()
    resolve(answered)
  }
  socket.setTimeout(timeoutMs, () => end(false))
  socket.once('connect', () => end(true))
  socket.once('error', () => end(false))
  socket.unref()
  return promise
}
