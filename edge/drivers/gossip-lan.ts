// Connections of gossip on the LAN, before any tunnel is up: TLS 1.3 at the TCP port of the beacons' number. Who is called
// shows a certificate of its device key, who calls signs what only this connection has. Strangers get no further than that,
// few at a time, and from the links themselves only.

import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { fromBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { certificateKeeper, makeDeviceCertificate } from '../../shared/host/device-certificate.ts'
import { type Peeked, peek } from '../../shared/host/peek.ts'
import { connectDevice } from '../../shared/host/pinned-device.ts'
import type { NodeId } from '../../shared/ids.ts'
import { gossipLanConnectionsMax, gossipLanPerHostMax } from '../../shared/limits.ts'
import type { GossipHost, GossipSelf, Place } from '../gossip/doors.ts'
import { exporterBytes, exporterLabel, gossipProtocol, makeProof, openProof, proofBytes } from '../gossip/proof.ts'

export interface LanListenerOptions extends Omit<GossipSelf, 'datagrams'> {
  readonly port: number
}

/** Next door: a handshake of a busy Raspberry Pi takes a tenth of it. */
const CONNECT_MS = 3_000

function exportedOf(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0))
}

export interface LanListener {
  close(): void
}

/** `onSocket`: a member came, and proved who it is. */
export function openLanListener(
  options: LanListenerOptions,
  { isNextDoor, keyOf }: Pick<GossipHost, 'isNextDoor' | 'keyOf'>,
  onSocket: (socket: Socket, node: NodeId) => void,
): LanListener {
  const { entropy, log, network, port, signer } = options
  /** By the host they come from. */
  const connections = new Map<Socket, string>()
  const { certificate, key } = makeDeviceCertificate(signer, entropy)

  const prove = async (socket: TLSSocket): Promise<void> => {
    const read = (bytes: Uint8Array): Peeked<Uint8Array> | 'more' =>
      bytes.length < proofBytes ? 'more' : { value: bytes.slice(0, proofBytes), skip: proofBytes }
    const late = options.clock.after(CONNECT_MS, () => socket.destroy())
    const proof = await peek(socket, read)
    late.cancel()
    const node = proof === undefined ? undefined : openProof(network, proof, exportedOf(socket), keyOf, verify)
    if (node === undefined || socket.destroyed) socket.destroy()
    else onSocket(socket, node)
  }

  const server = createServer(
    { key, cert: certificate, minVersion: 'TLSv1.3', ALPNProtocols: [gossipProtocol], handshakeTimeout: CONNECT_MS },
    (socket) => {
      socket.on('error', (error) => log.debug('a connection of gossip on the LAN', { why: error.message }))
      void prove(socket)
    },
  )

  const present = certificateKeeper(server, signer, entropy)
  server.prependListener('connection', (socket: Socket) => {
    present()
    const host = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const ofHost = [...connections.values()].filter((other) => other === host).length
    if (!isNextDoor(host) || connections.size >= gossipLanConnectionsMax || ofHost >= gossipLanPerHostMax) {
      socket.destroy()
      return
    }
    connections.set(socket, host)
    socket.once('close', () => connections.delete(socket))
  })
  server.on('tlsClientError', (error) => log.debug('a handshake of gossip failed', { why: error.message }))
  server.on('error', (error) => log.warn('no gossip on the LAN: its port can’t be used', { port, why: error.message }))
  server.listen({ port, exclusive: true })
  server.unref()
  return { close: () => void server.close() }
}

/** Throws `unreachable` or `untrusted`. */
export async function dialLan(
  { network, port, self, signer }: LanListenerOptions,
  { keyOf }: Pick<GossipHost, 'keyOf'>,
  { host, node }: Place & { type: 'lan' },
): Promise<Socket> {
  const key = keyOf(node)
  if (key === undefined) throw new HoldfastError('untrusted', `${node} is no member`)
  const socket = await connectDevice({
    host,
    port,
    timeoutMs: CONNECT_MS,
    deviceKey: fromBase64(key),
    protocols: [gossipProtocol],
  })
  socket.write(makeProof(network, self, signer, exportedOf(socket)))
  return socket
}
