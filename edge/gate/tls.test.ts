// Connections through the gate, on this machine's own addresses: what goes in comes out, both ways and to the end, at the service
// that was asked for; and who has no business there, or says nothing sensible, is sent away.

import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { gatePerSourceMax } from '../../shared/service-limits.ts'
import { createGate, type Gate } from './gate.ts'
import type { TlsListener, TlsRoute } from './listener.ts'
import { createGateBook, type GateLed, ledLine, type OnLed } from './told.ts'

const doors = { clock: systemClock, entropy: systemEntropy }
const HOME = parseAddress('127.0.0.1')
const LOCAL = parseCidr('127.0.0.0/8')

async function listening(server: Server): Promise<number> {
  server.listen(0, HOME)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Says its name, and what it heard once the other side has ended. */
async function backend(name: string): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    void text(socket).then((heard) => socket.end(`${name} ${Buffer.byteLength(heard)}`))
  })
  return { server, port: await listening(server) }
}

/** The first words of a real client that asks for that name. */
async function wordsFor(servername: string): Promise<Buffer> {
  const server = createServer()
  const client = connectTls({ port: await listening(server), host: HOME, servername })
  client.on('error', () => undefined)
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [words] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return words
}

async function opened(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  for (;;) {
    const socket = createConnection({ host: HOME, port, localAddress, allowHalfOpen: true })
    try {
      await once(socket, 'connect')
      return socket
    } catch (error) {
      // The gate listens in a moment.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
    }
  }
}

/** All that comes back, as text, or why it ended. */
async function answerTo(socket: Socket, ...words: readonly (string | Buffer)[]): Promise<string> {
  for (const word of words) socket.write(word)
  try {
    return await text(socket)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    socket.destroy()
  }
}

/** The same of a new connection, which may be reset before it is there. */
async function asked(port: number, words: string | Buffer, localAddress?: string): Promise<string> {
  try {
    return await answerTo(await opened(port, localAddress), words)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

interface Rig {
  readonly gate: Gate
  readonly port: number
  readonly said: string[]
  /** For whom services were asked, as the agent is told. */
  readonly told: () => readonly GateLed[]
  readonly lead: (...routes: readonly TlsRoute[]) => void
  readonly close: () => void
}

async function rig(): Promise<Rig> {
  const said: string[] = []
  const book = createGateBook()
  const note: OnLed = (inside, outside) => book.hear(ledLine(inside, outside) ?? '')
  const [gate, port] = [createGate(doors, (words) => void said.push(words), note), await ownPort()]
  const listener = (routes: readonly TlsRoute[]): TlsListener => ({ protocol: 'TLS', address: HOME, port, routes })
  return {
    gate,
    port,
    said,
    told: () => book.all(),
    lead: (...routes) => void gate.follow([listener(routes)]),
    close: () => gate.close(),
  }
}

const route = (name: string, port: number, from = [LOCAL]): TlsRoute => {
  return { hostnames: [name], from, to: { address: HOME, port } }
}

const UNRECOGNIZED = '\u0015\u0003\u0001\u0000\u0002\u0002p'

test('each name leads to its service, the whole name before a wildcard, and a half-closed connection goes on', async () => {
  const [one, two, words] = [await backend('one'), await backend('two'), await wordsFor('a.example.com')]
  const { close, lead, port, told } = await rig()
  const ask = async (hello: Buffer): Promise<string> => {
    const socket = await opened(port)
    // In pieces, and with more behind it.
    for (const part of [hello.subarray(0, 3), hello.subarray(3, 90), hello.subarray(90)]) {
      socket.write(part)
      await new Promise((go) => setImmediate(go))
    }
    socket.end('more')
    return await answerTo(socket)
  }
  lead(route('*.example.com', one.port), route('a.example.com', two.port))
  assert.is(await ask(words), `two ${counted(words)}`)
  lead(route('*.example.com', one.port))
  assert.is(await ask(words), `one ${counted(words)}`)
  const below = await wordsFor('b.a.example.com')
  assert.is(await asked(port, below), UNRECOGNIZED)
  assert.equal(
    told().map(({ to }) => to),
    [two, one].map((each) => ({ address: HOME, port: each.port })),
  )
  assert.ok(told().every(({ outside, port: own }) => outside.address === HOME && outside.port !== own))
  close()
  for (const { server } of [one, two]) server.close()
})

/** As the backend counts them, with four more. */
function counted(words: Buffer): number {
  return Buffer.byteLength(`${words.toString('utf8')}more`)
}

test('all of a long answer arrives, though the client has said its last word and reads slowly', async () => {
  const whole = Buffer.alloc(4 * 1_024 * 1_024, 'x')
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).resume()
    socket.on('end', () => socket.end(whole))
  })
  const { close, lead, port } = await rig()
  lead(route('a.example.com', await listening(server)))
  const socket = await opened(port)
  socket.end(await wordsFor('a.example.com'))
  let came = 0
  for await (const chunk of socket) {
    came += (chunk as Buffer).length
    await new Promise((go) => setImmediate(go))
  }
  assert.is(came, whole.length)
  close()
  server.close()
})

