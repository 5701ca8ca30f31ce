// One question to one name server, by UDP or TCP. Each goes out by a port and under a number of its own, and what comes back has
// to be of that server, number and question: who can't read it can't answer it (RFC 5452 §9).

import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { HoldfastError } from '../../shared/errors.ts'
import type { NameAsker, NameServerAt } from '../names/doors.ts'
import { afterQuestions } from '../names/times.ts'
import { hostSockets, type Sockets } from './namespace.ts'

const HEADER_BYTES = 12
const LENGTH_BYTES = 2
const NUMBERS = 1 << 16

/** That it is an answer to it; libraries spell the name as it was asked. */
function answers(bytes: Buffer, question: Buffer): boolean {
  const [end, length] = [afterQuestions(question), afterQuestions(bytes)]
  if (end === undefined || bytes.length < HEADER_BYTES || (bytes.readUInt16BE(2) & 0x8000) === 0) return false
  if (bytes.readUInt16BE(0) !== question.readUInt16BE(0)) return false
  if (bytes.readUInt16BE(4) === 0) return bytes.length === HEADER_BYTES
  const asked = (of: Buffer): string => of.toString('latin1', HEADER_BYTES, end).toLowerCase()
  return end === length && asked(bytes) === asked(question)
}

type Settle = { readonly resolve: (bytes: Buffer) => void; readonly reject: (error: unknown) => void }

type By = (inside: Sockets, server: NameServerAt, question: Buffer, settle: Settle) => Promise<() => void>

const byUdp: By = async (inside, { host, port }, question, { reject, resolve }) => {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' })
  socket.unref()
  socket.on('error', reject)
  // What somebody else says, or says twice, is waited past.
  socket.on('message', (bytes) => {
    if (answers(bytes, question)) resolve(bytes)
  })
  // Connected: only that server is heard, and the kernel says at once where nobody listens.
  const send = (): void => socket.send(question, (error) => (error === null ? undefined : reject(error)))
  socket.once('listening', () => socket.connect(port, host, send))
  inside.bindUdp(socket, { family: isIPv6(host) ? 6 : 4 })
  return () => socket.close()
}

const byTcp: By = async (inside, { host, port }, question, { reject, resolve }) => {
  const socket = await inside.connect({ host, port })
  let held = Buffer.alloc(0)
  socket.unref()
  socket.on('error', reject)
  socket.on('end', () => reject(new HoldfastError('failed', `${host} ended the connection without an answer`)))
  socket.on('data', (bytes) => {
    held = Buffer.concat([held, bytes])
    if (held.length < LENGTH_BYTES) return
    const end = LENGTH_BYTES + held.readUInt16BE(0)
    if (held.length < end) return
    const answer = held.subarray(LENGTH_BYTES, end)
    if (answers(answer, question)) resolve(answer)
    else reject(new HoldfastError('invalid', `${host} answered something else`))
  })
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt16BE(question.length)
  socket.write(Buffer.concat([length, question]))
  return () => void socket.destroy()
}

export function nameAsker(inside: Sockets): NameAsker {
  return async (server, question, transport, signal) => {
    const own = Buffer.from(question)
    own.writeUInt16BE(randomInt(NUMBERS))
    const { promise, reject, resolve } = Promise.withResolvers<Buffer>()
    const stop = (): void => reject(new HoldfastError('unreachable', `${server.host} was not waited for`))
    signal.addEventListener('abort', stop, { once: true })
    promise.catch(() => undefined)
    let close: (() => void) | undefined
    try {
      close = await (transport === 'tcp' ? byTcp : byUdp)(inside, server, own, { resolve, reject })
      const answer = Buffer.from(await promise)
      Buffer.from(question).copy(answer, 0, 0, LENGTH_BYTES)
      return answer
    } finally {
      signal.removeEventListener('abort', stop)
      close?.()
    }
  }
}

export const askNameServer = nameAsker(hostSockets)
