// The door of a TLS relay over real sockets: its own client comes in, whoever lingers or asks for something else does not.

import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64, utf8 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { systemEntropy } from '../../shared/host/clock.ts'
import { relayTlsProofMsMax, relayTlsStrangersPerHostMax } from '../../shared/limits.ts'
import { dialTlsRelay } from '../drivers/tls-dial.ts'
import { encodeTlsFrame, parseTlsFrames, relayTlsProtocol } from './tls-frames.ts'
import type { TlsRelay } from './tls-relay.ts'
import { tlsRelayNode } from './tls-rig.fake.ts'
import { openTlsServer } from './tls-server.ts'
import type { TlsWire } from './tls-wire.ts'

/** A server whose relay takes everybody in after the first message, and sends each message back. */
async function serve() {
  const clock = new FakeClock()
  const wires: TlsWire[] = []
  let joined = false
  const relay: Pick<TlsRelay, 'accept'> = {
    accept(wire) {
      wires.push(wire)
      return {
        receive(message) {
          joined = true
          for (const { channel, payload } of parseTlsFrames(message) ?? []) wire.send(encodeTlsFrame(channel, payload))
        },
        alive: () => undefined,
        closed: () => void wires.splice(wires.indexOf(wire), 1),
        joined: () => joined,
      }
    },
  }
  const options = { relay, port: 0, signer: tlsRelayNode.signer, clock, entropy: systemEntropy, log: memoryLog() }
  const server = await openTlsServer(options)
  const target = { host: '127.0.0.1', port: server.port, timeoutMs: 30_000 }
  return { clock, server, wires, target: { ...target, deviceKey: fromBase64(tlsRelayNode.deviceKey) } }
}

function ended(socket: Socket): Promise<string> {
  const heard: Buffer[] = []
  return new Promise((resolve) => {
    socket.on('data', (bytes: Buffer) => heard.push(bytes))
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(Buffer.concat(heard).toString()))
  })
}

test('frames pass both ways over TLS and WebSocket, and both ends export the same', async () => {
  const { server, target, wires } = await serve()
  const heard: string[] = []
  const all = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<string>()
  const wire = await dialTlsRelay(target, {
    onMessage(message) {
      for (const { channel, payload } of parseTlsFrames(message) ?? []) heard.push(`${channel} ${payload.length}`)
      if (heard.length === 3) all.resolve()
    },
    onAlive: () => undefined,
    onClosed: closed.resolve,
  })
  assert.equal(wires[0]?.exported, wire.exported)
  wire.send(encodeTlsFrame(1, utf8('one')))
  wire.send(encodeTlsFrame(2, new Uint8Array(1_400)))
  wire.send(encodeTlsFrame(65_535, new Uint8Array(0)))
  await all.promise
  assert.equal(heard, ['1 3', '2 1400', '65535 0'])
  server.close()
  await closed.promise
})

test('another key in the record: untrusted, before a word is said', async () => {
  const { server, target, wires } = await serve()
  const silent = { onMessage: () => undefined, onAlive: () => undefined, onClosed: () => undefined }
  const error = await dialTlsRelay({ ...target, deviceKey: new Uint8Array(32).fill(7) }, silent).catch(
    (reason: unknown) => reason,
  )
  assert.ok(isHoldfastError(error, 'untrusted'))
  assert.is(wires.length, 0)
  server.close()
})

test('anything but the upgrade at /relay is not found', async () => {
  const { server, target } = await serve()
  for (const head of ['GET / HTTP/1.1', 'GET /mqtt HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket']) {
    const own = { rejectUnauthorized: false, ALPNProtocols: [relayTlsProtocol] }
    const socket = connectTls({ host: target.host, port: target.port, ...own })
    const answer = ended(socket)
    socket.write(`${head}\r\nHost: x\r\n\r\n`)
    assert.match(await answer, /^HTTP\/1\.1 404 Not Found/)
  }
  server.close()
})

test('who does not ask for the relay hears nothing at all', async () => {
  const { server, target, wires } = await serve()
  for (const protocols of [undefined, ['h2', 'http/1.1'], ['mqtt']]) {
    const offered = protocols === undefined ? {} : { ALPNProtocols: protocols }
    const socket = connectTls({ host: target.host, port: target.port, rejectUnauthorized: false, ...offered })
    assert.is(await ended(socket), '')
  }
  for (const words of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00\x00', 'x'.repeat(20_000)]) {
    const socket = connect(target.port, target.host)
    const answer = ended(socket)
    socket.write(words)
    assert.is(await answer, '')
  }
  assert.is(wires.length, 0)
  server.close()
})

test('who proves nothing is cut off in time, and only so many linger at once', async () => {
  const { clock, server, target } = await serve()
  const open: Promise<string>[] = []
  for (let i = 0; i < relayTlsStrangersPerHostMax; i++) {
    const socket = connect(target.port, target.host)
    open.push(ended(socket))
    await new Promise<void>((resolve) => socket.once('connect', resolve))
  }
  assert.is(await ended(connect(target.port, target.host)), '', 'one too many')
  clock.advance(relayTlsProofMsMax + 1)
  assert.equal([...new Set(await Promise.all(open))], [''])
  server.close()
})

test.run()
