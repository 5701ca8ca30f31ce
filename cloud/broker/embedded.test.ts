// The embedded broker over real TLS: who gets in, what they may say, and how they are thrown out.

import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import mqtt, { type IClientOptions } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { mqttPacketMax } from '../../shared/limits.ts'
import { hubServerName } from '../../shared/wire/enrol.ts'
import { agentFilters, topics } from '../../shared/wire/topics.ts'
import { openAccessStore } from '../access/access-store.ts'
import type { HubTls } from '../tls/authority.ts'
import { alice, bob, type Dialled, dial, loggedAt, network, scratch, testTls, until } from './broker.fake.ts'
import { createEmbeddedBroker, type EmbeddedBroker } from './embedded.ts'
import { attachWebSocket, listenMqtt, type MqttListener } from './listener.ts'

const broker = suite('embedded broker')
const directory = scratch('hf-broker-')
let tls: HubTls
let own: EmbeddedBroker
let door: MqttListener
let web: Server
let lines: LogLine[] = []
const dialled: Dialled[] = []

async function agent(node: string, options: IClientOptions = {}, url?: string): Promise<Dialled> {
  const connection = await dial(url ?? `mqtts://127.0.0.1:${door.port}`, tls, {
    clientId: node,
    username: node,
    password: `secret of ${node}`,
    ...options,
  })
  dialled.push(connection)
  return connection
}

async function hub(): Promise<Dialled> {
  const stream = await own.connect()
  const client = new mqtt.MqttClient(() => stream, { clientId: 'hub', protocolVersion: 4, reconnectPeriod: 0 })
  const received: Dialled['received'] = []
  client.on('message', (topic, payload, packet) => {
    received.push({ topic, payload: payload.toString(), retain: packet.retain })
  })
  const gone = new Promise<string>((resolve) => client.on('close', () => resolve('closed')))
  await new Promise((resolve) => client.once('connect', resolve))
  const connection = { client, received, gone }
  dialled.push(connection)
  return connection
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return (error as Error).message
  }
  return 'let in'
}

broker.before(async () => {
  tls = testTls(directory.path)
})
broker.before.each(async () => {
  lines = []
  const log = memoryLog(lines)
  own = await createEmbeddedBroker({ store: openAccessStore(':memory:'), clock: systemClock, log })
  await own.access.allow(alice, network, `secret of ${alice}`)
  await own.access.allow(bob, network, `secret of ${bob}`)
  door = await listenMqtt({ broker: own, tls, at: { host: '127.0.0.1', port: 0 }, log, guard: () => undefined })
  web = createServer({ key: tls.key, cert: tls.certificate })
  attachWebSocket(web, '/mqtt', own, log)
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
})
broker.after.each(async () => {
  for (const { client } of dialled.splice(0)) client.end(true)
  await door.close(own.close())
  await new Promise((resolve) => web.close(resolve))
})
broker.after(() => directory.remove())

broker('a stop is not held up by whoever connected and says nothing', async () => {
  const silent = connect(door.port, '127.0.0.1')
  await once(silent, 'connect')
  const cut = new Promise((resolve) => silent.on('error', () => undefined).once('close', resolve))
  silent.resume()
  await door.close(own.close())
  await cut
})

broker('an agent speaks to the hub and hears it', async () => {
  const h = await hub()
  await h.client.subscribeAsync(`hf/1/${network}/n/+/status`, { qos: 1 })
  const a = await agent(alice)
  const granted = await a.client.subscribeAsync([...agentFilters(network, alice)], { qos: 1 })
  assert.equal(
    granted.map((one) => one.qos),
    [1, 1, 1, 1, 1],
  )
  await a.client.publishAsync(topics.node(network, alice, 'status'), 'well', { qos: 1, retain: true })
  await h.client.publishAsync(topics.head(network), 'head', { qos: 1, retain: true })
  await until(() => h.received.length === 1 && a.received.length === 1)
  assert.is(h.received[0]?.payload, 'well')
  const b = await agent(bob)
  await b.client.subscribeAsync(topics.head(network), { qos: 1 })
  await until(() => b.received.length === 1)
  assert.ok(b.received[0]?.retain, 'the head is retained for those who come later')
})

broker('a disabled node is cut at once, without a last word, and let in again when enabled', async () => {
  const h = await hub()
  await h.client.subscribeAsync(`hf/1/${network}/n/+/+`, { qos: 1 })
  const topic = topics.node(network, alice, 'presence')
  const a = await agent(alice, { will: { topic, payload: Buffer.from('will'), qos: 1, retain: true } })
  const twin = await agent(bob, { will: { topic: topics.node(network, bob, 'presence'), payload: Buffer.from('bob') } })
  await own.access.suspend(alice)
  await a.gone
  // Counted as no guess: others behind the same address are not shut out by a device that goes on trying.
  for (let i = 0; i < 30; i++) assert.match(await reasonOf(agent(alice)), /Not authorized/)
  assert.match(await reasonOf(agent(alice, { password: 'guess' })), /Bad username or password/)
  // Bob's will, which comes later, does come; so Alice's would have.
  twin.client.stream.destroy()
  await until(() => h.received.length > 0)
  assert.equal(
    h.received.map(({ payload }) => payload),
    ['bob'],
  )
  await own.access.resume(alice)
  await agent(alice)
})

