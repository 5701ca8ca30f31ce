// Services behind a gate of HTTP, and clients in front of it that say exactly what a test wants said.

import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, createConnection, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { createGate } from './gate.ts'
import type { HttpRoute } from './listener.ts'
import { createGateBook, ledLine, type OnLed } from './told.ts'

/** @testonly */
export const HOME = parseAddress('127.0.0.1')
const LOCAL = parseCidr('127.0.0.0/8')

/** @testonly */
export interface Service {
  readonly port: number
  /** Each request that came, as `METHOD target`. */
  readonly heard: string[]
  readonly last: () => IncomingMessage | undefined
  readonly close: () => void
}

async function listening(server: Server): Promise<number> {
  server.listen(0, HOME)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Says its name, what was asked, and what it heard, to its end. @testonly */
export async function service(name: string): Promise<Service> {
  const heard: string[] = []
  let last: IncomingMessage | undefined
  const server = createServer((request, response) => {
    last = request
    heard.push(`${request.method} ${request.url}`)
    void text(request).then(
      (body) => response.end(`${name} ${request.method} ${request.url} ${body};`),
      () => undefined,
    )
  })
  server.maxHeadersCount = 0
  server.on('upgrade', (request: IncomingMessage, socket: Socket, first: Buffer) => {
    last = request
    heard.push(`${request.headers.upgrade} ${request.url}`)
    socket.write(`HTTP/1.1 101 Fine\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: ${name}\r\n\r\n`)
    socket.write(first)
    socket.pipe(socket)
  })
  const port = await listening(server)
  return {
    port,
    heard,
    last: () => last,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Says these words to whoever comes and asks, whatever they are. @testonly */
export async function sayer(words: string): Promise<{ readonly port: number; readonly close: () => void }> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(words))
  })
  return { port: await listening(server), close: () => void server.close() }
}

/** @testonly */
export function route(port: number, more: Partial<HttpRoute> = {}): HttpRoute {
  return { from: [LOCAL], to: { address: HOME, port }, ...more }
}

/** @testonly */
export async function rig() {
  const book = createGateBook()
  const note: OnLed = (inside, outside) => book.hear(ledLine(inside, outside) ?? '')
  const [gate, port] = [
    createGate({ clock: systemClock, entropy: systemEntropy }, () => undefined, note),
    await ownPort(),
  ]
  return {
    port,
    /** For whom services were asked, as the agent is told. */
    told: () => book.all(),
    close: () => gate.close(),
    lead: async (...routes: readonly HttpRoute[]) => {
      await gate.follow([{ protocol: 'HTTP', address: HOME, port, routes }])
      // It listens in a moment.
      const probe = await opened(port).catch(() => undefined)
      probe?.destroy()
    },
    /** Nothing is led there any more. */
    end: () => gate.follow([]),
  }
}

/** @testonly */
export async function opened(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  for (;;) {
    const socket = createConnection({ host: HOME, port, localAddress })
    socket.on('error', () => undefined)
    try {
      await once(socket, 'connect')
      return socket
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
    }
  }
}

/** Says it on a new connection; all that comes back until it ends, or why it broke off. @testonly */
export async function say(port: number, words: string | Buffer, localAddress?: string): Promise<string> {
  const parts: Buffer[] = []
  try {
    const socket = await opened(port, localAddress)
    socket.on('data', (part) => void parts.push(part))
    socket.write(words)
    await once(socket, 'close')
  } catch (error) {
    parts.push(Buffer.from((error as NodeJS.ErrnoException).code ?? String(error)))
  }
  return Buffer.concat(parts).toString('latin1')
}

/** The statuses of all answers in what came back. @testonly */
export function statuses(back: string): readonly number[] {
  return Array.from(back.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status))
}

/** @testonly */
export const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`
