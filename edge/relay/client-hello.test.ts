// The first words of a TLS client, as real ones say them and as nobody should.

import { type Duplex, duplexPair } from 'node:stream'
import { connect } from 'node:tls'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat } from '../../shared/bytes.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { clientHelloBytesMax } from '../../shared/limits.ts'
import { readClientHello } from './client-hello.ts'

/** What Node's own client says first. */
async function spoken(options: { servername?: string; ALPNProtocols?: string[] }): Promise<Uint8Array> {
  const [near, far]: [Duplex, Duplex] = duplexPair()
  const client = connect({ socket: near, rejectUnauthorized: false, ...options })
  client.on('error', () => undefined)
  const [bytes] = (await new Promise((resolve) => far.once('data', (part) => resolve([part])))) as [Buffer]
  client.destroy()
  return new Uint8Array(bytes)
}

const hello = await spoken({ servername: 'hub.holdfast.internal', ALPNProtocols: ['holdfast-relay', 'http/1.1'] })
const read = { serverName: 'hub.holdfast.internal', protocols: ['holdfast-relay', 'http/1.1'] }

/** The same message in records of so many bytes. */
function inRecords(bytes: Uint8Array, size: number): Uint8Array {
  const [type = 0, major = 0, minor = 0] = bytes
  const message = bytes.subarray(5)
  const records: Uint8Array[] = []
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size)
    records.push(Uint8Array.of(type, major, minor, part.length >> 8, part.length & 0xff), part)
  }
  return concat(...records)
}

test('name and protocols of a real client', async () => {
  assert.equal(readClientHello(hello), read)
  assert.equal(readClientHello(await spoken({ servername: '' })), { serverName: undefined, protocols: [] })
  const mqtt = await spoken({ servername: 'a.example', ALPNProtocols: ['mqtt'] })
  assert.equal(readClientHello(mqtt), { serverName: 'a.example', protocols: ['mqtt'] })
})

test('whatever it is cut into, it is read once it is whole, and what follows does not matter', () => {
  for (let cut = 0; cut < hello.length; cut++) assert.is(readClientHello(hello.subarray(0, cut)), 'more', `${cut}`)
  assert.equal(readClientHello(concat(hello, Uint8Array.of(1, 2, 3))), read)
  for (const size of [Math.ceil(hello.length / 4), Math.ceil(hello.length / 2), hello.length]) {
    assert.equal(readClientHello(inRecords(hello, size)), read, `${size}`)
  }
})

test('a hello in crumbs, one without end and other protocols are none', () => {
  assert.is(readClientHello(inRecords(hello, 16)), 'none')
  const record = Uint8Array.of(22, 3, 1, 0x40, 0)
  const huge = concat(record, Uint8Array.of(1, 0, 0xff, 0xff), new Uint8Array(clientHelloBytesMax))
  assert.is(readClientHello(huge), 'none')
  assert.is(readClientHello(concat(record, new Uint8Array(10))), 'more')
  for (const text of ['GET / HTTP/1.1\r\n', 'SSH-2.0-x\r\n', '\r\n\r\n\0\r\nQUIT\n', '\x10\x0c\0\x04MQTT']) {
    assert.is(readClientHello(new TextEncoder().encode(text)), 'none', text)
  }
})

test('no bytes break it, and none keep it asking beyond the bound', () => {
  fc.assert(
    fc.property(hostileBytes(hello), (bytes) => {
      const seen = readClientHello(bytes)
      assert.ok(seen === 'more' || seen === 'none' || seen.protocols.length < 100)
      assert.is.not(readClientHello(concat(bytes, new Uint8Array(5 * clientHelloBytesMax))), 'more')
    }),
    { numRuns: 300 },
  )
})

test.run()
