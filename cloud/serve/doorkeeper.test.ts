// The door of the hub's TLS ports over real sockets: its bounds, and whose word on a source is taken.

import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cidr, parseCidr } from '../../shared/address/cidr.ts'
import { FakeClock, type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { createFakeAuthority } from '../../shared/host/certificates.fake.ts'
import { encodeProxyHeader } from '../../shared/wire/proxy-header.ts'
import { keepDoor } from './doorkeeper.ts'

const loopback = parseCidr('127.0.0.0/8')
const pair = createFakeAuthority().issue()

/** A server that tells each client whence it seems to come. */
async function serve(bounds: { max: number; perSourceMax: number; proxies: readonly Cidr[] }) {
  const lines: LogLine[] = []
  const clock = new FakeClock()
  const server = createServer(pair)
  keepDoor(server, { ...bounds, clock, log: memoryLog(lines) })
  server.on('secureConnection', (socket) => socket.write(`${socket.remoteAddress}\n`))
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const open: Socket[] = []
  /** What the server said, or that it closed. */
  const ask = async (before?: Uint8Array): Promise<string> => {
    const plain = connect(port, '127.0.0.1')
    open.push(plain)
    if (before !== undefined) plain.write(before)
    const socket: TLSSocket = connectTls({ socket: plain, rejectUnauthorized: false })
    return await new Promise((resolve) => {
      socket.once('data', (data: Buffer) => resolve(data.toString().trim()))
      socket.on('error', () => resolve('closed'))
      plain.once('close', () => resolve('closed'))
    })
  }
  const stop = async (): Promise<void> => {
    for (const socket of open) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { ask, clock, lines, open, port, stop }
}

const from = (source: string): Uint8Array =>
  encodeProxyHeader({ source, sourcePort: 1_024, target: '192.0.2.1', targetPort: 443 })

test('so many of one source and so many in all; who leaves makes room', async () => {
  const { ask, lines, open, stop } = await serve({ max: 5, perSourceMax: 3, proxies: [loopback] })
  for (let i = 0; i < 3; i++) assert.is(await ask(from('203.0.113.7')), '203.0.113.7')
  assert.is(await ask(from('203.0.113.7')), 'closed', 'the fourth')
  assert.is(await ask(from('203.0.113.8')), '203.0.113.8')
  assert.is(await ask(from('2001:db8::8')), '2001:db8::8')
  assert.is(await ask(from('203.0.113.9')), 'closed', 'the sixth')
  assert.equal(lines.filter(({ message }) => message === 'too many connections').length, 2)
  const [first] = open
  const gone = new Promise((resolve) => first?.once('close', resolve))
  first?.destroy()
  await gone
  let again = 'closed'
  while (again === 'closed') again = await ask(from('203.0.113.7'))
  assert.is(again, '203.0.113.7')
  await stop()
})

test('a proxy that names no source stands for many', async () => {
  const { ask, stop } = await serve({ max: 5, perSourceMax: 1, proxies: [loopback] })
  for (let i = 0; i < 3; i++) assert.is(await ask(), '127.0.0.1')
  assert.is(await ask(from('unknown')), '127.0.0.1')
  await stop()
})

test('a proxy that dawdles over its header is left', async () => {
  const { clock, port, stop } = await serve({ max: 5, perSourceMax: 1, proxies: [loopback] })
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  const gone = new Promise((resolve) => socket.once('close', resolve))
  await new Promise<void>((resolve) => socket.write(from('203.0.113.7').subarray(0, 5), () => resolve()))
  while (!socket.destroyed) {
    // The server may not have seen the connection yet.
    clock.advance(5_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await gone
  await stop()
})

test('nobody else is believed', async () => {
  const { ask, stop } = await serve({ max: 5, perSourceMax: 2, proxies: [] })
  assert.is(await ask(from('203.0.113.7')), 'closed')
  assert.is(await ask(), '127.0.0.1')
  await stop()
})

test('the bound of a source counts where nobody is believed', async () => {
  const { ask, stop } = await serve({ max: 5, perSourceMax: 1, proxies: [parseCidr('10.0.0.0/8')] })
  assert.is(await ask(), '127.0.0.1')
  assert.is(await ask(), 'closed')
  await stop()
})

test.run()
