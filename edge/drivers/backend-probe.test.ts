// Places that serve, refuse, say something else, or nothing at all, asked over real sockets.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import type { Outcome } from '../services/verdict.ts'
import { askBackend } from './backend-probe.ts'

const address = parseAddress('127.0.0.1')
const LONG_MS = 20_000

async function opened(serve: (socket: Socket) => void): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    serve(socket)
  })
  server.listen(0, address)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

async function asked(serve: (socket: Socket) => void, path?: string, timeoutMs = LONG_MS): Promise<Outcome> {
  const { port, server } = await opened(serve)
  const outcome = await askBackend({ address, port, ...(path === undefined ? {} : { path }) }, timeoutMs, systemClock)
  server.close()
  return outcome
}

test('a connection that comes to be is an answer', async () => {
  const outcome = await asked(() => undefined)
  assert.ok(outcome.answered && outcome.rttMs >= 0)
})

test('a refusal is told from silence', async () => {
  const refused = await askBackend({ address, port: await ownPort() }, LONG_MS, systemClock)
  assert.equal(refused, { answered: false, silent: false, why: 'ECONNREFUSED' })
  const silence = await asked(() => undefined, '/', 50)
  assert.equal(silence, { answered: false, silent: true, why: 'no answer within 50 ms' })
})

test('a page is there, or it is not', async () => {
  let line = ''
  const say =
    (answer: string) =>
    (socket: Socket): void => {
      socket.once('data', (bytes: Buffer) => {
        line = bytes.toString().split('\r\n')[0] ?? ''
        socket.end(answer)
      })
    }
  assert.ok((await asked(say('HTTP/1.1 204 No Content\r\n\r\n'), '/healthz?a=b')).answered)
  assert.is(line, 'GET /healthz?a=b HTTP/1.1')
  const why = async (answer: string): Promise<string | undefined> => {
    const outcome = await asked(say(answer), '/')
    return outcome.answered ? undefined : outcome.why
  }
  assert.is(await why('HTTP/1.0 503 Service Unavailable\r\n\r\n'), 'HTTP 503')
  for (const nonsense of ['SSH-2.0-OpenSSH_9.2\r\n', '', 'HTTP/2 200\r\n', 'x'.repeat(100_000)]) {
    assert.is(await why(nonsense), 'no HTTP')
  }
})

test.run()
