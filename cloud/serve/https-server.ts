// The HTTPS server of the hub: API, dashboard and, by upgrade, MQTT over WebSocket.

import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { HoldfastError } from '../../shared/errors.ts'
import type { HubTls } from '../tls/authority.ts'
import type { ListenAddress } from './address.ts'

export interface HttpsServer {
  readonly server: Server
  readonly port: number
  close(): Promise<void>
}

/** Headers must arrive within this, body within the next: slow-loris connections are cut, LTE uploads are not. */
const HEADERS_MS = 15_000
const REQUEST_MS = 60_000

export async function listenHttps(app: Hono, tls: HubTls, at: ListenAddress): Promise<HttpsServer> {
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const server = createServer(
    {
      key: tls.key,
      cert: tls.certificate,
      minVersion: 'TLSv1.2',
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      maxHeaderSize: 16 << 10,
    },
    (incoming, outgoing) => void answer(incoming, outgoing),
  )
  // Upgraded sockets are no longer the HTTP server's own, yet it would wait for them.
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
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