test('who may not come, asks for what is not here, or does not speak TLS is sent away', async () => {
  const one = await backend('one')
  const { close, lead, port } = await rig()
  lead(route('a.example.com', one.port, [parseCidr('127.0.0.2/32')]), route('b.example.com', one.port))
  const [a, b] = [await wordsFor('a.example.com'), await wordsFor('b.example.com')]
  assert.is(await asked(port, a), UNRECOGNIZED)
  assert.is(await asked(port, 'GET / HTTP/1.1\r\n\r\n'), UNRECOGNIZED)
  const [fine, finer] = [await opened(port), await opened(port, '127.0.0.2')]
  fine.end(b)
  finer.end(a)
  assert.match(await answerTo(fine), /^one /)
  assert.match(await answerTo(finer), /^one /)
  lead(route('a.example.com', one.port, [parseCidr('127.0.0.2/32')]))
  assert.is(await asked(port, a), 'ECONNRESET')
  close()
  one.server.close()
})

test('a service that refuses is a connection that is reset', async () => {
  const { close, lead, port } = await rig()
  lead(route('a.example.com', await ownPort()))
  assert.is(await asked(port, await wordsFor('a.example.com')), 'ECONNRESET')
  close()
})

test('one source has so many connections and no more, and gets others when it ends some', async () => {
  const { close, lead, port } = await rig()
  lead(route('a.example.com', await ownPort()))
  const held = await Promise.all(Array.from({ length: gatePerSourceMax }, () => opened(port)))
  assert.is(await asked(port, 'x'), 'ECONNRESET')
  assert.is(await asked(port, 'x', '127.0.0.2'), UNRECOGNIZED)
  for (const socket of held) socket.destroy()
  for (let answer = ''; answer !== UNRECOGNIZED; ) answer = await asked(port, 'x')
  close()
})

test('an address that somebody else has is told, and tried anew with the next word', async () => {
  const taken = createServer()
  const port = await listening(taken)
  const said: string[] = []
  const told = Promise.withResolvers<undefined>()
  const gate = createGate(
    doors,
    (words) => {
      said.push(words)
      told.resolve(undefined)
    },
    () => undefined,
  )
  const listeners = [{ protocol: 'TLS', address: HOME, port, routes: [route('a.example.com', 1)] }] as const
  await gate.follow(listeners)
  await told.promise
  assert.equal(said, [`127.0.0.1:${port} can't be listened at: EADDRINUSE`])
  taken.close()
  await once(taken, 'close')
  await gate.follow(listeners)
  assert.is(await asked(port, 'x'), UNRECOGNIZED)
  gate.close()
})

test.run()
