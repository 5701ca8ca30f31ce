// Services of an agent as a whole: what the kernel is told follows from intent, from what backends answer while somebody uses
// them, and from what devices say of themselves, with the hub gone.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../shared/address/cidr.ts'
import { type Fact, openFact, sealFact } from '../shared/fact/fact.ts'
import { packPods } from '../shared/fact/pack-pods.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { parseName } from '../shared/ids.ts'
import { podTableBytesMax } from '../shared/pod-limits.ts'
import { topics } from '../shared/wire/topics.ts'
import { again, codes, me, online, other, type Rig, third } from './agent-rig.fake.ts'
import { testNetwork } from './link/hub.fake.ts'
import type { Gone, Question } from './services/doors.ts'
import type { Listening } from './services/publish.ts'
import type { Outcome } from './services/verdict.ts'

const test = suite('agent services')

const VIRTUAL = '10.77.0.200'
const shop = {
  name: 'shop',
  addresses: [VIRTUAL],
  spec: {
    network: 'default',
    ports: [{ protocol: 'TCP', port: 80, targetPort: 8_080 }],
    backends: { matchLabels: { role: 'web' }, matchExpressions: [] },
  },
}
const lan = (address: string, block: string) => {
  return { interface: 'eth0', address: parseAddress(address), cidr: parseCidr(block), physical: true }
}
const web = { labels: { role: 'web' } }

interface Asking {
  readonly asked: Question[]
  readonly ended: Gone[]
  /** Those that answer nothing. */
  readonly silent: Set<string>
  readonly extra: NonNullable<Parameters<typeof online>[0]>
}

function asking(): Asking {
  const [asked, ended, silent]: [Question[], Gone[], Set<string>] = [[], [], new Set()]
  const services = {
    ask: async (question: Question): Promise<Outcome> => {
      asked.push(question)
      if (silent.has(question.address)) return { answered: false, silent: true, why: 'no answer within 2000 ms' }
      return { answered: true, rttMs: 3 }
    },
    end: async (gone: readonly Gone[]) => void ended.push(...gone),
  }
  return { asked, ended, silent, extra: { extra: { services } } }
}

async function served({ extra }: Asking): Promise<Rig> {
  const rig = await online(extra)
  rig.hub.putNode(other, web).putNode(third, web).put('service/shop', shop).publish()
  await rig.advance(10_000)
  return rig
}

/** Where new flows of the service go. */
function led({ kernel }: Rig): readonly string[] {
  const lead = /dnat ip to (.*)/.exec(kernel.services)?.[1] ?? ''
  return [...lead.matchAll(/10\.77\.0\.\d+/g)].map(([address]) => address)
}

test('a service is told to the kernel with its backends, and taken away with its record', async () => {
  const rig = await served(asking())
  assert.equal(led(rig), [other.address, third.address])
  assert.equal(await rig.agent.plan(), [])
  const [status] = rig.agent.status().services ?? []
  assert.equal([status?.name, status?.inUse, status?.backends.length], ['shop', false, 2])
  rig.kernel.services = ''
  rig.kernel.ring()
  await rig.advance(1_000)
  assert.equal(led(rig), [other.address, third.address], 'it is put right where somebody else took it away')
  rig.hub.remove('service/shop').publish()
  await rig.advance(10_000)
  assert.is(rig.kernel.services, '')
  await rig.stop()
})

test('only what is used is asked, and who is silent gets nothing from the second miss on', async () => {
  const doors = asking()
  const rig = await served(doors)
  await rig.advance(600_000)
  assert.is(doors.asked.length, 0, 'nobody used it')
  rig.kernel.used.set(parseAddress(VIRTUAL), 1)
  await rig.advance(5_000)
  assert.equal(
    doors.asked.map(({ address, port }) => `${address} ${port}`).sort(),
    [other, third].map(({ address }) => `${address} 8080`).sort(),
  )
  rig.broker.setDown(true)
  doors.silent.add(other.address)
  await rig.advance(20_000)
  assert.equal(led(rig), [third.address])
  assert.match(rig.kernel.services, `ct reply ip saddr { ${VIRTUAL} . ${other.address} } goto refuse`)
  assert.equal(doors.ended, [], 'TCP is told by a reset')
  const states = rig.agent.status().services?.[0]?.backends.map(({ name, state }) => `${name} ${state}`)
  assert.equal(states?.sort(), ['other lost', 'third serves'])
  doors.silent.clear()
  await rig.advance(30_000)
  assert.equal(led(rig), [other.address, third.address])
  // The kernel forgets, and so does the agent.
  rig.kernel.used.clear()
  await rig.advance(620_000)
  const before = doors.asked.length
  await rig.advance(600_000)
  assert.is(doors.asked.length, before)
  await rig.stop()
})

