// The control socket without the rules: a socket at WireGuard's port that sends everything on stands in for them.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Endpoint, parseEndpoint } from '../../shared/address/endpoint.ts'
import { compareText, toHex, utf8 } from '../../shared/bytes.ts'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { loopbacks } from '../../shared/host/loopback.fake.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import type { FrameSocket } from '../paths/doors.ts'
import { createControlSocket } from './control-socket.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

async function bound(type: 'udp4' | 'udp6', port = 0): Promise<Socket> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' }).unref()
  socket.bind(port, type === 'udp4' ? '127.0.0.1' : '::1')
  await once(socket, 'listening')
  return socket
}

interface Scene {
  readonly socket: FrameSocket
  /** At WireGuard's port. */
  readonly wireguard: Socket
  readonly controlPort: number
  readonly lines: LogLine[]
}

/** The second port is this test's own, and nobody listens there yet. */
async function scene(): Promise<Scene> {
  const wireguard = await bound('udp4')
  const controlPort = await ownPort()
  const lines: LogLine[] = []
  const ports = { listenPort: wireguard.address().port, controlPort }
  const socket = createControlSocket({ ...ports, clock: systemClock, entropy: systemEntropy, log: memoryLog(lines) })
  return { socket, wireguard, controlPort, lines }
}

/** Sends on to the control port what begins as a frame, as the rules do. */
function share({ controlPort, wireguard }: Scene): void {
  wireguard.on('message', (bytes) => {
    if (bytes[0] === 0xf0) wireguard.send(bytes, controlPort, '127.0.0.1')
  })
}

function end({ socket, wireguard }: Scene): Promise<void> {
  wireguard.close()
  return socket.close()
}

test('a shared port is found out; frames come with where they are from, in both families', async () => {
  const one = await scene()
  share(one)
  const peers = await Promise.all(loopbacks().map((host) => bound(host === '::1' ? 'udp6' : 'udp4')))
  const heard: [string, Endpoint][] = []
  const arrived = Promise.withResolvers<void>()
  const open = one.socket.open((bytes, from) => {
    heard.push([toHex(bytes), from])
    if (heard.length === peers.length) arrived.resolve()
  })
  assert.is(await open, true)
  const endpoints = peers.map((peer) => {
    const { address, port } = peer.address()
    return parseEndpoint(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)
  })
  for (const [at, peer] of peers.entries()) peer.send(Uint8Array.of(at), one.controlPort, peer.address().address)
  await arrived.promise
  assert.equal(
    heard.sort(([a], [b]) => compareText(a, b)),
    endpoints.map((endpoint, at) => [`0${at}`, endpoint]),
  )
  for (const [at, peer] of peers.entries()) {
    const answered = once(peer, 'message')
    one.socket.send(utf8('hello'), endpoints[at] as Endpoint, 3)
    const [answer] = await answered
    assert.is(String(answer), 'hello')
    peer.close()
  }
  await end(one)
})

test('a port that nobody shares is given back', async () => {
  const one = await scene()
  assert.is(await one.socket.open(() => undefined), false)
  const again = await bound('udp4', one.controlPort)
  again.close()
  await end(one)
})

test('who answers at WireGuard’s port from another port shares nothing', async () => {
  const one = await scene()
  const wrong = await bound('udp4')
  one.wireguard.on('message', (bytes) => wrong.send(bytes, one.controlPort, '127.0.0.1'))
  assert.is(await one.socket.open(() => undefined), false)
  wrong.close()
  await end(one)
})

test('a taken control port is told, and the agent goes on without', async () => {
  const one = await scene()
  const squatter = createSocket('udp4')
  squatter.bind(one.controlPort)
  await once(squatter, 'listening')
  assert.is(await one.socket.open(() => undefined), false)
  assert.ok(one.lines.some(({ level, message }) => level === 'warn' && message.includes('control port')))
  squatter.close()
  await end(one)
})

test('closed while it opens, it is closed', async () => {
  const one = await scene()
  // Its question has arrived, and nobody sends it on.
  const asked = once(one.wireguard, 'message')
  const opening = one.socket.open(() => undefined)
  await asked
  await one.socket.close()
  assert.is(await opening, false)
  for (const host of loopbacks()) (await bound(host === '::1' ? 'udp6' : 'udp4', one.controlPort)).close()
  await end(one)
})

test('what can’t be sent is lost and nothing else', async () => {
  const one = await scene()
  share(one)
  one.socket.send(utf8('before it is open'), parseEndpoint('127.0.0.1:9'))
  const echo = Promise.withResolvers<string>()
  assert.is(await one.socket.open((bytes) => echo.resolve(toHex(bytes))), true)
  const itself = parseEndpoint(`127.0.0.1:${one.wireguard.address().port}`)
  one.socket.send(new Uint8Array(70_000), itself)
  one.socket.send(utf8('no route'), parseEndpoint('[2001:db8::1]:9'))
  one.socket.send(utf8('not for us'), parseEndpoint('255.255.255.255:9'))
  one.socket.send(utf8('no such TTL'), itself, 0)
  one.socket.send(Uint8Array.of(0xf0, 7), itself, 1)
  assert.is(await echo.promise, 'f007')
  await one.socket.close()
  one.socket.send(utf8('after it was closed'), itself)
  await end(one)
})

test.run()
