// Services of an agent as a whole: what the kernel is told follows from intent, from what backends answer while somebody uses
// them, and from what devices say of themselves, with the hub gone.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../shared/address/cidr.ts'
import { openFact } from '../shared/fact/fact.ts'
import { sha256, verify } from '../shared/host/crypto.ts'
import { topics } from '../shared/wire/topics.ts'
import { again, codes, me, online, other, type Rig, third } from './agent-rig.fake.ts'
import { testNetwork } from './link/hub.fake.ts'
import type { Gone, Question } from './services/doors.ts'
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

test('a device that intent does not contain any more has no services', async () => {
  const rig = await served(asking())
  rig.hub.remove(`node/${me.name}`).publish()
  await rig.advance(10_000)
  assert.ok(codes(rig).includes('not-a-member'))
  assert.is(rig.kernel.services, '')
  await rig.stop()
})

test.run()