test('a gateway publishes at the addresses that it has, follows them with the hub gone, and leaves programs their ports', async () => {
  const doors = asking()
  const taken: Listening[] = []
  const { services } = doors.extra.extra ?? {}
  if (services === undefined) throw new Error('there are none')
  const rig = await online({ extra: { services: { ...services, listening: async () => [...taken] } } })
  const publish = [
    { gateways: { matchLabels: { role: 'gate' } }, protocol: 'TCP', port: 8_000, servicePort: 80, from: ['LAN'] },
  ]
  rig.kernel.local = [lan('192.168.7.5', '192.168.7.0/24')]
  rig.hub
    .putNode(me, { labels: { role: 'gate' } })
    .putNode(other, web)
    .put('service/shop', { ...shop, spec: { ...shop.spec, publish } })
    .publish()
  await rig.advance(10_000)
  assert.match(rig.kernel.services, 'iifname "eth0" ip daddr . meta l4proto . th dport vmap { 192.168.7.5 . tcp . 8000')
  assert.equal(rig.agent.status().services?.[0]?.published, [
    { at: '192.168.7.5:8000', protocol: 'TCP', interface: 'eth0', from: ['192.168.7.0/24'] },
  ])
  assert.ok(rig.kernel.forwarding.has(4))
  rig.broker.setDown(true)
  rig.kernel.local = [lan('192.168.8.5', '192.168.8.0/24')]
  rig.kernel.ring()
  await rig.advance(10_000)
  assert.match(rig.kernel.services, '192.168.8.5 . tcp . 8000')
  assert.not.match(rig.kernel.services, '192.168.7.5')
  taken.push({ protocol: 'tcp', port: 8_000, program: 'nginx' })
  await rig.advance(20_000)
  assert.not.match(rig.kernel.services, 'published')
  assert.ok(codes(rig).includes('not-published'))
  taken.length = 0
  await rig.advance(20_000)
  assert.match(rig.kernel.services, '192.168.8.5 . tcp . 8000')
  assert.not.ok(codes(rig).includes('not-published'))
  assert.equal(await rig.agent.plan(), [])
  await rig.stop()
})

/** Another device tells of the pods behind it, and of each whether it is ready. */
function tellPods(
  rig: Rig,
  device: typeof other,
  seq: number,
  ready: Readonly<Record<string, boolean | undefined>>,
): void {
  const pods = Object.entries(ready).map(([address, isReady], at) => {
    const pod = { namespace: parseName('shop'), name: `web-${at}`, labels: { app: 'web' } }
    return { ...pod, addresses: [parseAddress(address)], ...(isReady === undefined ? {} : { ready: isReady }) }
  })
  const { table: podTable } = packPods(pods, [], podTableBytesMax)
  const silent = { candidates: [], observed: [], relays: [], natType: 'unknown' } satisfies Partial<Fact>
  const body: Fact = { ...silent, node: device.nodeId, boot: 1, seq, podTable, at: 1 }
  const payload = sealFact(body, device.signer, sha256)
  rig.broker.inject({ topic: topics.node(testNetwork, device.nodeId, 'fact'), payload, retain: true })
}

