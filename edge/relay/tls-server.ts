// The TLS relay's door: TLS 1.3 with a certificate of the device key, WebSocket by upgrade at /relay, and nothing else.
//
// Strangers are bounded three ways: how many, how many of one address, and for how long.

import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { WebSocketServer } from 'ws'
import type { Clock, Entropy, Log, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { makeDeviceCertificate } from '../../shared/host/device-certificate.ts'
import {
  relayTlsConnectionsMax,
  relayTlsPerHostMax,
  relayTlsProofMsMax,
  relayTlsStrangersMax,
} from '../../shared/limits.ts'
import { relayTlsPath } from './tls-frames.ts'
import type { TlsGuest, TlsRelay } from './tls-relay.ts'
import { webSocketOptions, wireOf } from './tls-socket.ts'

export interface TlsServerOptions {
  readonly relay: Pick<TlsRelay, 'accept'>
  readonly port: number
  readonly signer: Signer
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface TlsServer {
  readonly port: number
  close(): void
}

/** What is counted of each TCP connection, from its first packet on. */
interface Caller {
  guest: TlsGuest | undefined
}

const ANSWER = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new HoldfastError('failed', `the relay cannot use TCP port ${port}: ${cause.message}`, {
          remedy: 'Give another one in the node’s intent (relay.tlsPort), or end the program that uses this one.',
          cause,
        }),
      ),
    )
    server.listen(port, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}

/** Lets in, or destroys at once, each TCP connection; ends those that have not proven themselves in time. */
function createGate(clock: Clock) {
  const callers = new Map<Socket, Caller>()
  const strangers = (): number => [...callers.values()].filter(({ guest }) => guest?.joined() !== true).length
  const ofHost = (host: string | undefined): number =>
    [...callers.keys()].filter(({ remoteAddress }) => remoteAddress === host).length

  return {
    enter(socket: Socket): void {
      const full =
        callers.size >= relayTlsConnectionsMax ||
        strangers() >= relayTlsStrangersMax ||
        ofHost(socket.remoteAddress) >= relayTlsPerHostMax
      if (full) return void socket.destroy()
      const caller: Caller = { guest: undefined }
      callers.set(socket, caller)
      const timer = clock.after(relayTlsProofMsMax, () => {
        if (caller.guest?.joined() !== true) socket.destroy()
      })
      socket.once('close', () => {
        timer.cancel()
        callers.delete(socket)
      })
    },
    /** By the ports of the TCP connection: TLS hides its socket. */
    of: ({ remoteAddress, remotePort }: Socket): Caller | undefined =>
      [...callers].find(([one]) => one.remotePort === remotePort && one.remoteAddress === remoteAddress)?.[1],
    clear(): void {
      for (const socket of callers.keys()) socket.destroy()
    },
  }
}

/** Throws where the port can't be had. */
export async function openTlsServer(options: TlsServerOptions): Promise<TlsServer> {
  const { clock, entropy, log, port, relay, signer } = options
  const { certificate, key } = makeDeviceCertificate(signer, entropy)
  const gate = createGate(clock)
  const sockets = new WebSocketServer({ noServer: true, ...webSocketOptions })
  const server = createServer(
    {
      key,
      cert: certificate,
      minVersion: 'TLSv1.3',
      handshakeTimeout: relayTlsProofMsMax,
      headersTimeout: relayTlsProofMsMax,
      requestTimeout: relayTlsProofMsMax,
      maxHeaderSize: 4 << 10,
    },
    (_, response) => void response.writeHead(404, { connection: 'close' }).end(),
  )
  server.on('connection', (socket: Socket) => gate.enter(socket))
  server.on('tlsClientError', (error) => log.debug('a TLS handshake failed', { why: error.message }))
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const caller = gate.of(request.socket)
    if (request.url !== relayTlsPath || !(socket instanceof TLSSocket) || caller === undefined) {
      socket.end(ANSWER)
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const wire = wireOf(webSocket, socket, {
        onMessage: (message) => caller.guest?.receive(message),
        onAlive: () => caller.guest?.alive(),
        onClosed: () => caller.guest?.closed(),
      })
      caller.guest = relay.accept(wire)
    })
  })
  await listen(server, port)
  server.on('error', (error) => log.warn('the TLS relay', { why: error.message }))
  server.unref()
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      gate.clear()
    },
  }
}
