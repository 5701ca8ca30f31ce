// Whom a client asks for: by what real clients say, whole and in pieces, and by what nobody should say.

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { helloBytesMax, readHello } from './client-hello.ts'

/** What a real client says first. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  const socket = connect(port, '127.0.0.1')
  const client = connectTls({ socket, ...options })
  client.on('error', () => undefined)
  const [heard] = (await once(server, 'connection')) as [ReturnType<typeof connect>]
  let bytes = Buffer.alloc(0)
  while ('need' in readHello(bytes)) bytes = Buffer.concat([bytes, ((await once(heard, 'data')) as [Buffer])[0]])
  for (const one of [client, heard]) one.destroy()
  server.close()
  return bytes
}

const vector = (width: 1 | 2 | 3, bytes: Uint8Array): Buffer => {
  const head = Buffer.alloc(width)
  head.writeUIntBE(bytes.length, 0, width)
  return Buffer.concat([head, bytes])
}
const extension = (type: number, data: Uint8Array): Buffer => Buffer.concat([Buffer.from([0, type]), vector(2, data)])
const named = (name: string, type = 0): Buffer => Buffer.concat([Buffer.from([type]), vector(2, Buffer.from(name))])
const sni = (...names: readonly Uint8Array[]): Buffer => extension(0, vector(2, Buffer.concat(names)))

function record(bytes: Uint8Array, type = 22): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 1]), vector(2, bytes)])
}

/** `bytes`, in records of that length. */
function cut(bytes: Uint8Array, length: number): Buffer {
  const parts = Array.from({ length: Math.ceil(bytes.length / length) }, (_, at) =>
    record(bytes.subarray(at * length, (at + 1) * length)),
  )
  return Buffer.concat(parts)
}

function message(
  extensions: Uint8Array | undefined,
  { ciphers = Buffer.from([19, 1]), session = 32, more = '' } = {},
): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    vector(1, Buffer.alloc(session)),
    vector(2, ciphers),
    vector(1, Buffer.alloc(1)),
    ...(extensions === undefined ? [] : [vector(2, extensions)]),
    Buffer.from(more),
  ])
  return Buffer.concat([Buffer.from([1]), vector(3, body)])
}

const asked = (bytes: Uint8Array): string => {
  const hello = readHello(bytes)
  return 'serverName' in hello ? hello.serverName : 'refused' in hello ? `refused: ${hello.refused}` : 'more'
}

test('real clients, in every version and with keys for the days of quantum computers, are understood in any pieces', async () => {
  for (const options of [
    { servername: 'shop.example.com' },
    { servername: 'shop.example.com', maxVersion: 'TLSv1.2' as const, ALPNProtocols: ['h2', 'http/1.1'] },
    { servername: 'shop.example.com', ecdhCurve: 'X25519MLKEM768' },
  ]) {
    const hello = await helloOf(options)
    assert.is(asked(hello), 'shop.example.com')
    for (let length = 0; length < hello.length; length++) {
      const part = readHello(hello.subarray(0, length))
      assert.ok('need' in part && part.need > length && part.need <= hello.length, String(length))
    }
    if (options.ecdhCurve !== undefined) assert.ok(hello.length > 1_400, 'longer than a segment')
    for (const size of [1, 5, 100, 1_000]) assert.is(asked(cut(hello.subarray(5), size)), 'shop.example.com')
  }
  assert.is(asked(await helloOf({})), 'refused: it names no server')
})

test('names are those of hosts, in small letters', () => {
  assert.is(asked(record(message(sni(named('Shop.Example.COM'))))), 'shop.example.com')
  assert.is(asked(record(message(sni(named('other', 1), named('a'))))), 'a')
  for (const bad of ['', 'a..b', 'a.', '10.0.0.1', 'a b', 'a/b', 'ä.de', '-a.b', '*.a', `${'a'.repeat(64)}.b`, '::1']) {
    assert.match(asked(record(message(sni(named(bad))))), /^refused/, bad)
  }
  assert.match(asked(record(message(sni(named('a'), named('b'))))), /two servers/)
})

test('what is not wholly a ClientHello is refused', () => {
  const good = sni(named('a.b'))
  assert.is(asked(record(message(good))), 'a.b')
  const refusals: readonly (readonly [string, Uint8Array])[] = [
    ['it is not TLS', Buffer.from('GET / HTTP/1.1\r\n')],
    ['it is not TLS', Buffer.from('S')],
    ['it is not TLS', Buffer.from([22, 2, 0, 0, 1])],
    ['no such length', Buffer.from([22, 3, 1, 0, 0])],
    ['no such length', Buffer.from([22, 3, 1, 255, 255])],
    ['another message', record(Buffer.from([2, 0, 0, 1, 0]))],
    ['too long', record(Buffer.from([1, 255, 255, 255]))],
    ['names no server', record(message(undefined))],
    ['names no server', record(message(Buffer.alloc(0)))],
    ['twice', record(message(Buffer.concat([good, good])))],
    ['odd', record(message(good, { ciphers: Buffer.alloc(3) }))],
    ['out of bounds', record(message(good, { ciphers: Buffer.alloc(0) }))],
    ['out of bounds', record(message(good, { session: 33 }))],
    ['follows its end', record(message(good, { more: 'x' }))],
    ['follows its end', record(Buffer.concat([message(good), Buffer.from('x')]))],
    ['follows its end', record(message(extension(0, Buffer.concat([vector(2, named('a')), Buffer.from('x')]))))],
    ['ends too early', record(message(Buffer.from([0, 0, 0, 9])))],
  ]
  for (const [why, bytes] of refusals) assert.match(asked(bytes), why)
  // A second record of another kind in the middle.
  const whole = message(good)
  const mixed = Buffer.concat([record(whole.subarray(0, 20)), record(whole.subarray(20), 23)])
  assert.match(asked(mixed), 'it is not TLS')
})

test('bytes of any kind are answered, never wait for more than there is room, and never end a program', () => {
  const good = record(message(sni(named('a.b'))))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(good.length), (noise, at) => {
      for (const bytes of [noise, Buffer.concat([good.subarray(0, at), noise])]) {
        const hello = readHello(bytes)
        if ('need' in hello) assert.ok(hello.need > bytes.length && hello.need <= helloBytesMax)
      }
    }),
  )
})

test.run()