test('pods serve as their site says who of them is ready, and are asked only where nobody says, or intent does', async () => {
  const doors = asking()
  const rig = await online(doors.extra)
  const [first, second] = ['10.42.1.11', '10.42.2.11']
  const pods = { namespace: 'shop', podSelector: { matchLabels: { app: 'web' }, matchExpressions: [] } }
  const spec = { ...shop.spec, pods }
  const route = (name: string, destination: string) => ({
    name,
    spec: { network: 'default', destination, via: { matchLabels: { gate: name } }, nat: 'none', metric: 100 },
  })
  rig.hub
    .putNode(other, { labels: { role: 'web', gate: 'one' }, advertise: ['10.42.1.0/24'] })
    .putNode(third, { labels: { role: 'web', gate: 'two' }, advertise: ['10.42.2.0/24'] })
    .put('route/one', route('one', '10.42.1.0/24'))
    .put('route/two', route('two', '10.42.2.0/24'))
    .put('service/shop', { ...shop, spec })
    .publish()
  await rig.advance(10_000)
  const places = () =>
    [...(/dnat ip to (.*)/.exec(rig.kernel.services)?.[1] ?? '').matchAll(/10\.42\.[\d.]+/g)].map(String)
  assert.equal(places(), [], 'nobody is known')
  tellPods(rig, other, 1, { [first]: true })
  tellPods(rig, third, 1, { [second]: true })
  rig.kernel.used.set(parseAddress(VIRTUAL), 1)
  await rig.advance(10_000)
  assert.equal(places(), [first, second])
  // The hub has no part in it.
  rig.broker.setDown(true)
  await rig.advance(10_000)
  assert.equal([places(), doors.asked.length], [[first, second], 0])
  rig.broker.setDown(false)
  await rig.advance(60_000)
  tellPods(rig, other, 2, { [first]: false })
  await rig.advance(10_000)
  assert.equal(places(), [second])
  const row = () => rig.agent.status().services?.[0]?.backends.find(({ behind }) => behind === other.name)
  assert.equal(row(), {
    name: 'shop/web-0',
    behind: other.name,
    state: 'fails',
    why: 'its cluster says that it is not ready',
  })
  assert.is(doors.asked.length, 0)
  // As an older agent tells of it.
  tellPods(rig, other, 3, { [first]: undefined })
  await rig.advance(10_000)
  assert.equal(places(), [first, second])
  assert.ok(doors.asked.length > 0 && doors.asked.every(({ address, port }) => address === first && port === 8_080))
  doors.silent.add(first)
  await rig.advance(30_000)
  assert.equal([places(), row()?.state], [[second], 'lost'])
  // By intent each is asked.
  const probe = { protocol: 'TCP', port: 9_000, intervalS: 10, timeoutMs: 2_000 }
  rig.hub.put('service/shop', { ...shop, spec: { ...spec, probe } }).publish()
  await rig.advance(30_000)
  assert.ok(doors.asked.some(({ address, port }) => address === second && port === 9_000))
  assert.equal(await rig.agent.plan(), [])
  await rig.stop()
})

test('a device that drains says so in its fact, over restarts, until people take it back', async () => {
  const first = await online(asking().extra)
  await first.advance(10_000)
  const leaving = (rig: Rig): boolean | undefined => {
    const envelope = rig.broker.retained(topics.node(testNetwork, me.nodeId, 'fact')) ?? new Uint8Array()
    return openFact(envelope, me.nodeId, me.deviceKey, verify, sha256).leaving
  }
  assert.is(leaving(first), undefined)
  assert.equal(first.agent.drain.set(true), { drains: true })
  await first.advance(10_000)
  assert.is(leaving(first), true)
  assert.is(first.agent.status().drains, true)
  await first.stop()
  const second = again(first)
  await second.agent.start()
  await second.advance(10_000)
  assert.is(leaving(second), true)
  second.agent.drain.set(false)
  await second.advance(10_000)
  assert.is(leaving(second), undefined)
  await second.stop()
})

test('one that is about to go says so as well, and keeps nothing of it', async () => {
  const first = await online(asking().extra)
  await first.advance(10_000)
  assert.equal(first.agent.drain.go(), { drains: true })
  await first.advance(10_000)
  const envelope = first.broker.retained(topics.node(testNetwork, me.nodeId, 'fact')) ?? new Uint8Array()
  assert.is(openFact(envelope, me.nodeId, me.deviceKey, verify, sha256).leaving, true)
  await first.stop()
  const second = again(first)
  await second.agent.start()
  await second.advance(10_000)
  assert.not(second.agent.drain.isOn())
  second.agent.drain.go()
  assert.ok(second.agent.drain.isOn())
  assert.equal(second.agent.drain.set(false), { drains: false })
  assert.not(second.agent.drain.isOn())
  await second.stop()
})

test('a device that intent does not contain any more has no services', async () => {
  const rig = await served(asking())
  rig.hub.remove(`node/${me.name}`).publish()
  await rig.advance(10_000)
  assert.ok(codes(rig).includes('not-a-member'))
  assert.is(rig.kernel.services, '')
  await rig.stop()
})

test.run()
