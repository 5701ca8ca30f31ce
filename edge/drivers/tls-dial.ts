// A node's own connection to a TLS relay, proven by the device key of the relay's record.

import { WebSocket } from 'ws'
import { HoldfastError } from '../../shared/errors.ts'
import { connectDevice, type DeviceTarget } from '../../shared/host/pinned-device.ts'
import { relayTlsPath, relayTlsProtocol } from '../relay/tls-frames.ts'
import { webSocketOptions, wireOf } from '../relay/tls-socket.ts'
import type { TlsWire, TlsWireEvents } from '../relay/tls-wire.ts'

/** Throws `unreachable` or `untrusted`. */
export async function dialTlsRelay(target: DeviceTarget, events: TlsWireEvents): Promise<TlsWire> {
  const socket = await connectDevice({ ...target, protocols: [relayTlsProtocol] })
  const host = target.host.includes(':') ? `[${target.host}]` : target.host
  // `ws:` because the socket below is TLS already and its peer proven.
  const webSocket = new WebSocket(`ws://${host}:${target.port}${relayTlsPath}`, {
    createConnection: () => socket,
    handshakeTimeout: target.timeoutMs,
    followRedirects: false,
    ...webSocketOptions,
  })
  const opened = Promise.withResolvers<void>()
  webSocket.once('open', opened.resolve)
  webSocket.once('error', opened.reject)
  try {
    await opened.promise
  } catch (cause) {
    socket.destroy()
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new HoldfastError('unreachable', `no relay at ${host}:${target.port}${relayTlsPath}: ${why}`, { cause })
  }
  webSocket.removeListener('error', opened.reject)
  return wireOf(webSocket, socket, events)
}
