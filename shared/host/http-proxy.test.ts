// The way through a proxy: TLS end to end inside, every refusal told as what it is, nothing waited for without end.

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../errors.ts'
import { faultOf } from '../fuzz.fake.ts'
import { proxyAnswerBytesMax } from '../limits.ts'
import { createFakeAuthority, issuedAt } from './certificates.fake.ts'
import { parseProxy } from './http-proxy.ts'
import { connectPinned } from './pinned-tls.ts'

const authority = createFakeAuthority()

/** A proxy that answers each request as `answer` says; `pass` makes the connection first. */
async function scene(answer: (head: string) => string | undefined) {
  const heads: string[] = []
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => undefined)
  }
  const hub = createTlsServer(authority.issue(), (socket) => socket.on('error', () => undefined).pipe(socket))
  hub.on('connection', keep)
  const proxy = createServer((socket) => {
    keep(socket).once('data', (data: Buffer) => {
      const head = data.toString()
      heads.push(head)
      const said = answer(head)
      if (said === undefined) return
      if (said !== 'pass') return void socket.end(said)
      const onward = keep(connect(Number(/:(\d+) HTTP/.exec(head)?.[1]), '127.0.0.1'))
      onward.once('connect', () => {
        socket.write('HTTP/1.1 200 Connection established\r\nVia: lab\r\n\r\n')
        socket.pipe(onward).pipe(socket)
      })
    })
  })
  const listen = async (server: typeof hub | typeof proxy): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }
  const port = await listen(hub)
  const proxyPort = await listen(proxy)
  const open = (host = '127.0.0.1', credentials?: string, timeoutMs = 30_000) =>
    connectPinned({
      host,
      port,
      timeoutMs,
      authorityDer: authority.der,
      now: issuedAt,
      floor: 0,
      proxy: { host: '127.0.0.1', port: proxyPort, ...(credentials === undefined ? {} : { credentials }) },
    })
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    for (const server of [hub, proxy]) await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { heads, open, port, stop }
}

async function refused(answer: Parameters<typeof scene>[0], timeoutMs?: number): Promise<HoldfastError> {
  const { open, stop } = await scene(answer)
  const error = await open('127.0.0.1', undefined, timeoutMs).catch((reason: unknown) => reason)
  await stop()
  if (error instanceof HoldfastError) return error
  throw new HoldfastError('failed', 'it was not refused')
}

test('the pinned peer is proven through the proxy, which is asked by name and with a password where there is one', async () => {
  const { heads, open, port, stop } = await scene(() => 'pass')
  const { socket } = await open('hub.example.org', 'agent:pass:word')
  const said = await new Promise((resolve) => {
    socket.once('data', (data: Buffer) => resolve(data.toString()))
    socket.write('hello')
  })
  assert.is(said, 'hello')
  const login = Buffer.from('agent:pass:word').toString('base64')
  const host = `hub.example.org:${port}`
  assert.equal(heads, [`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: Basic ${login}\r\n\r\n`])
  socket.destroy()
  ;(await open('2001:db8::1')).socket.destroy()
  assert.match(heads[1] ?? '', /^CONNECT \[2001:db8::1\]:\d+ HTTP\/1\.1\r\nHost: \[2001:db8::1\]:\d+\r\n\r\n$/)
  await stop()
})

test('each refusal names the proxy and its reason', async () => {
  const closed = await refused(() => '')
  assert.equal([closed.code, /no HTTP proxy/.test(closed.message)], ['unreachable', true])
  const login = await refused(() => 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  assert.equal([login.code, /user and a password/.test(login.message)], ['unauthenticated', true])
  const forbidden = await refused(() => 'HTTP/1.1 403 Forbidden\r\n\r\n<html>')
  assert.equal([forbidden.code, /status 403/.test(forbidden.message)], ['unreachable', true])
  assert.match(forbidden.remedy ?? '', /CONNECT/)
  for (const junk of ['SSH-2.0-x\r\n\r\n', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(proxyAnswerBytesMax)}`]) {
    assert.match((await refused(() => junk)).message, /no HTTP proxy/)
  }
})

test('a proxy that says nothing, and one that opens TLS itself, are left', async () => {
  assert.match((await refused(() => undefined, 200)).message, /through the proxy .* no answer within/)
  const other = createFakeAuthority()
  const middle = createTlsServer(other.issue())
  await new Promise<void>((resolve) => middle.listen(0, '127.0.0.1', resolve))
  const { open, stop } = await scene(() => 'pass')
  const { port } = middle.address() as AddressInfo
  const man = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        const inner = connect(port, '127.0.0.1').on('error', () => undefined)
        socket.pipe(inner).pipe(socket)
      })
  })
  await new Promise<void>((resolve) => man.listen(0, '127.0.0.1', resolve))
  const proxy = { host: '127.0.0.1', port: (man.address() as AddressInfo).port }
  const pin = { authorityDer: authority.der, now: issuedAt, floor: 0 }
  const error = await connectPinned({ host: 'hub', port: 443, timeoutMs: 30_000, proxy, ...pin }).catch(
    (e: unknown) => e,
  )
  assert.is((error as HoldfastError).code, 'untrusted')
  ;(await open()).socket.destroy()
  await stop()
  for (const server of [middle, man]) await new Promise<void>((resolve) => server.close(() => resolve()))
})

test('a proxy that is not there is told as that', async () => {
  const target = { host: 'hub', port: 443, timeoutMs: 30_000, authorityDer: authority.der, now: issuedAt, floor: 0 }
  const error = await connectPinned({ ...target, proxy: { host: '127.0.0.1', port: 1 } }).catch((e: unknown) => e)
  assert.match((error as HoldfastError).message, /cannot reach the proxy 127\.0\.0\.1:1: /)
})

test('addresses of proxies as people write them', () => {
  assert.equal(parseProxy('http://proxy.example.org:3128'), { host: 'proxy.example.org', port: 3_128 })
  assert.equal(parseProxy('http://[2001:db8::1]:3128/'), { host: '2001:db8::1', port: 3_128 })
  assert.equal(parseProxy('http://a:p%40ss@proxy'), { host: 'proxy', port: 80, credentials: 'a:p@ss' })
  for (const bad of ['proxy:3128', 'https://proxy', 'http://', 'http://proxy/path', 'http://a:secret%0d%0aX@proxy']) {
    const fault = faultOf(() => parseProxy(bad))
    assert.is(fault.code, 'invalid', bad)
    assert.not.match(fault.message, /secret/)
  }
})

test.run()
