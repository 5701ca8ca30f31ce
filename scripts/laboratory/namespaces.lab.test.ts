// Sockets and programs of a network namespace, the host's own and one for a further network alike.

import { execFileSync } from 'node:child_process'
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findBpfProgram } from '../../edge/drivers/bpf-program.ts'
import { createRunner } from '../../edge/drivers/command.ts'
import { hostNamespace, type Namespace } from '../../edge/drivers/namespace.ts'
import { openOwnNamespace } from '../../edge/drivers/own-namespace.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { testInOwnNamespace } from './own-namespace.ts'

const ip = (...words: readonly string[]): string => execFileSync('ip', words, { encoding: 'utf8' })
const run = createRunner(memoryLog())

/** Those of IPv6 to be bound to at once. */
function addAddresses(...where: readonly string[]): void {
  for (const address of ['10.77.0.1/24', '10.77.0.2/32']) ip(...where, 'address', 'add', address, 'dev', 'lo')
  for (const address of ['fd77::1/64', 'fd77::2/128']) ip(...where, 'address', 'add', address, 'dev', 'lo', 'nodad')
}

function datagrams(family: 4 | 6): Datagrams {
  return createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only: family === 6 })
}

async function bound(inside: Namespace, family: 4 | 6, address: string, port: number): Promise<Datagrams> {
  const socket = datagrams(family)
  const listening = once(socket, 'listening')
  inside.bindUdp(socket, { address, port })
  await listening
  return socket
}

async function errorOf(owner: Datagrams | Server, start: () => void): Promise<string> {
  const failed = once(owner, 'error')
  start()
  const [error] = (await failed) as [NodeJS.ErrnoException]
  return error.code ?? error.message
}

async function converse(inside: Namespace, address: string, own: string): Promise<string> {
  const server = createServer((socket) => socket.end(`${socket.remoteAddress}`))
  const listening = once(server, 'listening')
  inside.listen(server, { address, port: 7_001 })
  await listening
  const socket = await inside.connect({ host: address, port: 7_001, localAddress: own })
  const heard = await read(socket)
  server.close()
  return heard
}

async function read(socket: Socket): Promise<string> {
  let text = ''
  for await (const part of socket) text += String(part)
  return text
}

/** What holds wherever the mesh is. */
function defineConformance(what: string, open: () => Promise<Namespace>): void {
  test(`${what}: datagrams of both families come from where they are bound to`, async () => {
    const inside = await open()
    for (const [family, one, other] of [
      [4, '10.77.0.1', '10.77.0.2'],
      [6, 'fd77::1', 'fd77::2'],
    ] as const) {
      const sockets = [await bound(inside, family, one, 7_000), await bound(inside, family, other, 7_000)]
      const heard = once(sockets[1] as Datagrams, 'message')
      sockets[0]?.send('x', 7_000, other)
      const [, from] = (await heard) as [Buffer, { address: string; port: number }]
      assert.equal([from.address, from.port], [one, 7_000])
      for (const socket of sockets) socket.close()
    }
  })

  test(`${what}: a socket without a place is connected, and asks`, async () => {
    const inside = await open()
    const server = await bound(inside, 4, '10.77.0.1', 7_002)
    const socket = datagrams(4)
    const heard = once(server, 'message')
    socket.once('listening', () => socket.connect(7_002, '10.77.0.1', () => socket.send('asks')))
    inside.bindUdp(socket, { family: 4 })
    const [words] = (await heard) as [Buffer]
    assert.is(words.toString(), 'asks')
    for (const one of [server, socket]) one.close()
  })

  test(`${what}: connections of both families, from an address of choice`, async () => {
    const inside = await open()
    assert.is(await converse(inside, '10.77.0.1', '10.77.0.2'), '10.77.0.2')
    assert.is(await converse(inside, 'fd77::1', 'fd77::2'), 'fd77::2')
  })

  test(`${what}: what can't be is told by the socket, in the kernel's word`, async () => {
    const inside = await open()
    const [socket, server] = [datagrams(4), createServer()]
    assert.is(
      await errorOf(socket, () => inside.bindUdp(socket, { address: '10.99.9.9', port: 7_000 })),
      'EADDRNOTAVAIL',
    )
    const held = createServer()
    const listening = once(held, 'listening')
    inside.listen(held, { address: '10.77.0.1', port: 7_003 })
    await listening
    assert.is(await errorOf(server, () => inside.listen(server, { address: '10.77.0.1', port: 7_003 })), 'EADDRINUSE')
    held.close()
    const refused = await inside.connect({ host: '10.77.0.1', port: 7_004 })
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
    assert.is(error.code, 'ECONNREFUSED')
  })

  test(`${what}: who is closed meanwhile holds nothing`, async () => {
    const inside = await open()
    const server = createServer()
    inside.listen(server, { address: '10.77.0.1', port: 7_005 })
    const closed = once(server, 'close')
    server.close()
    await closed
    const next = createServer()
    const listening = once(next, 'listening')
    inside.listen(next, { address: '10.77.0.1', port: 7_005 })
    await listening
    next.close()
  })

  test(`${what}: programs run there, and its figures are read`, async () => {
    const inside = await open()
    const links = JSON.parse(await inside.run('ip', ['-j', 'link', 'show'])) as readonly { ifname: string }[]
    for (const { ifname } of links) assert.match(inside.procNet('dev'), `${ifname}:`)
    assert.match(inside.id() ?? '', /^\d+$/)
    assert.is((await inside.run('readlink', ['/proc/self/ns/net'])).trim(), `net:[${inside.id()}]`)
  })
}

