// A WebSocket inside TLS as a wire of frames. What is sent in one turn of the event loop travels as one message: a TLS record and
// a packet for each datagram would cost more than the datagrams.

import type { TLSSocket } from 'node:tls'
import type { WebSocket } from 'ws'
import { concat } from '../../shared/bytes.ts'
import { relayTlsMessageBytesMax } from '../../shared/limits.ts'
import { exporterBytes, exporterLabel } from './tls-frames.ts'
import type { TlsWire, TlsWireEvents } from './tls-wire.ts'

/** A whole TLS record (RFC 8446 §5.1), less the head of the WebSocket. */
const BATCH_BYTES = (1 << 14) - 16
/** Time for a goodbye. */
const CLOSE_MS = 1_000

export function wireOf(webSocket: WebSocket, tls: TLSSocket, events: TlsWireEvents): TlsWire {
  const exported = tls.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0))
  let batch: Uint8Array[] = []
  let bytes = 0
  let planned = false
  let why = 'the connection ended'

  const flush = (): void => {
    const message = batch.length === 1 ? batch[0] : concat(...batch)
    batch = []
    bytes = 0
    if (message === undefined || message.length === 0 || webSocket.readyState !== webSocket.OPEN) return
    webSocket.send(message, { binary: true }, () => undefined)
  }

  webSocket.on('message', (message, isBinary) => {
    if (isBinary && message instanceof Uint8Array) events.onMessage(message)
    else webSocket.terminate()
  })
  webSocket.on('ping', events.onAlive)
  webSocket.on('pong', events.onAlive)
  webSocket.on('error', (error) => {
    why = error.message
  })
  webSocket.once('close', () => events.onClosed(why))

  return {
    exported,
    host: tls.remoteAddress ?? 'unknown',
    send(frame) {
      if (bytes + frame.length > BATCH_BYTES) flush()
      batch.push(frame)
      bytes += frame.length
      if (planned) return
      planned = true
      setImmediate(() => {
        planned = false
        flush()
      })
    },
    waiting: () => bytes + webSocket.bufferedAmount + tls.writableLength,
    ping() {
      if (webSocket.readyState === webSocket.OPEN) webSocket.ping(undefined, undefined, () => undefined)
    },
    close() {
      flush()
      webSocket.close()
      // Whoever does not say goodbye in return is left.
      tls.setTimeout(CLOSE_MS, () => webSocket.terminate())
    },
  }
}

/** For both ends. */
export const webSocketOptions = {
  maxPayload: relayTlsMessageBytesMax,
  perMessageDeflate: false,
} as const
