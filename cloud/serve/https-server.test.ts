// What dawdles at the hub's HTTPS port is cut off, and what is left when it closes is ended.

import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Hono } from 'hono'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { scratch, testTls } from '../broker/broker.fake.ts'
import { type HttpsServer, listenHttps } from './https-server.ts'

const https = suite('hub https')
const directory = scratch('hf-https-')
const times = { handshakeMs: 300, requestMs: 600, idleMs: 200 }
const mqtt = { accept: (stream: NodeJS.ReadableStream) => void stream.resume(), connections: () => 0 }
let server: HttpsServer

https.before(async () => {
  // A request that was cut off is no news.
  const app = new Hono().onError((_, context) => context.text('', 400))
  app.get('/', (context) => context.text('here'))
  app.post('/', async (context) => context.text(await context.req.text()))
  const door = { mqtt, times, proxies: [], clock: systemClock, log: memoryLog() }
  server = await listenHttps(app, testTls(directory.path), { host: '127.0.0.1', port: 0 }, door)
})
https.after(() => directory.remove())

/** All that was said until the other end closed, and how long that took. */
function ended(socket: Socket): Promise<{ said: string; ms: number }> {
  const from = systemClock.monotonic()
  const parts: string[] = []
  return new Promise((resolve) => {
    socket.on('data', (part: Buffer) => parts.push(part.toString()))
    socket.on('error', () => undefined)
    socket.once('close', () => resolve({ said: parts.join(''), ms: systemClock.monotonic() - from }))
  })
}

const dial = (protocol = 'http/1.1'): Socket =>
  connectTls({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false, ALPNProtocols: [protocol] })

for (const [what, open, words, said] of [
  ['says nothing at all', () => connect(server.port, '127.0.0.1'), '', /^$/],
  ['says nothing inside TLS', dial, '', /^(?:HTTP\/1\.1 408|$)/],
  ['never ends its header', dial, 'GET / HTTP/1.1\r\nHost: x\r\n', /^HTTP\/1\.1 408/],
  ['never ends its body', dial, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx', /^HTTP\/1\.1 408/],
  ['asks once and stays', dial, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 200/],
] as const) {
  https(`who ${what} is left in time`, async () => {
    const socket = open()
    const end = ended(socket)
    if (words !== '') socket.write(words)
    const { ms, said: heard } = await end
    assert.match(heard, said)
    // Node's own times are a minute and more, but for that between two requests.
    assert.ok(ms < 30_000, `${ms} ms`)
    assert.is(server.server.keepAliveTimeout, times.idleMs)
  })
}

https('closing ends what was upgraded or never became HTTP', async () => {
  const socket = dial('mqtt')
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()))
  const gone = ended(socket)
  await server.close()
  await gone
})

https.run()