testInOwnNamespace('sockets of network namespaces', import.meta.url, () => {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run'])
  // What programs inside are told lies below /etc, which is this machine's.
  mkdirSync('/run/etc')
  execFileSync('mount', ['--bind', '/run/etc', '/etc'])
  const options = { name: 'hf-blue', program: findBpfProgram(), run, clock: systemClock, log: memoryLog() }
  let own: Promise<Namespace> | undefined
  const openOwn = async (): Promise<Namespace> => {
    const first = own === undefined
    own ??= openOwnNamespace(options)
    const inside = await own
    if (first) {
      addAddresses('-n', 'hf-blue')
    }
    return inside
  }
  ip('link', 'set', 'lo', 'up')
  addAddresses()
  defineConformance('the host’s', async () => hostNamespace(run))
  defineConformance('one of its own', openOwn)

  test('the two are apart: the same endpoint may be held in both', async () => {
    const [host, inside] = [hostNamespace(run), await openOwn()]
    const sockets = [await bound(host, 4, '10.77.0.1', 7_006), await bound(inside, 4, '10.77.0.1', 7_006)]
    assert.is.not(host.id(), inside.id())
    for (const socket of sockets) socket.close()
  })

  test('one of its own forwards, and names a server to programs inside, as long as it is there', async () => {
    const inside = await openOwn()
    assert.is((await inside.run('cat', ['/proc/sys/net/ipv4/ip_forward'])).trim(), '1')
    assert.is((await inside.run('cat', ['/proc/sys/net/ipv6/conf/all/forwarding'])).trim(), '1')
    assert.equal([...inside.forwarding()], [4, 6])
    inside.tellNames?.(['10.77.0.1', 'fd77::1'])
    assert.is(readFileSync('/etc/netns/hf-blue/resolv.conf', 'utf8'), 'nameserver 10.77.0.1\nnameserver fd77::1\n')
    assert.is(statSync('/etc/netns/hf-blue/resolv.conf').mode & 0o777, 0o644)
    await inside.remove?.()
    assert.not(existsSync('/run/netns/hf-blue'))
    assert.not(existsSync('/etc/netns/hf-blue'))
  })

  test('without the program that makes sockets, and without the right to, it says so', async () => {
    const why = async (changed: Partial<typeof options>): Promise<string> =>
      await openOwnNamespace({ ...options, ...changed }).then(
        () => 'opened',
        (error: Error) => error.message,
      )
    assert.match(await why({ program: undefined }), 'no holdfast-bpf')
    assert.match(await why({ name: 'hf-red', program: '/bin/false' }), 'can’t be entered'.replace('’', "'"))
    ip('netns', 'del', 'hf-red')
  })
})
