// Real sockets and pages on loopback: bounds hold, nobody else gets a word in, and nothing stays open.

import { createSocket, type Socket } from 'node:dgram'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { stayAwake } from '../../shared/host/process.ts'
import { routerPageBytesMax } from '../../shared/limits.ts'
import { createRouterDoors } from './router-doors.ts'

const test = suite('router doors')
// The sockets under test keep no process alive.
let sleep: () => void
test.before(() => void (sleep = stayAwake()))
test.after(() => sleep())

const HERE = '127.0.0.1' as Address
const doors = createRouterDoors(memoryLog())
const never = new AbortController().signal

async function bound(): Promise<{ readonly socket: Socket; readonly port: number }> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, HERE, resolve))
  return { socket, port: socket.address().port }
}

/** One page, served by `listener`. */
async function fetched(listener: RequestListener, signal = never, body?: string) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, HERE, resolve))
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/root.xml`)
  try {
    const post = body === undefined ? {} : { post: { headers: { SOAPAction: '"x#y"' }, body } }
    return await doors.page({ local: HERE, url, ...post }, signal)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

async function fails(run: Promise<unknown>): Promise<void> {
  try {
    await run
  } catch (error) {
    assert.ok(isHoldfastError(error, 'unreachable'), String(error))
    return
  }
  assert.unreachable('it should have failed')
}

test('a question and its answer; what others send is not heard', async () => {
  const [router, stranger] = [await bound(), await bound()]
  const heard = Promise.withResolvers<string>()
  const at = parseEndpoint(`127.0.0.1:${router.port}`)
  router.socket.once('message', (_, from) => {
    stranger.socket.send('lie', from.port, from.address, () => router.socket.send('answer', from.port, from.address))
  })
  const onMessage = (bytes: Uint8Array, from: string): void => heard.resolve(`${Buffer.from(bytes).toString()} ${from}`)
  const asking = await doors.open(HERE, at, { onMessage })
  asking.send(Buffer.from('question'), at)
  assert.is(await heard.promise, `answer ${at}`)
  asking.close()
  asking.close()
  router.socket.close()
  stranger.socket.close()
})

test('nobody listens there: told at once', async () => {
  const port = await ownPort()
  const refused = Promise.withResolvers<void>()
  const at = parseEndpoint(`127.0.0.1:${port}`)
  const asking = await doors.open(HERE, at, { onMessage: () => undefined, onRefused: refused.resolve })
  asking.send(Buffer.from('question'), at)
  await refused.promise
  asking.close()
})

test('an address that is not ours can’t be spoken from', async () => {
  try {
    await doors.open('192.0.2.7' as Address, undefined, { onMessage: () => undefined })
  } catch {
    return
  }
  assert.unreachable()
})

test('a page, and an action', async () => {
  const page = await fetched(
    (request, response) => {
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString()))
      request.on('end', () =>
        response.writeHead(500).end(`${request.method} ${String(request.headers['soapaction'])} ${body}`),
      )
    },
    never,
    '<x/>',
  )
  assert.equal(page, { status: 500, body: 'POST "x#y" <x/>' })
  assert.is((await fetched((_, response) => response.end('fine'))).body, 'fine')
})

test('a page that is too long, leads elsewhere, breaks off or is not wanted any more', async () => {
  await fails(fetched((_, response) => response.end('x'.repeat(routerPageBytesMax + 1))))
  const away = await fetched((_, response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end())
  assert.is(away.status, 302, 'nobody follows')
  await fails(
    fetched((_, response) => {
      response.writeHead(200, { 'Content-Length': 100 }).write('begun', () => response.destroy())
    }),
  )
  await fails(fetched((request) => request.socket.end('noise\r\n\r\n')))
  const abort = new AbortController()
  await fails(fetched(() => abort.abort(), abort.signal))
})

test('calls of routers are heard beside other programs that hear them', async () => {
  const [one, two] = [await doors.listen(() => undefined), await doors.listen(() => undefined)]
  assert.ok(one !== undefined && two !== undefined)
  one?.close()
  two?.close()
})

test.run()
