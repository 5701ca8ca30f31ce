// A connection that is not for the relay goes on to the hub behind it as it came: not a byte of TLS is opened here, so the
// hub proves itself to its client end to end, and no secret moves. Whence it came is told in front of it.

import { connect, type Socket } from 'node:net'
import type { Log } from '../../shared/effects.ts'
import { encodeProxyHeader, plainAddress } from '../../shared/wire/proxy-header.ts'

/** Where the hub is, as seen from this host. */
export interface HubBehind {
  readonly host: string
  readonly port: number
}

/** A hub on this host, or one behind it, answers at once or is away. */
const CONNECT_MS = 5_000

/** Nobody reads `socket` yet. It ends with the other one. */
export function passOn(socket: Socket, hub: HubBehind, log: Log): void {
  const onward = connect({ host: hub.host, port: hub.port, noDelay: true })
  onward.setTimeout(CONNECT_MS, () => onward.destroy())
  onward.once('error', (error) => log.debug('the hub behind this relay', { why: error.message }))
  onward.once('connect', () => {
    onward.setTimeout(0)
    onward.write(
      encodeProxyHeader({
        source: plainAddress(socket.remoteAddress ?? ''),
        sourcePort: socket.remotePort ?? 0,
        target: plainAddress(socket.localAddress ?? ''),
        targetPort: socket.localPort ?? 0,
      }),
    )
    socket.pipe(onward)
    onward.pipe(socket)
  })
  // Both are closed with either: a half that is left would hold its place for hours.
  onward.once('close', () => socket.destroy())
  socket.once('close', () => onward.destroy())
}
