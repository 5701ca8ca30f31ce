// Sockets at an address of this host, on loopback.

import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { knock, openProbe } from './probe-socket.ts'

const HERE = parseAddress('127.0.0.1')

test('what is asked from the address is answered to it', async () => {
  const server = createSocket('udp4')
  server.on('message', (bytes, from) => server.send(bytes, from.port, from.address))
  await new Promise<void>((resolve) => void server.bind(0, '127.0.0.1', resolve))
  const heard = Promise.withResolvers<string>()
  const probe = await openProbe(HERE, memoryLog(), (bytes, from) =>
    heard.resolve(`${Buffer.from(bytes).toString()} ${from}`),
  )
  try {
    assert.ok(probe.port > 0)
    probe.send(Buffer.from('asked'), parseEndpoint(`127.0.0.1:${server.address().port}`))
    assert.is(await heard.promise, `asked 127.0.0.1:${server.address().port}`)
  } finally {
    probe.close()
    probe.close()
    server.close()
  }
  probe.send(Buffer.from('late'), parseEndpoint('127.0.0.1:9'))
})

test('an address that is not ours can’t be asked from', async () => {
  const failed = await openProbe(parseAddress('192.0.2.1'), memoryLog(), () => undefined).then(
    () => false,
    () => true,
  )
  assert.ok(failed)
})

/** A loopback answers at once; a busy machine looks later. */
const LONG_MS = 30_000

test('a door that opens is an answer, and one that is shut is none', async () => {
  const server = createServer((socket) => socket.destroy())
  const port = await ownPort()
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve))
  assert.is(await knock(HERE, parseEndpoint(`127.0.0.1:${port}`), LONG_MS), true)
  await new Promise<void>((resolve) => void server.close(() => resolve()))
  assert.is(await knock(HERE, parseEndpoint(`127.0.0.1:${port}`), LONG_MS), false)
})

test.run()
