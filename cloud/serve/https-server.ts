// The HTTPS server of the hub: API, dashboard and MQTT, by ALPN or by upgrade to WebSocket.

import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { HoldfastError } from '../../shared/errors.ts'
import {
  hubConnectionsMax,
  hubConnectionsPerSourceMax,
  hubHandshakeMsMax,
  hubHeaderBytesMax,
  hubIdleMsMax,
  hubRequestMsMax,
  hubRequestsPerConnectionMax,
} from '../../shared/limits.ts'
import { mqttProtocol } from '../../shared/wire/enrol.ts'
import { attachMqtt, type MqttDoor } from '../broker/listener.ts'
import type { HubTls } from '../tls/authority.ts'
import type { ListenAddress } from './address.ts'
import { type DoorOptions, keepDoor } from './doorkeeper.ts'

/** Milliseconds that a client may take. */
export interface DoorTimes {
  /** For TLS, and for the header of a request. */
  readonly handshakeMs: number
  /** For a whole request. */
  readonly requestMs: number
  /** Between two requests. */
  readonly idleMs: number
}

/** Where bounds and times are absent they are those of the hub. */
export type Door = Pick<DoorOptions, 'proxies' | 'clock' | 'log'> &
  Partial<DoorOptions> & { readonly mqtt: MqttDoor; readonly times?: DoorTimes }

export interface HttpsServer {
  readonly server: Server
  readonly port: number
  close(): Promise<void>
}

const TIMES: DoorTimes = { handshakeMs: hubHandshakeMsMax, requestMs: hubRequestMsMax, idleMs: hubIdleMsMax }
/** Connections are looked at so many times in the shortest of their times. */
const LOOKS = 3

export async function listenHttps(app: Hono, tls: HubTls, at: ListenAddress, door: Door): Promise<HttpsServer> {
  const { handshakeMs, idleMs, requestMs } = door.times ?? TIMES
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const server = createServer(
    {
      key: tls.key,
      cert: tls.certificate,
      minVersion: 'TLSv1.2',
      // One port for all: MQTT by ALPN, or inside a WebSocket.
      ALPNProtocols: ['http/1.1', mqttProtocol],
      handshakeTimeout: handshakeMs,
      headersTimeout: handshakeMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: handshakeMs / LOOKS,
      maxHeaderSize: hubHeaderBytesMax,
    },
    (incoming, outgoing) => void answer(incoming, outgoing),
  )
  server.maxRequestsPerSocket = hubRequestsPerConnectionMax
  // Upgraded sockets are no longer the HTTP server's own, yet it would wait for them.
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  attachMqtt(server, door.mqtt, door.log)
  keepDoor(server, { max: hubConnectionsMax, perSourceMax: hubConnectionsPerSourceMax, ...door })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) =>
      reject(
        new HoldfastError('failed', `cannot listen on ${at.host}:${at.port}: ${cause.message}`, {
          cause,
          remedy: 'Choose another address with --listen.',
        }),
      ),
    )
    server.listen(at.port, at.host, resolve)
  })
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
