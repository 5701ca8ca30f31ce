// The whole hub on a real Mosquitto: a device's credential from enrolment works there, directly and through the hub's
// WebSocket, the head is retained, and a device that is disabled or removed is cut.

import { X509Certificate } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64, toBase64Url } from '../../shared/bytes.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import {
  generateSigningSeed,
  generateWgPrivateKey,
  sha256,
  signerFromSeed,
  wgPublicKey,
} from '../../shared/host/crypto.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { anchorPin, type EnrolReply, enrolProofBytes, parseJoinToken } from '../../shared/wire/enrol.ts'
import { topics } from '../../shared/wire/topics.ts'
import { dial, scratch, testTls, until } from '../broker/broker.fake.ts'
import { type RunningMosquitto, startMosquitto } from '../broker/mosquitto.fake.ts'
import { openClient } from '../cli/client.ts'
import { type Server, startServer } from './server.ts'
import { resolveSettings } from './settings.ts'

const lab = suite('hub on mosquitto')
const directory = scratch('hf-hub-mosquitto-')
const data = `${directory.path}/data`
const broker = scratch('hf-mosquitto-')
let running: RunningMosquitto
let server: Server

lab.before(async () => {
  // The hub's own certificate, as docs/mosquitto.md advises.
  const tls = testTls(`${data}/tls`)
  running = await startMosquitto(broker.path, tls)
  const given = { data, listen: '127.0.0.1:0', broker: running.url }
  const effects = { clock: systemClock, entropy: systemEntropy, log: memoryLog() }
  server = await startServer(resolveSettings({}, given, false), effects)
})
lab.after(async () => {
  await server.stop()
  await running.stop()
  directory.remove()
  broker.remove()
})

lab('a device joins, hears its head both ways, and is cut when disabled or removed', async () => {
  const hub = openClient({ data })
  await until(() => running.port > 0)
  for (let ready = false; !ready; ) ready = (await hub.get<{ ready: boolean }>('/api/v1/status')).ready
  const tls = testTls(`${data}/tls`)
  const made = await hub.send<{ token: string }>('POST', '/api/v1/tokens', {})
  const { id, pin, secret } = parseJoinToken(made.token)
  const anchor = await hub.get<Parameters<typeof anchorPin>[0]>('/api/v1/enrol/anchor')
  assert.is(toBase64(anchorPin(anchor, sha256)), toBase64(pin))
  assert.is(anchor.tlsAuthority, toBase64(new X509Certificate(tls.authority).raw))

  const device = signerFromSeed(generateSigningSeed())
  const request = {
    tokenId: id,
    labels: {},
    name: 'alice' as never,
    wgKey: wgPublicKey(generateWgPrivateKey()),
    deviceKey: parseDeviceKey(toBase64(device.publicKey)),
  }
  const proof = toBase64(device.sign(enrolProofBytes(request, pin)))
  const reply = await hub.send<EnrolReply>('POST', '/api/v1/enrol', { ...request, secret: toBase64Url(secret), proof })
  if (reply.state !== 'enrolled') throw new Error(JSON.stringify(reply))
  const { password, tlsAuthority, url, username, webSocketPath } = reply.broker
  assert.is(tlsAuthority, undefined, 'devices trust the hub’s authority already')

  const logIn = { clientId: username, username, password }
  const direct = await dial(url, tls, logIn)
  await direct.client.subscribeAsync(topics.head(reply.network.id), { qos: 1 })
  await until(() => direct.received.length > 0)
  await direct.client.endAsync()

  const bridged = await dial(server.url.replace('https', 'wss') + webSocketPath, tls, logIn)
  await bridged.client.subscribeAsync([topics.head(reply.network.id), topics.hub(reply.network.id)], { qos: 1 })
  await until(() => bridged.received.length >= 2)
  const disable = async (disabled: boolean): Promise<void> => {
    const node = await hub.get<{ spec: object }>('/api/v1/nodes/alice')
    await hub.send('PUT', '/api/v1/nodes/alice', { ...node, spec: { ...node.spec, disabled } })
  }
  const live = await dial(url, tls, { ...logIn })
  await bridged.gone
  await disable(true)
  await live.gone
  assert.match(await dial(url, tls, logIn).then(() => 'let in', String), /Not authorized/)
  await disable(false)
  let back = await dial(url, tls, logIn).catch(() => undefined)
  while (back === undefined) back = await dial(url, tls, logIn).catch(() => undefined)

  await hub.send('DELETE', '/api/v1/nodes/alice')
  await back.gone
  try {
    await dial(url, tls, logIn)
    assert.unreachable('a removed device was let in')
  } catch (error) {
    assert.not.match((error as Error).message, /let in/)
  }
})

lab.run()
