// The two doors of the embedded broker: MQTT over TLS on a port of its own, and over WebSocket on the HTTPS port.

import type { IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, type TLSSocket } from 'node:tls'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { brokerClientsMax, brokerConnectMsMax, mqttPacketMax } from '../../shared/limits.ts'
import type { HubTls } from '../tls/authority.ts'
import type { EmbeddedBroker } from './embedded.ts'

export interface MqttListener {
  readonly port: number
  close(): Promise<void>
}

export interface Listen {
  readonly host: string
  readonly port: number
}

export async function listenMqtt(broker: EmbeddedBroker, tls: HubTls, at: Listen, log: Log): Promise<MqttListener> {
  const server = createServer({
    key: tls.key,
    cert: tls.certificate,
    minVersion: 'TLSv1.2',
    handshakeTimeout: brokerConnectMsMax,
  })
  server.maxConnections = brokerClientsMax
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.setNoDelay(true)
    broker.accept(socket, socket.remoteAddress ?? 'unknown')
  })
  server.on('tlsClientError', (error) => log.debug('TLS handshake failed', { why: error.message }))
  server.on('drop', () => log.warn('broker is full', { connections: brokerClientsMax }))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) =>
      reject(
        new HoldfastError('failed', `cannot listen for MQTT on ${at.host}:${at.port}: ${cause.message}`, {
          cause,
          remedy: 'Choose another address with --mqtt.',
        }),
      ),
    )
    server.listen(at.port, at.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    // Sockets are the broker's to close; the server only stops to take new ones.
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Where a stream of MQTT goes: the embedded broker, or a bridge to an outside one. */
export interface MqttDoor {
  accept(stream: Duplex, remote: string): void
  connections(): number
}

/** Serves MQTT over WebSocket at `path` and refuses every other upgrade. */
export function attachWebSocket(server: HttpsServer, path: string, broker: MqttDoor, log: Log): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: mqttPacketMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const wanted = request.url?.split('?')[0]
    if (wanted !== path || broker.connections() >= brokerClientsMax) {
      socket.end(
        `HTTP/1.1 ${wanted === path ? '503 Service Unavailable' : '404 Not Found'}\r\nConnection: close\r\n\r\n`,
      )
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = createWebSocketStream(webSocket)
      stream.on('error', (error) => log.debug('WebSocket failed', { why: error.message }))
      broker.accept(stream, request.socket.remoteAddress ?? 'unknown')
    })
  })
}
