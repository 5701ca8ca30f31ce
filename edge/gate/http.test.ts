// Requests through the gate, on this machine's own addresses: each goes where it asks for, whole and as it is said, and who has
// no business there, or is not clear, is told so.

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { gatePerSourceMax } from '../../shared/service-limits.ts'
import { HOME, head, opened, rig, route, say, sayer, service, statuses } from './http-rig.fake.ts'

const CLOSE = 'Connection: close'

test('each request of a connection goes where it asks for itself, one after the other and all at once', async () => {
  const [one, two] = [await service('one'), await service('two')]
  const { close, lead, port } = await rig()
  await lead(
    route(one.port, { hostnames: ['a.example.com'] }),
    route(two.port, { hostnames: ['a.example.com'], paths: [{ type: 'Prefix', value: '/two' }] }),
    route(two.port, { hostnames: ['*.b.example.com'] }),
  )
  const asks = [
    head('GET /x HTTP/1.1', 'Host: a.example.com'),
    `${head('POST /two?q HTTP/1.1', 'Host: a.example.com', 'Content-Length: 5')}words`,
    `${head('PUT /two/ HTTP/1.1', 'Host: A.example.com', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`,
    head('GET / HTTP/1.1', 'Host: nobody.example.com'),
    head('GET http://x.y.b.example.com/y HTTP/1.1', 'Host: x.y.b.example.com', CLOSE),
  ]
  const back = await say(port, asks.join(''))
  assert.equal(statuses(back), [200, 200, 200, 404, 200])
  assert.equal(back.match(/(?:one|two) [A-Z]+ \S+ [^;]*/g), [
    'one GET /x ',
    'two POST /two?q words',
    'two PUT /two/ abc',
    'two GET /y ',
  ])
  // The same, each after the answer to the one before.
  const socket = await opened(port)
  let heard = ''
  socket.on('data', (part) => (heard += String(part)))
  for (const [at, words] of asks.entries()) {
    socket.write(words)
    while (statuses(heard).length <= at) await once(socket, 'data')
  }
  assert.equal(statuses(heard), [200, 200, 200, 404, 200])
  assert.equal([one.heard.length, two.heard.length], [2, 6])
  for (const each of [one, two]) each.close()
  close()
})

test('requests of one path are led by method, header and query, and keep all three', async () => {
  const [one, two] = [await service('one'), await service('two')]
  const { close, lead, port } = await rig()
  const every = { type: 'Prefix', value: '/' } as const
  await lead(
    route(one.port),
    route(two.port, {
      paths: [
        { ...every, method: 'DELETE' },
        { ...every, headers: [{ name: 'x-env', value: 'dev' }] },
        { ...every, queryParams: [{ name: 'page', value: '2 3' }] },
      ],
    }),
  )
  const asks = [
    head('DELETE /a HTTP/1.1', 'Host: a'),
    head('GET /b HTTP/1.1', 'Host: a', 'X-Env: dev'),
    head('GET /c?page=2+3 HTTP/1.1', 'Host: a'),
    head('GET /d HTTP/1.1', 'Host: a', 'X-Env: prod', CLOSE),
  ]
  const back = await say(port, asks.join(''))
  assert.equal(back.match(/(?:one|two) [A-Z]+ \S+/g), [
    'two DELETE /a',
    'two GET /b',
    'two GET /c?page=2+3',
    'one GET /d',
  ])
  assert.is(two.heard.length, 3)
  for (const each of [one, two]) each.close()
  close()
})

test('who is sent on is told where to, and stays on the connection', async () => {
  const one = await service('one')
  const { close, lead, port } = await rig()
  await lead(
    route(one.port, { hostnames: ['new.example.com'] }),
    route(one.port, { redirect: { status: 308, scheme: 'https' } }),
  )
  const away = head('GET //x/y?z HTTP/1.1', 'Host: A.example.com:80')
  const back = await say(port, away + head('GET / HTTP/1.1', 'Host: new.example.com', CLOSE))
  assert.equal(statuses(back), [308, 200])
  assert.match(back, /\r\nLocation: https:\/\/a\.example\.com\/\/x\/y\?z\r\n/)
  assert.equal(one.heard, ['GET /'])
  one.close()
  close()
})

