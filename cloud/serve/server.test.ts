// The whole hub on loopback: first start, a device that joins and hears its head, restart, and a second hub kept out.

import { X509Certificate } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64, toBase64, toBase64Url } from '../../shared/bytes.ts'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import {
  generateSigningSeed,
  generateWgPrivateKey,
  sha256,
  signerFromSeed,
  verify,
  wgPublicKey,
} from '../../shared/host/crypto.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { requestPinned } from '../../shared/host/pinned-http.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { snapshotBytesMax } from '../../shared/limits.ts'
import { unframe } from '../../shared/record/delta.ts'
import { openHead } from '../../shared/record/head.ts'
import { keyring } from '../../shared/record/keys.ts'
import { type Anchor, anchorPin, type EnrolReply, enrolProofBytes, parseJoinToken } from '../../shared/wire/enrol.ts'
import { topics } from '../../shared/wire/topics.ts'
import { dial, loggedAt, scratch, until } from '../broker/broker.fake.ts'
import { type Server, startServer } from './server.ts'
import { resolveSettings } from './settings.ts'

const hub = suite('hub server')
const directory = scratch('hf-hub-')
let server: Server
let token: string

const settings = resolveSettings(
  {},
  { data: `${directory.path}/data`, listen: '127.0.0.1:0', mqtt: '127.0.0.1:0' },
  false,
)
const lines: LogLine[] = []
const effects = { clock: systemClock, entropy: systemEntropy, log: memoryLog(lines) }

async function call(
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const authority = readIfThere(`${server.paths.tls}/authority.crt`) ?? ''
  const answer = await requestPinned({
    host: '127.0.0.1',
    port: Number(new URL(server.url).port),
    timeoutMs: 30_000,
    authorityDer: new X509Certificate(authority).raw,
    now: systemClock.now(),
    floor: 0,
    method,
    path,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body }),
  })
  return { status: answer.status, body: answer.body }
}

async function join(name: string): Promise<Extract<EnrolReply, { state: 'enrolled' }>> {
  const made = (await call('POST', '/api/v1/tokens', {})).body as { token: string }
  const { id, pin, secret } = parseJoinToken(made.token)
  const anchor = (await call('GET', '/api/v1/enrol/anchor')).body as Anchor
  assert.is(toBase64(anchorPin(anchor, sha256)), toBase64(pin))
  const device = signerFromSeed(generateSigningSeed())
  const request = {
    tokenId: id,
    name: name as never,
    labels: { site: 'alpha' },
    wgKey: wgPublicKey(generateWgPrivateKey()),
    deviceKey: parseDeviceKey(toBase64(device.publicKey)),
  }
  const proof = toBase64(device.sign(enrolProofBytes(request, pin)))
  const answer = await call('POST', '/api/v1/enrol', { ...request, secret: toBase64Url(secret), proof })
  const reply = answer.body as EnrolReply
  if (reply.state !== 'enrolled') throw new Error(JSON.stringify(reply))
  return reply
}

hub.before(async () => {
  server = await startServer(settings, effects)
  token = server.firstToken ?? ''
})
hub.after(async () => {
  await server.stop()
  directory.remove()
})

hub('the first start shows an administrator’s token and writes it nowhere', async () => {
  assert.match(token, /^hfa\./)
  assert.is((await call('GET', '/api/v1/access')).status, 200)
  assert.is.not(readIfThere(server.paths.cliToken)?.trim(), token)
})

hub('a second hub on the same directory is kept out', async () => {
  try {
    await startServer(settings, effects)
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /a hub runs on/)
  }
})

hub('a device joins, connects with what it was given, and hears its head', async () => {
  const reply = await join('alice')
  const anchor = (await call('GET', '/api/v1/enrol/anchor')).body as Anchor
  const keys = keyring(reply.keys.map(fromBase64), fromBase64(anchor.rootKey), verify, sha256)
  const { head } = unframe(fromBase64(reply.snapshot), snapshotBytesMax)
  assert.is(openHead(head, keys, verify).network, reply.network.id)

  const { username, password, url } = reply.broker
  assert.match(url, /^mqtts:\/\/127\.0\.0\.1:\d+$/)
  const authority = readIfThere(`${server.paths.tls}/authority.crt`) ?? ''
  const tls = { authority } as Parameters<typeof dial>[1]
  const plain = await dial(url, tls, { clientId: username, username, password })
  await plain.client.endAsync()
  const webSocket = `wss://127.0.0.1:${new URL(server.url).port}${reply.broker.webSocketPath}`
  const agent = await dial(webSocket, tls, { clientId: username, username, password })
  await agent.client.subscribeAsync([topics.head(reply.network.id), topics.hub(reply.network.id)], { qos: 1 })
  await until(() => agent.received.length === 2)
  const retained = agent.received.find(({ topic }) => topic.endsWith('/head'))
  assert.ok(retained?.retain)
  assert.match(agent.received.find(({ topic }) => topic.endsWith('/hub'))?.payload ?? '', /"online":true/)

  // A graceful stop tells before it goes.
  await server.stop()
  await agent.gone
  assert.match(agent.received.at(-1)?.payload ?? '', /"online":false/)
  server = await startServer(settings, effects)
  assert.is(server.firstToken, undefined, 'the token is shown once')
  const again = `wss://127.0.0.1:${new URL(server.url).port}${reply.broker.webSocketPath}`
  const back = await dial(again, tls, { clientId: username, username, password })
  await back.client.subscribeAsync(topics.head(reply.network.id), { qos: 1 })
  await until(() => back.received.length === 1)
  back.client.end(true)
  agent.client.end(true)
})

hub('a device that is disabled loses its live connection and its voice; enabled, it comes back as it was', async () => {
  const { broker, network } = await join('carol')
  const tls = { authority: readIfThere(`${server.paths.tls}/authority.crt`) ?? '' } as Parameters<typeof dial>[1]
  const { password, url, username } = broker
  const logIn = { clientId: username, username, password }
  const turn = async (disabled: boolean): Promise<void> => {
    const node = (await call('GET', '/api/v1/nodes/carol')).body as { spec: object }
    assert.is((await call('PUT', '/api/v1/nodes/carol', { ...node, spec: { ...node.spec, disabled } })).status, 200)
  }
  const { nodeId: carol } = (await call('GET', '/api/v1/fleet/carol')).body as { nodeId: never }
  const other = await join('dave')
  const dave = await dial(url, tls, { ...other.broker, clientId: other.broker.username })
  const facts = `hf/1/${network.id}/n/+/fact`
  const device = await dial(url, tls, logIn)
  await device.client.publishAsync(topics.node(network.id, carol, 'fact'), 'fact', { qos: 1, retain: true })
  await dave.client.subscribeAsync(facts, { qos: 1 })
  await until(() => dave.received.length === 1)
  await turn(true)
  await device.gone
  assert.is(((await call('GET', '/api/v1/fleet/carol')).body as { state: string }).state, 'disabled')
  // What the broker kept of it is taken back from everybody.
  await until(() => dave.received.length === 2)
  assert.is(dave.received[1]?.payload, '')
  assert.match(await dial(url, tls, logIn).then(() => 'let in', String), /Not authorized/)
  await turn(false)
  await (await dial(url, tls, logIn)).client.endAsync()
  await dave.client.endAsync()
})

hub('the log tells what happened, and no secret', () => {
  assert.ok(loggedAt(lines, /hub is up/))
  assert.not.ok(loggedAt(lines, /hfa\.|hf1\./))
})

hub.run()
