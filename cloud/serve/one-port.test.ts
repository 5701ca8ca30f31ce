// A hub with one port: HTTPS, MQTT by ALPN and MQTT over WebSocket at the same address, and devices are told so.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import { dial, scratch } from '../broker/broker.fake.ts'
import { testEnrolment } from './enrolment.fake.ts'
import { type Server, startServer } from './server.ts'
import { resolveSettings } from './settings.ts'

const hub = suite('hub on one port')
const directory = scratch('hf-one-port-')
let server: Server
let port: number

hub.before(async () => {
  port = await ownPort()
  const address = `127.0.0.1:${port}`
  const settings = resolveSettings({}, { data: `${directory.path}/data`, listen: address, mqtt: address }, false)
  assert.is(settings.mqtt, undefined)
  server = await startServer(settings, { clock: systemClock, entropy: systemEntropy, log: memoryLog() })
})
hub.after(async () => {
  await server.stop()
  directory.remove()
})

hub('a device is told one port, and gets in by ALPN and by WebSocket', async () => {
  const { broker } = await testEnrolment(server)
  assert.is(broker.url, `mqtts://127.0.0.1:${port}`)
  const authority = readIfThere(`${server.paths.tls}/authority.crt`) ?? ''
  const tls = { authority } as Parameters<typeof dial>[1]
  const { password, username } = broker
  const byAlpn = await dial(broker.url, tls, { clientId: username, username, password, ALPNProtocols: ['mqtt'] })
  await byAlpn.client.endAsync()
  const byPath = await dial(`wss://127.0.0.1:${port}${broker.webSocketPath}`, tls, {
    clientId: username,
    username,
    password,
  })
  await byPath.client.endAsync()
})

hub('what offers MQTT and speaks something else is left, and the API goes on', async () => {
  const { authorityDer } = await testEnrolment(server)
  const target = { host: '127.0.0.1', port, timeoutMs: 30_000, authorityDer, now: systemClock.now(), floor: 0 }
  const { socket } = await connectPinned({ ...target, protocols: ['mqtt'] })
  assert.is(socket.alpnProtocol, 'mqtt')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await new Promise<void>((resolve) => socket.once('close', () => resolve()).on('error', () => undefined))
  const refused = await connectPinned({ ...target, protocols: ['h2'] }).then(
    () => 'taken',
    (error: Error) => error.message,
  )
  assert.match(refused, /alert/)
  assert.ok((await testEnrolment(server)).broker.username)
})

hub.run()