broker('the same over WebSocket, and no other path is upgraded', async () => {
  const { port } = web.address() as AddressInfo
  const a = await agent(alice, {}, `wss://127.0.0.1:${port}/mqtt`)
  await a.client.publishAsync(topics.node(network, alice, 'fact'), 'x', { qos: 1 })
  assert.match(await reasonOf(agent(bob, {}, `wss://127.0.0.1:${port}/other`)), /404|closed/)
})

broker('strangers, wrong passwords, foreign ids and sticky sessions stay out', async () => {
  assert.match(await reasonOf(agent('strangerstranger')), /Bad username or password|Not authorized/i)
  assert.match(await reasonOf(agent(alice, { password: 'guess' })), /Bad username or password/i)
  assert.match(await reasonOf(agent(alice, { username: '', password: '' })), /Bad username/i)
  assert.match(await reasonOf(agent(alice, { clientId: bob })), /Not authorized/i)
  assert.match(await reasonOf(agent(alice, { clean: false })), /Not authorized/i)
  const will = {
    topic: topics.node(network, bob, 'presence'),
    payload: Buffer.from('x'),
    qos: 1,
    retain: true,
  } as const
  assert.match(await reasonOf(agent(alice, { will })), /Not authorized/i)
})

broker('guessing is throttled', async () => {
  for (let i = 0; i < 20; i++) await reasonOf(agent(alice, { password: 'guess' }))
  assert.match(await reasonOf(agent(alice)), /Server unavailable/i)
})

for (const [what, topic, options] of [
  ['another’s topic', topics.node(network, bob, 'status'), { qos: 1 }],
  ['the head', topics.head(network), { qos: 1, retain: true }],
  ['its own replies', topics.rsp(network, alice), { qos: 1 }],
  ['another network', `hf/1/othernetwork/n/${alice}/status`, { qos: 1 }],
  ['a retained request', topics.node(network, alice, 'req'), { qos: 1, retain: true }],
  ['QoS 2', topics.node(network, alice, 'status'), { qos: 2 }],
] as const) {
  broker(`publishing on ${what} ends the connection and reaches nobody`, async () => {
    const h = await hub()
    await h.client.subscribeAsync('#', { qos: 1 })
    const a = await agent(alice)
    a.client.publish(topic, 'forged', options)
    await a.gone
    assert.ok(loggedAt(lines, /drops a client/))
    assert.equal(h.received, [])
  })
}

broker('subscribing beyond one’s own is refused filter by filter', async () => {
  const a = await agent(alice)
  const refused = async (filter: string): Promise<boolean> => {
    try {
      const [grant] = await a.client.subscribeAsync(filter, { qos: 1 })
      return grant?.qos === 128
    } catch {
      return true
    }
  }
  for (const filter of ['#', 'hf/#', `hf/1/${network}/#`, topics.rsp(network, bob), `hf/1/+/head`, '$SYS/#']) {
    assert.ok(await refused(filter), filter)
  }
  assert.not.ok(await refused(topics.head(network)))
})

broker('the will tells of a lost agent, and only then', async () => {
  const h = await hub()
  await h.client.subscribeAsync(`hf/1/${network}/n/+/presence`, { qos: 1 })
  const will = {
    topic: topics.node(network, alice, 'presence'),
    payload: Buffer.from('off'),
    qos: 1,
    retain: true,
  } as const
  const polite = await agent(alice, { will })
  await polite.client.endAsync()
  const lost = await agent(alice, { will })
  lost.client.stream.destroy()
  await until(() => h.received.length > 0)
  assert.equal(
    h.received.map((m) => m.payload),
    ['off'],
  )
})

broker('a second connection of a node takes over from the first', async () => {
  const first = await agent(alice)
  const second = await agent(alice)
  await first.gone
  await second.client.publishAsync(topics.node(network, alice, 'fact'), 'x', { qos: 1 })
})

broker('a revoked node is cut at once and stays out', async () => {
  const a = await agent(alice)
  const b = await agent(bob)
  await own.access.revoke(alice)
  await a.gone
  assert.match(await reasonOf(agent(alice)), /Bad username or password/i)
  await b.client.publishAsync(topics.node(network, bob, 'fact'), 'x', { qos: 1 })
})

broker('an oversized packet is cut off at its header', async () => {
  const socket = connectTls({ host: '127.0.0.1', port: door.port, servername: hubServerName, ca: tls.authority })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  // PUBLISH announcing 128 MiB before any log-in.
  socket.write(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x40]))
  await new Promise((resolve) => socket.once('close', resolve))
  assert.ok(loggedAt(lines, /too large/))

  const a = await agent(alice)
  a.client.on('error', () => undefined)
  a.client.publish(topics.node(network, alice, 'status'), Buffer.alloc(mqttPacketMax + 1), { qos: 0 })
  await a.gone
})

broker('connections are counted back to none', async () => {
  const a = await agent(alice)
  assert.is(own.connections(), 1)
  a.client.end(true)
  await until(() => own.connections() === 0)
})

broker.run()
