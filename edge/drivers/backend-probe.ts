// Asks a place whether it serves: that a connection comes to be, or that a page is there.

import type { Socket } from 'node:net'
import { familyOf } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import { probeAnswerBytesMax } from '../../shared/service-limits.ts'
import type { Question } from '../services/doors.ts'
import type { Outcome } from '../services/verdict.ts'
import { hostSockets, type Sockets } from './namespace.ts'

/** What firewalls and routers say of somebody who is not there; a refusal comes from somebody who is. */
const NOBODY = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ETIMEDOUT'])

/** RFC 9112 §4. */
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)[ \r]/

function requestFor({ address, path = '/', port }: Question): string {
  const host = familyOf(address) === 6 ? `[${address}]` : address
  const fields = [`Host: ${host}:${port}`, 'User-Agent: holdfast-probe', 'Accept: */*', 'Connection: close']
  return `GET ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`
}

/** Calls back with the status of the answer, or undefined for what is none. */
function readStatus(socket: Socket, give: (status: number | undefined) => void): void {
  let text = ''
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    const found = STATUS_LINE.exec(text)?.[1]
    if (found !== undefined) give(Number(found))
    else if (text.length > probeAnswerBytesMax || text.includes('\n')) give(undefined)
  })
  socket.on('end', () => give(undefined))
}

/** Never rejects, and ends within `timeoutMs`. */
export async function askBackend(
  question: Question,
  timeoutMs: number,
  clock: Clock,
  inside: Pick<Sockets, 'connect'> = hostSockets,
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const began = clock.monotonic()
  const socket = await inside.connect({ host: question.address, port: question.port })
  const end = (outcome: Outcome): void => {
    timer.cancel()
    // Without the wait of an orderly end: nothing of it is left at either side.
    socket.resetAndDestroy()
    resolve(outcome)
  }
  const timer = clock.after(timeoutMs, () =>
    end({ answered: false, silent: true, why: `no answer within ${timeoutMs} ms` }),
  )
  socket.unref()
  socket.once('error', (error: NodeJS.ErrnoException) =>
    end({ answered: false, silent: NOBODY.has(error.code ?? ''), why: error.code ?? error.message }),
  )
  socket.once('connect', () => {
    const rttMs = clock.monotonic() - began
    if (question.path === undefined) return end({ answered: true, rttMs })
    socket.write(requestFor(question))
    readStatus(socket, (status) => {
      if (status !== undefined && status >= 200 && status < 400) end({ answered: true, rttMs })
      else end({ answered: false, silent: false, why: status === undefined ? 'no HTTP' : `HTTP ${status}` })
    })
  })
  return promise
}
