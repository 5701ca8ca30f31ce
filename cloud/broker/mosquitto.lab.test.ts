// The hub's rules on a real Mosquitto: a node does its own topics and nothing else, and is cut when revoked.

import type { IClientOptions } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import { agentFilters, nodeChannels, topics } from '../../shared/wire/topics.ts'
import { type AccessStore, openAccessStore } from '../access/access-store.ts'
import type { HubTls } from '../tls/authority.ts'
import { alice, bob, type Dialled, dial, network, scratch, testTls, until } from './broker.fake.ts'
import { dialBroker, parseBrokerUrl } from './dial.ts'
import { type RunningMosquitto, startMosquitto } from './mosquitto.fake.ts'
import { createMosquittoBroker, type MosquittoBroker } from './mosquitto.ts'

const lab = suite('mosquitto')
const directory = scratch('hf-mosquitto-')
let tls: HubTls
let running: RunningMosquitto
let store: AccessStore
let hub: MosquittoBroker
const dialled: Dialled[] = []

function connectHub(): MosquittoBroker {
  const address = parseBrokerUrl(running.url)
  const bus = createMqttBusFactory({
    connect: () => dialBroker(address),
    clientId: 'hub-control',
    username: address.username,
    password: address.password,
    clock: systemClock,
    entropy: systemEntropy,
    log: memoryLog(),
    backoff: () => 50,
  })
  return createMosquittoBroker({ bus, username: address.username, store, clock: systemClock, log: memoryLog() })
}

async function client(options: IClientOptions): Promise<Dialled> {
  const connection = await dial(`mqtts://127.0.0.1:${running.port}`, tls, options)
  dialled.push(connection)
  return connection
}

const agent = (node: string, options: IClientOptions = {}): Promise<Dialled> =>
  client({ clientId: node, username: node, password: `secret of ${node}`, ...options })

async function admin(): Promise<Dialled> {
  const { username, password } = parseBrokerUrl(running.url)
  return client({ clientId: 'hub-watch', username, password })
}

async function isRefused(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise
    return false
  } catch {
    return true
  }
}

async function grants(connection: Dialled, filter: string): Promise<boolean> {
  try {
    const [grant] = await connection.client.subscribeAsync(filter, { qos: 1 })
    return grant !== undefined && grant.qos < 128
  } catch {
    return false
  }
}

lab.before(async () => {
  tls = testTls(directory.path)
  running = await startMosquitto(directory.path, tls)
  store = openAccessStore(':memory:')
  hub = connectHub()
  await hub.start()
  await hub.access.allow(alice, network, `secret of ${alice}`)
  await hub.access.allow(bob, network, `secret of ${bob}`)
})
lab.after.each(() => {
  for (const { client: one } of dialled.splice(0)) one.end(true)
})
lab.after(async () => {
  await hub.close()
  await running.stop()
  directory.remove()
})

lab('a node does its own topics', async () => {
  assert.is(hub.problem(), undefined)
  const watch = await admin()
  assert.ok(await grants(watch, 'hf/1/#'))
  const a = await agent(alice)
  for (const filter of agentFilters(network, alice)) assert.ok(await grants(a, filter), filter)
  for (const channel of nodeChannels) {
    await a.client.publishAsync(topics.node(network, alice, channel), channel, { qos: 1 })
  }
  await until(() => watch.received.length === nodeChannels.length)
  await watch.client.publishAsync(topics.head(network), 'head', { qos: 1, retain: true })
  await until(() => a.received.some(({ topic }) => topic === topics.head(network)))
})

lab('and nothing else', async () => {
  const watch = await admin()
  await grants(watch, 'hf/1/#')
  await until(() => watch.received.length > 0)
  watch.received.length = 0
  const a = await agent(alice)
  for (const filter of ['#', 'hf/1/#', `hf/1/${network}/#`, topics.rsp(network, bob), '$CONTROL/#', '$SYS/#']) {
    assert.not.ok(await grants(a, filter), filter)
  }
  const forged = [topics.node(network, bob, 'status'), topics.head(network), topics.rsp(network, alice)]
  for (const topic of [...forged, '$CONTROL/dynamic-security/v1']) {
    await a.client.publishAsync(topic, '{"commands":[]}', { qos: 1 }).catch(() => undefined)
  }
  // Once the last own message has come through, the forged ones before it would have, too.
  await a.client.publishAsync(topics.node(network, alice, 'fact'), 'own', { qos: 1 })
  await until(() => watch.received.length > 0)
  assert.equal(
    watch.received.map(({ topic }) => topic),
    [topics.node(network, alice, 'fact')],
  )
})

