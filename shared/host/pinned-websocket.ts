// MQTT over WebSocket on the hub's HTTPS port, for sites whose firewall lets nothing else out. Loaded only when needed.

import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocket } from 'ws'
import { HoldfastError } from '../errors.ts'
import { mqttPacketMax } from '../limits.ts'
import { connectPinned, type Pin, type TlsTarget } from './pinned-tls.ts'

export async function connectWebSocketPinned(
  options: TlsTarget & Pin & { readonly path: string },
): Promise<{ readonly stream: Duplex; readonly expired: boolean }> {
  const { socket, expired } = await connectPinned(options)
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  // `ws:` because the socket below is TLS already and its peer proven.
  const webSocket = new WebSocket(`ws://${host}:${options.port}${options.path}`, ['mqtt'], {
    createConnection: () => socket,
    handshakeTimeout: options.timeoutMs,
    maxPayload: mqttPacketMax,
    perMessageDeflate: false,
    followRedirects: false,
  })
  try {
    await new Promise<void>((resolve, reject) => {
      webSocket.once('open', resolve)
      webSocket.once('error', reject)
    })
  } catch (cause) {
    socket.destroy()
    const message = `the hub does not offer MQTT over WebSocket at ${options.path}: ${(cause as Error).message}`
    throw new HoldfastError('unreachable', message, { cause })
  }
  const stream = createWebSocketStream(webSocket)
  // A peer that closes in order ends what comes and leaves what goes half open: whoever has nothing to say would wait for ever.
  stream.once('end', () => stream.destroy())
  return { stream, expired }
}