test('a service is told who asks, and its answer comes as it is', async () => {
  const one = await service('one')
  const { close, lead, port, told } = await rig()
  await lead(route(one.port))
  const words = head(
    'GET / HTTP/1.1',
    'Host: a:80',
    'X-Forwarded-For: 8.8.8.8',
    'Cookie: a=b',
    'Connection: close, cookie',
  )
  const back = await say(port, words, '127.0.0.3')
  assert.match(back, /\r\n\r\none GET \/ ;$/)
  const { 'x-forwarded-for': source, 'x-forwarded-host': host, cookie, connection } = one.last()?.headers ?? {}
  assert.equal(
    [source, host, cookie, connection, one.last()?.headers.host],
    ['127.0.0.3', 'a:80', undefined, 'close', 'a:80'],
  )
  const [asked, more] = told()
  assert.equal([asked?.outside.address, asked?.to, more], ['127.0.0.3', { address: HOME, port: one.port }, undefined])
  assert.ok((asked?.port ?? 0) > 0)
  one.close()
  const cookies =
    'HTTP/1.1 299 Odd\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: X-Own\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nok'
  const two = await sayer(cookies)
  await lead(route(two.port))
  const plain = await say(port, head('GET / HTTP/1.1', 'Host: a', CLOSE))
  assert.match(plain, /^HTTP\/1\.1 299 /)
  assert.match(plain, /Set-Cookie: a\r\nSet-Cookie: b\r\n/)
  // The clock of a device may be wrong, and what is between two neighbours stays there.
  assert.not.match(plain, /X-Own|Date/)
  two.close()
  close()
})

test('who may not come, asks for what is not there, or for what answers by itself, is told so', async () => {
  const one = await service('one')
  const { close, lead, port } = await rig()
  const others = { from: [parseCidr('127.0.0.2/32')] }
  await lead(
    route(one.port, { hostnames: ['a.b'] }),
    route(one.port, { hostnames: ['a.b'], paths: [{ type: 'Prefix', value: '/admin' }], ...others }),
    route(one.port, { hostnames: ['a.b'], paths: [{ type: 'Exact', value: '/off' }], answer: 500 }),
    route(await ownPort(), { hostnames: ['nobody.b'] }),
  )
  const ask = async (host: string, target: string, from?: string) =>
    statuses(await say(port, head(`GET ${target} HTTP/1.1`, `Host: ${host}`, CLOSE), from))[0]
  assert.equal(
    [
      await ask('a.b', '/'),
      await ask('a.b', '/admin'),
      await ask('a.b', '//%61dmin/x'),
      await ask('a.b', '/admin', '127.0.0.2'),
      await ask('a.b', '/off'),
      await ask('nobody.b', '/'),
      await ask('c.b', '/'),
    ],
    [200, 404, 404, 200, 500, 503, 404],
  )
  assert.is(one.heard.length, 2)
  await lead(route(one.port, others))
  assert.match(await say(port, head('GET / HTTP/1.1', 'Host: a.b', CLOSE)), /^(?:ECONNRESET)?$/)
  one.close()
  close()
})

test('what is long comes through both ways, whole, and before it has ended', async () => {
  const { close, lead, port } = await rig()
  const { createServer } = await import('node:http')
  const echo = createServer((asked, answer) => void asked.pipe(answer)).listen(0, HOME)
  await once(echo, 'listening')
  await lead(route((echo.address() as { readonly port: number }).port))
  const part = Buffer.alloc(64 * 1_024, 'holdfast ')
  for (const headers of [{}, { 'content-length': part.length * 64 }]) {
    const client = request({ host: HOME, port, method: 'POST', headers, agent: false })
    client.write(part)
    const [answer] = (await once(client, 'response')) as [IncomingMessage]
    const all = text(answer)
    for (let count = 1; count < 64; count++) if (!client.write(part)) await once(client, 'drain')
    client.end()
    assert.is((await all) === String(part).repeat(64), true)
  }
  echo.close()
  close()
})

