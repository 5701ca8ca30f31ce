// Sockets of the resolver, by UDP and TCP, at the addresses that the node has in the mesh: at no others, so that it stands in the
// way of no name server of this host.

import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { type Address, familyOf } from '../../shared/address/cidr.ts'
import type { Log } from '../../shared/effects.ts'
import { nameConnectionsMax, nameQuestionBytesMax } from '../../shared/name-limits.ts'
import type { NameServer, NameServerOptions } from '../names/doors.ts'
import { hostSockets, type Sockets } from './namespace.ts'

/** A connection without a question is closed after so long: RFC 7766 §6.2.3 asks for seconds. */
const IDLE_MS = 10_000
/** The kernel keeps that many bytes of questions for a process that is busy; what is beyond is asked again. */
const BUFFER_BYTES = 256 << 10
const LENGTH_BYTES = 2

interface Place {
  readonly datagrams: Datagrams
  readonly server: Server
}

/** Questions of one connection, each answered in its turn. */
function converse(socket: Socket, answer: NameServerOptions['answer'], log: Log): void {
  const from = socket.remoteAddress ?? ''
  let held = Buffer.alloc(0)
  let last: Promise<void> = Promise.resolve()
  socket.setTimeout(IDLE_MS, () => socket.destroy())
  socket.on('error', (error) => log.debug('a question by TCP', { why: error.message }))
  const take = async (question: Buffer): Promise<void> => {
    const reply = await answer(question, 'tcp', from)
    if (reply === undefined) return void socket.destroy()
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt16BE(reply.length)
    socket.write(Buffer.concat([length, reply]))
  }
  socket.on('data', (bytes) => {
    held = Buffer.concat([held, bytes])
    while (held.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + held.readUInt16BE(0)
      if (end - LENGTH_BYTES > nameQuestionBytesMax) return void socket.destroy()
      if (held.length < end) return
      const question = held.subarray(LENGTH_BYTES, end)
      held = held.subarray(end)
      // Nothing more is read meanwhile: who does not read the answers is not read either.
      socket.pause()
      last = last
        .then(() => take(question))
        .then(() => void socket.resume())
        .catch((error: Error) => void socket.destroy(error))
    }
  })
}

export function createNameServer(
  { answer, log, port }: NameServerOptions,
  inside: Pick<Sockets, 'bindUdp' | 'listen'> = hostSockets,
): NameServer {
  const places = new Map<Address, Place>()
  const refused = new Map<Address, string>()
  const isOpen = new WeakSet<Datagrams>()

  const close = (address: Address): void => {
    const place = places.get(address)
    if (place === undefined) return
    places.delete(address)
    isOpen.delete(place.datagrams)
    place.server.close()
    place.datagrams.close()
  }

  const reply = async ({ datagrams }: Place, question: Uint8Array, host: string, at: number): Promise<void> => {
    const bytes = await answer(question, 'udp', host)
    // The socket may be closed by now; and a word that the kernel does not take is asked for again.
    if (bytes !== undefined && isOpen.has(datagrams)) datagrams.send(bytes, at, host, () => undefined)
  }

  const open = async (address: Address): Promise<void> => {
    const type = familyOf(address) === 4 ? 'udp4' : 'udp6'
    const place: Place = {
      datagrams: createSocket({ type, ipv6Only: type === 'udp6', recvBufferSize: BUFFER_BYTES }),
      server: createServer((socket) => converse(socket, answer, log)),
    }
    const { datagrams, server } = place
    places.set(address, place)
    isOpen.add(datagrams)
    const fail = (error: Error): void => {
      if (places.get(address) !== place) return
      refused.set(address, error.message)
      close(address)
    }
    datagrams.on('error', fail)
    server.on('error', fail)
    datagrams.on('message', (bytes, { address: host, port: at }) => void reply(place, bytes, host, at))
    server.maxConnections = nameConnectionsMax
    const both = Promise.all([once(datagrams, 'listening'), once(server, 'listening')])
    inside.bindUdp(datagrams, { address, port })
    inside.listen(server, { address, port })
    datagrams.unref()
    server.unref()
    // The address may not be on the interface yet, or the port be another's; `fail` has noted why.
    if (await both.then(() => true).catch(() => false)) refused.delete(address)
  }

  return {
    async follow(addresses) {
      const wanted = new Set(addresses)
      for (const address of places.keys()) if (!wanted.has(address)) close(address)
      for (const address of refused.keys()) if (!wanted.has(address)) refused.delete(address)
      await Promise.all([...wanted].filter((address) => !places.has(address)).map(open))
    },
    refused: () => refused,
    close() {
      for (const address of places.keys()) close(address)
      refused.clear()
    },
  }
}
