// The ways to the broker over real TLS: which is taken, which is refused.

import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { WebSocketServer } from 'ws'
import { toBase64 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { createFakeAuthority, issuedAt } from '../../shared/host/certificates.fake.ts'
import { createBrokerLink } from './broker-link.ts'

const authority = createFakeAuthority()
const DAY_MS = 86_400_000

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function linkTo(urls: readonly [string, ...string[]], clock = new FakeClock(issuedAt)) {
  const expired: boolean[] = []
  const anchor = { rootKey: '', tlsAuthority: toBase64(authority.der) }
  const identity = { anchor, broker: { urls: [...urls], username: 'n', password: 'p' } } as never
  const link = createBrokerLink({
    identity,
    clock,
    floor: () => 0,
    log: memoryLog(),
    onCertificate: (is) => void expired.push(is),
  })
  return { link, expired }
}

test('takes the broker’s own port, falls back to the WebSocket, and stays with what worked', async () => {
  const plain = createServer(authority.issue())
  const arrived = new Promise((resolve) => plain.once('connection', resolve))
  const plainPort = await listen(plain)
  const https = createHttpsServer(authority.issue())
  const sockets = new WebSocketServer({ server: https, path: '/mqtt' })
  const httpsPort = await listen(https)
  const { link, expired } = linkTo([`mqtts://127.0.0.1:${plainPort}`, `wss://127.0.0.1:${httpsPort}/mqtt`])
  ;(await link()).destroy()
  await arrived
  await new Promise<void>((resolve) => plain.close(() => resolve()))
  ;(await link()).destroy()
  assert.is(sockets.clients.size, 1)
  assert.equal(expired, [false, false])
  sockets.close()
  https.closeAllConnections()
  await new Promise<void>((resolve) => https.close(() => resolve()))
})

test('a way that is silent does not keep the next one waiting, and is closed when it comes too late', async () => {
  const clock = new FakeClock(issuedAt)
  const silent = createTcpServer()
  const silentSockets: Socket[] = []
  const dialled = new Promise<void>((resolve) => {
    silent.on('connection', (socket) => {
      silentSockets.push(socket)
      resolve()
    })
  })
  const working = createServer(authority.issue())
  const urls = [`mqtts://127.0.0.1:${await listen(silent)}`, `mqtts://127.0.0.1:${await listen(working)}`] as const
  const { link } = linkTo(urls, clock)
  const connecting = link()
  await dialled
  clock.advance(2_000)
  ;(await connecting).destroy()
  // What worked has the head start now.
  ;(await link()).destroy()
  assert.is(silentSockets.length, 1)
  for (const socket of silentSockets) socket.destroy()
  for (const server of [silent, working]) await new Promise<void>((resolve) => server.close(() => resolve()))
})

test('a stranger at one way and nobody at the other is told as untrusted; old dates only as old', async () => {
  const stranger = createServer(createFakeAuthority().issue())
  const strangerPort = await listen(stranger)
  const error = await linkTo(['mqtts://127.0.0.1:1', `mqtts://127.0.0.1:${strangerPort}`])
    .link()
    .catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'untrusted'))
  const old = createServer(authority.issue())
  const { link, expired } = linkTo([`mqtts://127.0.0.1:${await listen(old)}`], new FakeClock(issuedAt + 40 * DAY_MS))
  ;(await link()).destroy()
  assert.equal(expired, [true])
  for (const server of [stranger, old]) await new Promise<void>((resolve) => server.close(() => resolve()))
})

test.run()