test('a WebSocket goes both ways until it ends; whoever refuses one is heard, and nothing else takes a connection over', async () => {
  const one = await service('one')
  const { close, lead, port } = await rig()
  await lead(route(one.port, { hostnames: ['a.b'] }))
  const upgrade = ['Host: a.b', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x']
  const socket = await opened(port)
  socket.write(`${head('GET /chat HTTP/1.1', ...upgrade)}early`)
  let heard = ''
  socket.on('data', (more) => (heard += String(more)))
  while (!heard.endsWith('early')) await once(socket, 'data')
  socket.write('more')
  while (!heard.endsWith('more')) await once(socket, 'data')
  assert.match(heard, /^HTTP\/1\.1 101 Switching Protocols\r\n(?:.*\r\n)*X-Own: one\r\n(?:.*\r\n)*\r\nearlymore$/)
  assert.equal(statuses(heard), [101])
  socket.end()
  await once(socket, 'close')
  assert.is(one.last()?.headers['sec-websocket-key'], 'x')
  // Another host's is refused, and so is what would carry later requests past the gate.
  assert.equal(statuses(await say(port, head('GET / HTTP/1.1', 'Host: c.b', ...upgrade.slice(1)))), [404])
  const h2c = ['Host: a.b', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']
  const back = await say(port, `${head('POST /h2 HTTP/1.1', ...h2c, 'Content-Length: 4')}body${head('GET / HTTP/1.1')}`)
  assert.match(back, /^HTTP\/1\.1 200 [^]*Connection: close[^]*one POST \/h2 body;$/)
  assert.equal([one.last()?.headers.upgrade, one.heard.at(-1)], [undefined, 'POST /h2'])
  // In the midst of others it would be answered in the midst of them.
  const late = await say(port, head('GET /slow HTTP/1.1', 'Host: a.b') + head('GET /chat HTTP/1.1', ...upgrade))
  assert.not.ok(statuses(late).includes(101))
  const no = await sayer('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno')
  await lead(route(no.port))
  assert.match(await say(port, head('GET / HTTP/1.1', ...upgrade)), /^HTTP\/1\.1 403 [^]*no$/)
  const odd = await sayer('HTTP/1.1 101 Odd\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nx')
  await lead(route(odd.port))
  assert.equal(statuses(await say(port, head('GET / HTTP/1.1', ...upgrade))), [502])
  assert.equal(statuses(await say(port, head('GET / HTTP/1.1', 'Host: a', CLOSE))), [502])
  for (const each of [one, no, odd]) each.close()
  close()
})

test('a client that leaves is let go at the service, and what is led nowhere any more is not found on open connections', async () => {
  const { close, end, lead, port } = await rig()
  const one = await service('one')
  await lead(route(one.port))
  const leaver = await opened(port)
  leaver.write(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 9')}half`)
  while (one.last() === undefined) await new Promise((go) => setImmediate(go))
  const gone = new Promise((go) => one.last()?.socket.once('close', go))
  leaver.destroy()
  await gone
  const socket = await opened(port)
  let heard = ''
  socket.on('data', (more) => (heard += String(more)))
  socket.write(head('GET / HTTP/1.1', 'Host: a'))
  while (!heard.includes('one GET / ')) await once(socket, 'data')
  // Another is under way when it is taken away.
  socket.write('GET /la')
  await lead()
  socket.write(`te HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n\r\n`)
  await once(socket, 'close')
  assert.equal(statuses(heard), [200, 404])
  await end()
  one.close()
  close()
})

test('one source has so many connections and no more', async () => {
  const { close, lead, port } = await rig()
  await lead(route(await ownPort(), { hostnames: ['a'] }))
  const held = await Promise.all(Array.from({ length: gatePerSourceMax }, () => opened(port)))
  const words = head('GET / HTTP/1.1', 'Host: b', CLOSE)
  assert.equal(statuses(await say(port, words)), [])
  assert.equal(statuses(await say(port, words, '127.0.0.2')), [404])
  for (const socket of held) socket.destroy()
  while (statuses(await say(port, words)).length === 0) continue
  close()
})

test.run()
