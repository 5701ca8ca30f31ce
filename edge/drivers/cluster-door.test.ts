// The door to a cluster's API, at a server that behaves and at some that don't.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { createClusterDoor } from './cluster-door.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void
const servers: Server[] = []
test.after(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

async function doorTo(answer: Answer, token?: string) {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = new URL(`http://127.0.0.1:${port}`)
  return createClusterDoor(async () => (token === undefined ? { url } : { url, token }), systemClock)
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => 'none',
    (error: unknown) => (isHoldfastError(error) ? `${error.code}: ${error.message}` : String(error)),
  )
}

test('what is asked, and with which token; what is answered, refusals among it', async () => {
  const seen: unknown[] = []
  const door = await doorTo((request, response) => {
    seen.push([request.url, request.headers.authorization])
    if (request.url === '/no') response.writeHead(429, { 'retry-after': '7' }).end('later')
    else response.end('{}')
  }, 'secret')
  assert.equal(await door.get('/api/v1/pods?limit=250'), { status: 200, body: '{}' })
  assert.equal(await door.get('/no'), { status: 429, body: 'later', retryAfterS: 7 })
  assert.equal(seen, [
    ['/api/v1/pods?limit=250', 'Bearer secret'],
    ['/no', 'Bearer secret'],
  ])
})

test('a watch hands on each line as soon as it is whole, and ends with the server', async () => {
  const said = Promise.withResolvers<void>()
  const door = await doorTo((_, response) => {
    response.write('{"a":1}\n{"b"')
    void said.promise.then(() => response.end(':"ü"}\n'))
  })
  const lines: string[] = []
  const opened = Promise.withResolvers<void>()
  const onLine = (line: string): void => {
    lines.push(line)
    said.resolve()
  }
  const { ended } = door.watch('/w', { onLine, onOpen: opened.resolve, silenceMs: () => 5_000 })
  await opened.promise
  assert.is(await ended, undefined)
  assert.equal(lines, ['{"a":1}', '{"b":"ü"}'])
})

test('a watch that is refused says so; one that falls silent is lost; one whose lines are refused ends', async () => {
  const refusing = await doorTo((_, response) => response.writeHead(410).end('gone'))
  const events = { onLine: () => undefined, onOpen: () => undefined, silenceMs: () => 50 }
  assert.equal(await refusing.watch('/w', events).ended, { status: 410, body: 'gone' })
  const silent = await doorTo((_, response) => void response.write('{}\n'))
  assert.match(await codeOf(silent.watch('/w', events).ended), /^unreachable: nothing came/)
  const onLine = (): void => {
    throw new TypeError('unreadable')
  }
  assert.match(await codeOf(silent.watch('/w', { ...events, onLine }).ended), /unreadable/)
})

test('closing ends whatever runs; a server that is not there is said to be away', async () => {
  const opened = Promise.withResolvers<void>()
  const door = await doorTo((_, response) => void response.write('{}\n'))
  const { ended } = door.watch('/w', { onLine: () => undefined, onOpen: opened.resolve, silenceMs: () => 60_000 })
  await opened.promise
  door.close()
  assert.match(await codeOf(ended), /^unreachable: the agent stops/)
  const nowhere = createClusterDoor(async () => ({ url: new URL('http://127.0.0.1:1') }), systemClock)
  assert.match(await codeOf(nowhere.get('/')), /^unreachable: the API server at 127\.0\.0\.1:1 is not reached/)
})

test('a refusal without end is not gathered', async () => {
  const door = await doorTo((_, response) => {
    response.writeHead(500)
    const more = (): void => void (response.write('x'.repeat(65_536)) && setImmediate(more))
    response.on('drain', more)
    more()
  })
  assert.match(await codeOf(door.get('/')), /^too-large/)
})

test.run()
