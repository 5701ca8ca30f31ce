// Names of others: those of sites out of a cache that outlives the site, all else of whom libc asked before, nobody in circles.

import * as packet from 'dns-packet'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { siteAnswersMax } from '../../shared/name-limits.ts'
import type { NameAsker, NameServerAt } from './doors.ts'
import { createFurther } from './further.ts'
import { type SiteZone, siteZonesOf } from './site-zones.ts'
import { leastTimeS, withTimes } from './times.ts'
import { askedOf } from './wire.ts'

const [SITE, SPARE, BEFORE] = ['10.201.7.53', '10.201.7.54', '192.0.2.53']
const zones = [
  { zone: 'plant.example', servers: [SITE, SPARE].map(parseAddress) },
  { zone: 'lab.plant.example', servers: [parseAddress('fd10::53')], port: 5_353 },
]

function questionFor(name: string, more: Partial<packet.Packet> = {}): Buffer {
  const questions = [{ name, type: 'A' as const }]
  return packet.encode({ type: 'query', id: 77, flags: packet.RECURSION_DESIRED, questions, ...more })
}

function answerTo(question: Uint8Array, data: string, ttl = 60): Buffer {
  const { id = 0, questions = [] } = packet.decode(Buffer.from(question))
  const name = questions[0]?.name ?? ''
  const answers = data === '' ? [] : [{ type: 'A' as const, name, ttl, data }]
  const soa = { mname: 'ns.x', rname: 'h.x', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: ttl }
  const authorities = data === '' ? [{ type: 'SOA' as const, name: 'x', ttl, data: soa }] : []
  return packet.encode({ type: 'response', id, flags: data === '' ? 3 : 0, questions, answers, authorities })
}

type Server = (question: Uint8Array, at: NameServerAt) => Promise<Buffer>

/** Says nothing until nobody waits. */
const silent: Server = () => new Promise(() => undefined)

function bench(servers: Record<string, Server>, known: readonly SiteZone[] = zones) {
  const [clock, asked]: [FakeClock, string[]] = [new FakeClock(), []]
  const ask: NameAsker = (at, question) => {
    asked.push(at.host)
    return (servers[at.host] ?? silent)(question, at)
  }
  const further = createFurther(ask, clock)
  const get = async (name: string, others: readonly string[] = [], more: Partial<packet.Packet> = {}) => {
    const question = questionFor(name, more)
    const what = askedOf(question)
    assert.ok(what)
    const answer = further.answer(question, what, 'udp', known, others)
    // Long enough for whoever is waited for.
    for (let step = 0; step < 30; step++) await clock.advanceAsync(100)
    const bytes = await answer
    if (bytes === undefined) return undefined
    const { answers = [], id, questions = [], rcode } = packet.decode(bytes) as packet.DecodedPacket & { rcode: string }
    assert.is(id, 77)
    assert.is(questions[0]?.name, name)
    const told = answers.flatMap((one) => (one.type === 'A' ? [`${one.data} ${one.ttl}`] : []))
    return [rcode, ...told].join(' ')
  }
  return { clock, asked, get, servers }
}

const says =
  (data: string, ttl = 60): Server =>
  async (question) =>
    answerTo(question, data, ttl)

test('a zone is asked of its own servers, the nearest zone counts, and nothing else is asked of anybody', async () => {
  const { asked, get } = bench({ [SITE]: says('10.201.7.20'), 'fd10::53': says('10.9.9.9') })
  assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.20 60')
  assert.is(await get('Scope.Lab.plant.example'), 'NOERROR 10.9.9.9 60')
  assert.is(await get('example.com'), undefined)
  assert.is(await get('otherplant.example'), undefined)
  assert.equal(asked, [SITE, 'fd10::53'])
})

test('of a site whose addresses the mesh maps, the answer is what the mesh has, also out of the cache', async () => {
  const mappings = [{ from: parseCidr('192.168.1.0/24'), to: parseCidr('10.201.7.0/24') }]
  const { asked, get } = bench({ [SITE]: says('192.168.1.20') }, [{ ...zones[0], mappings } as SiteZone])
  assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.20 60')
  assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.20 57')
  assert.equal(asked, [SITE])
})

test('an answer is kept for its time, told with what is left of it, and for a day after that while nobody answers', async () => {
  const { asked, clock, get, servers } = bench({ [SITE]: says('10.201.7.20') })
  await get('press.plant.example')
  clock.advance(19_500)
  assert.is(await get('PRESS.plant.example'), 'NOERROR 10.201.7.20 38')
  assert.is(asked.length, 1)
  servers[SITE] = silent
  clock.advance(60_000)
  assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.20 30')
  const tried = asked.length
  assert.ok(tried > 1)
  // Not again for half a minute.
  assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.20 30')
  assert.is(asked.length, tried)
  clock.advance(23 * 3_600_000)
  assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.20 30')
  clock.advance(2 * 3_600_000)
  assert.is(await get('press.plant.example'), 'SERVFAIL')
  servers[SITE] = says('10.201.7.21')
  assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.21 60')
})

