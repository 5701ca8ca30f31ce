// The relay's sockets: the relay port, the next one for STUN alone, and one on every session port that is in use.

import { createSocket, type Socket } from 'node:dgram'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, portOf } from '../../shared/address/endpoint.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { SessionPorts } from './binder.ts'
import { type Family, familyOfEndpoint } from './sessions.ts'
import { answerStun } from './stun-answer.ts'

export interface RelaySocketsOptions {
  readonly port: number
  readonly families: readonly Family[]
  readonly log: Log
  readonly onFrame: (bytes: Uint8Array, source: Endpoint) => void
  readonly onSession: (port: number, bytes: Uint8Array, source: Endpoint) => void
}

export interface RelaySockets {
  readonly ports: SessionPorts
  send(bytes: Uint8Array, to: Endpoint): void
  close(): void
}

/** A burst of a fleet that comes back; the kernel keeps junk away before. */
const RECEIVE_BYTES = 1 << 20

function bind(family: Family, port: number, log: Log): Promise<Socket> {
  const socket = createSocket(family === 4 ? { type: 'udp4' } : { type: 'udp6', ipv6Only: true })
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind(port, () => {
      socket.removeAllListeners('error')
      socket.on('error', (error) => log.debug('a relay socket', { port, reason: error.message }))
      socket.unref()
      resolve(socket)
    })
  })
}

/** Bytes that may wait where the kernel takes no more, as behind a gateway that died: askers ask again. */
const SEND_QUEUE_BYTES_MAX = 1 << 18

/** Sends and forgets: who waits for an answer asks again. */
function say(socket: Socket | undefined, bytes: Uint8Array, to: Endpoint): void {
  if (socket === undefined || socket.getSendQueueSize() > SEND_QUEUE_BYTES_MAX) return
  socket.send(bytes, portOf(to), hostOf(to), () => undefined)
}

function listen(socket: Socket, hear: (bytes: Uint8Array, source: Endpoint) => void): void {
  socket.on('message', (bytes, { address, port }) => {
    // Link-local senders carry a zone, and are no node's place on the internet.
    if (port === 0 || address.includes('%')) return
    hear(bytes, formatEndpoint(address as Address, port))
  })
}

/** The kernel's own choice of a source, as it makes it for every answer to that place. */
function localFor(to: Endpoint): Promise<Address | undefined> {
  const socket = createSocket(familyOfEndpoint(to) === 4 ? 'udp4' : 'udp6')
  return new Promise((resolve) => {
    const done = (address: Address | undefined): void => {
      socket.close()
      resolve(address)
    }
    socket.once('error', () => done(undefined))
    socket.connect(portOf(to), hostOf(to), () => done(parseAddress(socket.address().address)))
  })
}

function createPorts(log: Log, onSession: RelaySocketsOptions['onSession']): SessionPorts & { closeAll(): void } {
  const open = new Map<number, Socket>()
  return {
    async open(port, family) {
      if (open.has(port)) return true
      try {
        const socket = await bind(family, port, log)
        listen(socket, (bytes, source) => onSession(port, bytes, source))
        open.set(port, socket)
        return true
      } catch (error) {
        log.debug('a session port is taken', { port, reason: describeError(error) })
        return false
      }
    },
    close(port) {
      open.get(port)?.close()
      open.delete(port)
    },
    send: (port, bytes, to) => say(open.get(port), bytes, to),
    localFor,
    closeAll() {
      for (const socket of open.values()) socket.close()
      open.clear()
    },
  }
}

async function openControl(options: RelaySocketsOptions, port: number): Promise<ReadonlyMap<Family, Socket>> {
  const sockets = new Map<Family, Socket>()
  for (const family of options.families) {
    try {
      const socket = await bind(family, port, options.log)
      socket.setRecvBufferSize(RECEIVE_BYTES)
      sockets.set(family, socket)
    } catch (cause) {
      for (const socket of sockets.values()) socket.close()
      throw new HoldfastError('failed', `the relay cannot use UDP port ${port}: ${describeError(cause)}`, {
        remedy: 'Give another relay port in the node’s intent, or end the program that uses this one.',
        cause,
      })
    }
  }
  return sockets
}

/** Throws where the relay port can't be had; without the port for STUN alone it goes on. */
export async function openRelaySockets(options: RelaySocketsOptions): Promise<RelaySockets> {
  const { log, onFrame, onSession, port } = options
  const control = await openControl(options, port)
  const second = await openControl(options, port + 1).catch((error: unknown) => {
    log.warn('nodes can not tell their kind of NAT here', { reason: describeError(error) })
    return new Map<Family, Socket>()
  })
  const ports = createPorts(log, onSession)

  const answer = (socket: Socket, bytes: Uint8Array, source: Endpoint): void => {
    const reply = answerStun(bytes, source)
    if (reply !== undefined) say(socket, reply, source)
  }
  for (const socket of control.values()) {
    listen(socket, (bytes, source) => {
      // STUN begins with two zero bits (RFC 8489 §5), our frames with ones.
      if ((bytes[0] ?? 0xff) >> 6 === 0) answer(socket, bytes, source)
      else onFrame(bytes, source)
    })
  }
  for (const socket of second.values()) listen(socket, (bytes, source) => answer(socket, bytes, source))

  return {
    ports,
    send: (bytes, to) => say(control.get(familyOfEndpoint(to)), bytes, to),
    close() {
      for (const socket of [...control.values(), ...second.values()]) socket.close()
      ports.closeAll()
    },
  }
}