lab('strangers, wrong passwords and foreign client ids stay out', async () => {
  assert.ok(await isRefused(agent('strangerstranger')))
  assert.ok(await isRefused(agent(alice, { password: 'guess' })))
  assert.ok(await isRefused(agent(alice, { clientId: bob })))
})

lab('a revoked node is cut at once and stays out', async () => {
  const b = await agent(bob)
  await hub.access.revoke(bob)
  await b.gone
  assert.ok(await isRefused(agent(bob)))
  await hub.access.allow(bob, network, `secret of ${bob}`)
  await agent(bob)
})

lab('a disabled node is cut at once, and let in with the same credentials when enabled', async () => {
  const a = await agent(alice)
  await hub.access.suspend(alice)
  await a.gone
  assert.ok(await isRefused(agent(alice)))
  await agent(bob)
  await hub.access.resume(alice)
  await agent(alice)
})

lab('what was disabled and enabled while Mosquitto was away is made so when it is back', async () => {
  const { port } = running
  await hub.access.suspend(bob)
  await running.stop()
  await until(() => /not reachable/.test(hub.problem() ?? ''))
  await hub.access.suspend(alice)
  await hub.access.resume(bob)
  running = await startMosquitto(directory.path, tls, port)
  await until(() => hub.problem() === undefined)
  assert.ok(await isRefused(agent(alice)))
  await agent(bob)
  await hub.access.resume(alice)
  await agent(alice)
})

lab(
  'a device that was enrolled before there were answers to commands may give them once the hub knows of them',
  async () => {
    const topic = topics.node(network, alice, 'answer')
    const control = '$CONTROL/dynamic-security/v1'
    const watch = await admin()
    assert.ok(await grants(watch, 'hf/1/#'))
    assert.ok(await grants(watch, `${control}/response`))
    const before = [
      { command: 'removeRoleACL', rolename: `holdfast-node-${alice}`, acltype: 'publishClientSend', topic },
      { command: 'deleteRole', rolename: 'holdfast-channels-2', correlationData: 'before' },
    ]
    await watch.client.publishAsync(control, JSON.stringify({ commands: before }), { qos: 1 })
    await until(() => watch.received.some(({ payload }) => payload.includes('"before"')))
    const says = async (text: string): Promise<boolean> => {
      const from = watch.received.length
      const one = await agent(alice)
      await one.client.publishAsync(topic, text, { qos: 1 }).catch(() => undefined)
      await one.client.publishAsync(topics.node(network, alice, 'fact'), text, { qos: 1 })
      await until(() => watch.received.slice(from).some(({ topic: name }) => name.endsWith('/fact')))
      return watch.received.slice(from).some(({ topic: name }) => name === topic)
    }
    assert.not.ok(await says('an older role'))
    await hub.close()
    hub = connectHub()
    await hub.start()
    assert.ok(await says('widened'))
  },
)

lab('many commands go in bounded batches', async () => {
  const nodes = Array.from(
    { length: 40 },
    (_, i) => `manynodes${'abcdefg'[i % 7]}${'abcdef'[i % 6]}aaaaa` as typeof alice,
  )
  await Promise.all([...new Set(nodes)].map((node) => hub.access.allow(node, network, 'x'.repeat(43))))
  await Promise.all([...new Set(nodes)].map((node) => hub.access.revoke(node)))
  assert.is(hub.problem(), undefined)
})

lab('a hub that comes back removes strangers and names whom Mosquitto lost', async () => {
  await hub.access.allow('ghostghostghostg' as typeof alice, network, 'secret of ghostghostghostg')
  await hub.close()
  store.deleteCredential('ghostghostghostg' as typeof alice)
  store.putCredential({ node: 'lostlostlostlost' as typeof alice, network, passwordHash: new Uint8Array(32) })
  hub = connectHub()
  await hub.start()
  assert.ok(await isRefused(agent('ghostghostghostg')))
  assert.equal(hub.missing(), ['lostlostlostlost'])
  assert.match(hub.problem() ?? '', /lost the credentials of 1/)
  await hub.access.allow('lostlostlostlost' as typeof alice, network, 'secret of lostlostlostlost')
  assert.is(hub.problem(), undefined)
  await agent('lostlostlostlost')
})

lab('a Mosquitto that restarts is found again, with its users', async () => {
  const { port } = running
  await running.stop()
  await until(() => /not reachable/.test(hub.problem() ?? ''))
  running = await startMosquitto(directory.path, tls, port)
  await until(() => hub.problem() === undefined)
  await agent(alice)
})

lab.run()
