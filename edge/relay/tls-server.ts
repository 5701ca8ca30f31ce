// The TLS relay's door: TLS 1.3 with a certificate of the device key, WebSocket by upgrade at /relay, and nothing else.
//
// One port may serve a hub behind the relay as well. What a client offers to speak is looked at before TLS begins: whoever
// offers the relay's protocol stays here, everybody else is passed on untouched, or left where there is no hub.

import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { WebSocketServer } from 'ws'
import type { Clock, Entropy, Log, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { certificateKeeper, makeDeviceCertificate } from '../../shared/host/device-certificate.ts'
import { type Peeked, peek } from '../../shared/host/peek.ts'
import { relayTlsProofMsMax } from '../../shared/limits.ts'
import { type ClientHello, readClientHello } from './client-hello.ts'
import { relayTlsPath, relayTlsProtocol } from './tls-frames.ts'
import { createTlsGate, type TlsGate } from './tls-gate.ts'
import { type HubBehind, passOn } from './tls-pass.ts'
import type { TlsRelay } from './tls-relay.ts'
import { webSocketOptions, wireOf } from './tls-socket.ts'

export interface TlsServerOptions {
  readonly relay: Pick<TlsRelay, 'accept'>
  readonly port: number
  /** Gets what is not for the relay. */
  readonly behind?: HubBehind | undefined
  readonly signer: Signer
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface TlsServer {
  readonly port: number
  close(): void
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

/** Looks at who comes, and gives them to TLS or passes them on. */
function sort(server: Server, gate: TlsGate, { behind, log }: TlsServerOptions): void {
  const [secure] = server.listeners('connection')
  server.removeAllListeners('connection')
  const read = (bytes: Uint8Array): Peeked<ClientHello | undefined> | 'more' => {
    const hello = readClientHello(bytes)
    if (hello === 'more') return hello
    return { value: hello === 'none' ? undefined : hello, skip: 0 }
  }
  const look = async (socket: Socket): Promise<void> => {
    const hello = await peek(socket, read)
    if (hello === undefined) socket.destroy()
    else if (hello.protocols.includes(relayTlsProtocol)) {
      if (gate.admit(socket) && secure !== undefined) Reflect.apply(secure, server, [socket])
    } else if (behind === undefined) socket.destroy()
    else if (gate.pass(socket)) passOn(socket, behind, log)
  }
  server.on('connection', (socket: Socket) => {
    socket.on('error', (error) => log.debug('a connection to the TLS relay', { why: error.message }))
    if (gate.enter(socket) !== undefined) void look(socket)
  })
}

/** Throws where the port can't be had. */
export async function openTlsServer(options: TlsServerOptions): Promise<TlsServer> {
  const { clock, entropy, log, port, relay, signer } = options
  const { certificate, key } = makeDeviceCertificate(signer, entropy)
  const gate = createTlsGate(clock)
  const sockets = new WebSocketServer({ noServer: true, ...webSocketOptions })
  const server = createServer(
    {
      key,
      cert: certificate,
      minVersion: 'TLSv1.3',
      ALPNProtocols: [relayTlsProtocol],
      handshakeTimeout: relayTlsProofMsMax,
      headersTimeout: relayTlsProofMsMax,
      requestTimeout: relayTlsProofMsMax,
      maxHeaderSize: 4 << 10,
    },
    (_, response) => void response.writeHead(404, { connection: 'close' }).end(),
  )
  sort(server, gate, options)
  server.prependListener('connection', certificateKeeper(server, signer, entropy))
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
