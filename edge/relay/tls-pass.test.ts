// One port for a relay and the hub behind it: each proves itself to its own clients, end to end, and one can't use up the
// other's room.

import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64, utf8 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { createFakeAuthority, issuedAt } from '../../shared/host/certificates.fake.ts'
import { systemEntropy } from '../../shared/host/clock.ts'
import { peek } from '../../shared/host/peek.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import { relayTlsProofMsMax, relayTlsStrangersPerHostMax } from '../../shared/limits.ts'
import { readProxyHeader } from '../../shared/wire/proxy-header.ts'
import { dialTlsRelay } from '../drivers/tls-dial.ts'
import { encodeTlsFrame } from './tls-frames.ts'
import type { TlsRelay } from './tls-relay.ts'
import { tlsRelayNode } from './tls-rig.fake.ts'
import { openTlsServer } from './tls-server.ts'

const authority = createFakeAuthority()

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A hub that says back what it hears, behind a relay that does the same. */
async function scene() {
  const clock = new FakeClock()
  const sources: string[] = []
  const atHub = new Set<Socket>()
  const tls = createServer(authority.issue(), (socket) => {
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  const take = async (socket: Socket): Promise<void> => {
    const source = await peek(socket, (bytes) => {
      const header = readProxyHeader(bytes)
      return typeof header === 'string' ? 'more' : { value: header.source, skip: header.length }
    })
    sources.push(String(source))
    tls.emit('connection', socket)
  }
  const hub = createTcpServer((socket) => {
    atHub.add(socket.on('close', () => atHub.delete(socket)).on('error', () => undefined))
    void take(socket)
  })
  const behind = { host: '127.0.0.1', port: await listen(hub) }
  const relay: Pick<TlsRelay, 'accept'> = {
    accept: (wire) => ({
      receive: (message) => wire.send(message),
      alive: () => undefined,
      closed: () => undefined,
      joined: () => false,
    }),
  }
  const { signer } = tlsRelayNode
  const options = { relay, port: 0, behind, signer, clock, entropy: systemEntropy, log: memoryLog() }
  const front = await openTlsServer(options)
  const target = { host: '127.0.0.1', port: front.port, timeoutMs: 30_000 }
  const pin = { authorityDer: authority.der, now: issuedAt, floor: 0 }
  return {
    clock,
    front,
    sources,
    atHub,
    target,
    toHub: (protocols?: readonly string[]) =>
      connectPinned({ ...target, ...pin, ...(protocols === undefined ? {} : { protocols }) }),
    toRelay: (onMessage: (message: Uint8Array) => void) =>
      dialTlsRelay(
        { ...target, deviceKey: fromBase64(tlsRelayNode.deviceKey) },
        { onMessage, onAlive: () => undefined, onClosed: () => undefined },
      ),
    stopHub: async (): Promise<void> => {
      for (const socket of atHub) socket.destroy()
      await new Promise<void>((resolve) => hub.close(() => resolve()))
    },
  }
}

function echoOf(socket: NodeJS.ReadWriteStream, text: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (data: Buffer) => resolve(data.toString()))
    socket.write(text)
  })
}

test('the hub is reached through the relay’s port with its own certificate, and is told whence', async () => {
  const { clock, front, sources, stopHub, toHub } = await scene()
  for (const protocols of [undefined, ['http/1.1'], ['mqtt']]) {
    const { socket } = await toHub(protocols)
    assert.is(await echoOf(socket, 'hello'), 'hello')
    // Who was passed on need prove nothing here: it stays as long as the hub lets it.
    clock.advance(relayTlsProofMsMax + 1)
    assert.is(await echoOf(socket, 'still here'), 'still here')
    socket.destroy()
  }
  assert.equal(sources, ['127.0.0.1', '127.0.0.1', '127.0.0.1'])
  front.close()
  await stopHub()
})

test('at the same port the relay is reached with its own certificate', async () => {
  const { atHub, front, stopHub, toRelay } = await scene()
  const heard = Promise.withResolvers<Uint8Array>()
  const wire = await toRelay(heard.resolve)
  wire.send(encodeTlsFrame(1, utf8('x')))
  assert.equal([...(await heard.promise)], [...encodeTlsFrame(1, utf8('x'))])
  assert.is(atHub.size, 0)
  wire.close()
  front.close()
  await stopHub()
})

test('a megabyte passes both ways, whole', async () => {
  const { front, stopHub, toHub } = await scene()
  const { socket } = await toHub()
  const sent = systemEntropy.bytes(1 << 20)
  const parts: Buffer[] = []
  const all = new Promise<void>((resolve) => {
    let length = 0
    socket.on('data', (part: Buffer) => {
      parts.push(part)
      length += part.length
      if (length === sent.length) resolve()
    })
  })
  socket.write(sent)
  await all
  assert.is(Buffer.compare(Buffer.concat(parts), sent), 0)
  socket.destroy()
  front.close()
  await stopHub()
})

test('either end that goes takes the other along', async () => {
  const { atHub, front, stopHub, toHub } = await scene()
  const { socket } = await toHub()
  const [inner] = atHub
  const innerGone = new Promise((resolve) => inner?.once('close', resolve))
  socket.destroy()
  await innerGone
  const again = await toHub()
  const outerGone = new Promise((resolve) => again.socket.once('close', resolve).on('error', () => undefined))
  for (const one of atHub) one.destroy()
  await outerGone
  front.close()
  await stopHub()
})

test('while the hub is away the relay serves on, and the hub is back when it is back', async () => {
  const { front, stopHub, toHub, toRelay } = await scene()
  await stopHub()
  const error = await toHub().catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'unreachable'))
  const heard = Promise.withResolvers<Uint8Array>()
  const wire = await toRelay(heard.resolve)
  wire.send(encodeTlsFrame(2, utf8('y')))
  await heard.promise
  wire.close()
  front.close()
})

test('strangers of one source who say nothing leave room for nobody but themselves, and not for long', async () => {
  const { atHub, clock, front, stopHub, target, toHub } = await scene()
  const silent: Socket[] = []
  for (let i = 0; i < relayTlsStrangersPerHostMax; i++) {
    const socket = connect(target.port, target.host).on('error', () => undefined)
    silent.push(socket)
    await new Promise<void>((resolve) => socket.once('connect', resolve))
  }
  assert.ok(isHoldfastError(await toHub().catch((reason: unknown) => reason), 'unreachable'))
  assert.is(atHub.size, 0, 'nobody is passed on unread')
  const gone = Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
  clock.advance(relayTlsProofMsMax + 1)
  await gone
  // Those who are passed on are no strangers: more of them than that may come.
  for (let i = 0; i <= relayTlsStrangersPerHostMax; i++) await toHub()
  assert.is(atHub.size, relayTlsStrangersPerHostMax + 1)
  front.close()
  await stopHub()
})

test.run()