test('an old answer is told within the second that libc waits, and a new one is taken when it comes', async () => {
  const { clock, get, servers } = bench({ [SITE]: says('10.201.7.20', 1) })
  await get('press.plant.example')
  clock.advance(10_000)
  let release: (() => void) | undefined
  servers[SITE] = (question) =>
    new Promise((resolve) => (release = () => resolve(answerTo(question, '10.201.7.21', 600))))
  assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.20 30')
  release?.()
})

test('what does not exist is kept for a minute at most, what failed not at all', async () => {
  const { asked, clock, get, servers } = bench({ [SITE]: says('', 86_400) })
  assert.is(await get('nobody.plant.example'), 'NXDOMAIN')
  assert.is(await get('nobody.plant.example'), 'NXDOMAIN')
  assert.is(asked.length, 1)
  clock.advance(60_000)
  servers[SITE] = says('10.201.7.30')
  assert.is(await get('nobody.plant.example'), 'NOERROR 10.201.7.30 60')
})

test('a server that is silent, refuses or is not there is passed over, and whoever answered is asked first', async () => {
  const refuses: Server = async (question) =>
    packet.encode({ ...packet.decode(answerTo(question, '')), flags: 5 | 0x8000 })
  for (const bad of [silent, refuses, async () => Promise.reject(new Error('ECONNREFUSED'))]) {
    const { asked, get } = bench({ [SITE]: bad, [SPARE]: says('10.201.7.20') })
    assert.is(await get('press.plant.example'), 'NOERROR 10.201.7.20 60')
    await get('saw.plant.example')
    assert.equal(asked, [SITE, SPARE, SPARE])
  }
})

test('a question that comes round while it is asked ends in no circle', async () => {
  let rounds = 0
  const { get } = bench({
    [SITE]: async () => {
      rounds += 1
      // What a name server does that asks this one for the zone: its client waits for us, and we for it.
      return await new Promise<Buffer>(() => undefined)
    },
    [SPARE]: silent,
  })
  const both = await Promise.all([get('press.plant.example'), get('press.plant.example')])
  assert.equal(both, ['SERVFAIL', 'SERVFAIL'])
  assert.is(rounds, 1)
})

test('names of no zone go where libc sent them before, and not to what is no address', async () => {
  const { asked, get } = bench({ [BEFORE]: says('203.0.113.7', 5) })
  assert.is(await get('example.com', ['localhost', BEFORE]), 'NOERROR 203.0.113.7 5')
  assert.is(await get('example.com', [BEFORE]), 'NOERROR 203.0.113.7 5')
  assert.equal(asked, [BEFORE, BEFORE])
  assert.is(await get('example.com', ['192.0.2.99']), 'SERVFAIL')
})

test('only so many answers are kept', async () => {
  const { asked, get } = bench({ [SITE]: says('10.201.7.20', 3_000) })
  await get('first.plant.example')
  for (let at = 0; at < siteAnswersMax; at += 16) {
    await Promise.all(Array.from({ length: 16 }, (_, more) => get(`n${at + more}.plant.example`)))
  }
  const before = asked.length
  await get('first.plant.example')
  assert.is(asked.length, before + 1)
})

test('name servers that are this host are not asked, nor are zones that have no other', () => {
  const left = siteZonesOf(zones, new Set([SITE, 'fd10::53']))
  assert.equal(
    left.map(({ servers, zone }) => `${zone} ${servers.join()}`),
    [`plant.example ${SPARE}`],
  )
})

test('times are read and set wherever records stand, and bytes that are no answer harm nobody', () => {
  const options = { type: 'OPT', name: '.', udpPayloadSize: 1_232, extendedRcode: 0, ednsVersion: 0, flags: 0 } as never
  const bytes = packet.encode({
    ...packet.decode(answerTo(questionFor('press.plant.example'), '10.0.0.1', 90)),
    additionals: [{ type: 'A', name: 'ns.plant.example', ttl: 45, data: '10.0.0.2' }, options],
  })
  assert.is(leastTimeS(bytes), 45)
  assert.is(leastTimeS(withTimes(bytes, (timeS) => timeS - 40)), 5)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(bytes.length), (noise, cut) => {
      leastTimeS(Buffer.from(noise))
      leastTimeS(Buffer.concat([bytes.subarray(0, cut), noise]))
    }),
  )
})

test.run()
