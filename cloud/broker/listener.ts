// The doors of the embedded broker: MQTT over TLS on a port of its own, and on the HTTPS port by ALPN or over WebSocket.

import type { IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { brokerClientsMax, brokerConnectMsMax, mqttPacketMax } from '../../shared/limits.ts'
import { mqttProtocol } from '../../shared/wire/enrol.ts'
import type { HubTls } from '../tls/authority.ts'
import type { EmbeddedBroker } from './embedded.ts'

export interface MqttListener {
  readonly port: number
  /** Takes no new connections from now on; cuts those that are there when `farewell` is over. */
  close(farewell: Promise<void>): Promise<void>
}

export interface Listen {
  readonly host: string
  readonly port: number
}

export interface MqttListenerOptions {
  readonly broker: Pick<EmbeddedBroker, 'accept'>
  readonly tls: HubTls
  readonly at: Listen
  readonly log: Log
  /** Stands in front of the server before it listens. */
  readonly guard: (server: Server) => void
}

export async function listenMqtt({ at, broker, guard, log, tls }: MqttListenerOptions): Promise<MqttListener> {
  const server = createServer({
    ALPNProtocols: [mqttProtocol],
    key: tls.key,
    cert: tls.certificate,
    minVersion: 'TLSv1.2',
    handshakeTimeout: brokerConnectMsMax,
  })
  guard(server)
  // Also those that have not said who they are yet, which the broker knows nothing of.
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.setNoDelay(true)
    broker.accept(socket, socket.remoteAddress ?? 'unknown')
  })
  server.on('tlsClientError', (error) => log.debug('TLS handshake failed', { why: error.message }))
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
    async close(farewell) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await farewell
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Where a stream of MQTT goes: the embedded broker, or a bridge to an outside one. */
export interface MqttDoor {
  accept(stream: Duplex, remote: string): void
  connections(): number
}

/** Serves MQTT to those who offer it by ALPN, and leaves the others to HTTPS. Before anybody else listens to the server. */
export function attachMqtt(server: HttpsServer, broker: MqttDoor, log: Log): void {
  const [http] = server.listeners('secureConnection')
  if (http === undefined) return
  server.removeListener('secureConnection', http as () => void)
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol !== mqttProtocol) Reflect.apply(http, server, [socket])
    else if (broker.connections() >= brokerClientsMax) socket.destroy()
    else {
      socket.on('error', (error) => log.debug('MQTT by ALPN failed', { why: error.message }))
      broker.accept(socket.setNoDelay(true), socket.remoteAddress ?? 'unknown')
    }
  })
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
