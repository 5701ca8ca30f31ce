// Who is let through: the pinned authority's certificates for the hub's name, whatever the clock says; nobody else.

import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { WebSocketServer } from 'ws'
import { isHoldfastError } from '../errors.ts'
import { createFakeAuthority, issuedAt } from './certificates.fake.ts'
import { ownPort } from './own-port.fake.ts'
import { requestPinned } from './pinned-http.ts'
import { connectPinned } from './pinned-tls.ts'
import { connectWebSocketPinned } from './pinned-websocket.ts'

const DAY_MS = 86_400_000
const authority = createFakeAuthority()

async function serve(
  pair: { key: string; cert: string },
  answer: RequestListener = (_, response) => response.end('{}'),
) {
  const server = createServer(pair, answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const target = { host: '127.0.0.1', port, timeoutMs: 30_000, authorityDer: authority.der, now: issuedAt, floor: 0 }
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { server, target, stop }
}

async function connectTo(pair: { key: string; cert: string }, now = issuedAt, floor = 0) {
  const { target, stop } = await serve(pair)
  try {
    const { socket, expired } = await connectPinned({ ...target, now, floor })
    socket.destroy()
    return expired
  } catch (error) {
    return isHoldfastError(error) ? error.code : error
  } finally {
    await stop()
  }
}

test('a certificate of the authority is proven, with a clock in 1970 as well', async () => {
  const pair = authority.issue()
  assert.is(await connectTo(pair), false)
  assert.is(await connectTo(pair, 0), false)
  assert.is(await connectTo(pair, 0, issuedAt), false)
})

test('a date that has passed is told, by the clock or by the floor', async () => {
  const pair = authority.issue()
  assert.is(await connectTo(pair, issuedAt + 31 * DAY_MS), true)
  assert.is(await connectTo(pair, 0, issuedAt + 31 * DAY_MS), true)
})

test('another authority, another name and an authority as server are untrusted', async () => {
  const stranger = createFakeAuthority()
  assert.is(await connectTo(stranger.issue()), 'untrusted')
  assert.is(await connectTo(authority.issue({ name: 'other.example' })), 'untrusted')
  assert.is(await connectTo(authority.issue({ name: '*.holdfast.internal' })), 'untrusted')
  assert.is(await connectTo(authority.issue({ ca: true })), 'untrusted')
})

test('a broker that is known by its address bears the address in its certificate', async () => {
  const { target, stop } = await serve(authority.issue({ name: '127.0.0.1' }))
  const { socket } = await connectPinned({ ...target, serverName: '127.0.0.1' })
  socket.destroy()
  const error = await connectPinned({ ...target, serverName: '127.0.0.2' }).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'untrusted'))
  await stop()
})

test('a connection leaves from the address it is told, for a name that nobody resolves', async () => {
  const { server, target, stop } = await serve(authority.issue())
  const cameFrom = Promise.withResolvers<string | undefined>()
  server.once('secureConnection', (socket) => cameFrom.resolve(socket.remoteAddress))
  const out = async (host: string) =>
    host === 'hub.invalid' ? { local: '127.0.0.7', address: '127.0.0.1' } : undefined
  const { socket } = await connectPinned({ ...target, host: 'hub.invalid', out })
  assert.is(await cameFrom.promise, '127.0.0.7')
  socket.destroy()
  const asEver = await connectPinned({ ...target, out })
  asEver.socket.destroy()
  const unknown = await connectPinned({ ...target, out: async () => Promise.reject(new Error('not now')) })
  unknown.socket.destroy()
  await stop()
})

test('nobody there and no TLS there are unreachable, not untrusted', async () => {
  const { target, stop } = await serve(authority.issue())
  await stop()
  const error = await connectPinned({ ...target, port: await ownPort() }).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'unreachable'))
})

test('an exchange carries JSON both ways, and reads no more than it was told to', async () => {
  const { target, stop } = await serve(authority.issue(), (request, response) => {
    if (request.url === '/large') return void response.end(JSON.stringify('x'.repeat(5_000)))
    if (request.url === '/text') return void response.end('<html>')
    request.pipe(response.writeHead(202, { 'retry-after': '7' }))
  })
  const answer = await requestPinned({ ...target, method: 'POST', path: '/echo', body: { a: 1 } })
  assert.equal(answer, { status: 202, body: { a: 1 }, retryAfterS: 7, expired: false })
  const large = await requestPinned({ ...target, method: 'GET', path: '/large', bodyMax: 1_000 }).catch(
    (e: unknown) => e,
  )
  assert.ok(isHoldfastError(large, 'too-large'))
  const text = await requestPinned({ ...target, method: 'GET', path: '/text' }).catch((e: unknown) => e)
  assert.ok(isHoldfastError(text, 'invalid'))
  await stop()
})

test('an exchange that is never answered ends', async () => {
  const { target, stop } = await serve(authority.issue(), () => undefined)
  const silent = await requestPinned({ ...target, method: 'GET', path: '/', timeoutMs: 100 }).catch((e: unknown) => e)
  assert.ok(isHoldfastError(silent, 'unreachable'))
  await stop()
})

test('a WebSocket runs over the proven socket', async () => {
  const { server, target, stop } = await serve(authority.issue())
  const sockets = new WebSocketServer({ server, path: '/mqtt', handleProtocols: () => 'mqtt' })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  const { stream } = await connectWebSocketPinned({ ...target, path: '/mqtt' })
  stream.write('hello')
  const [echo] = (await new Promise((resolve) => stream.once('data', (data) => resolve([data])))) as [Buffer]
  assert.is(echo.toString(), 'hello')
  stream.destroy()
  const left = await connectWebSocketPinned({ ...target, path: '/mqtt' })
  const closed = new Promise<string>((resolve) => left.stream.once('close', () => resolve('closed')))
  left.stream.resume()
  for (const client of sockets.clients) client.close()
  assert.is(await closed, 'closed', 'who has nothing to say hears that the hub is gone')
  const wrong = await connectWebSocketPinned({ ...target, path: '/other' }).catch((e: unknown) => e)
  assert.ok(isHoldfastError(wrong, 'unreachable'))
  sockets.close()
  await stop()
})

test.run()
