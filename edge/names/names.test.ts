// What the resolver says: names of nodes both ways, nothing of others, and no word to what is no question.

import * as packet from 'dns-packet'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { answer } from './answer.ts'
import { addressOf, reverseName, reverseOf } from './reverse.ts'
import { respond } from './wire.ts'
import { zoneOf } from './zone.ts'

const zone = zoneOf(
  fakeRecords({
    network: { cidr: '10.77.0.0/20', cidr6: 'fd77::/64', dnsDomain: 'mesh.example' },
    nodes: [
      { name: 'alpha-1', addresses: ['10.77.0.1', 'fd77::1'] },
      { name: 'beta-1', addresses: ['10.77.15.2'] },
      { name: 'print', addresses: ['10.77.15.3'] },
    ],
    services: {
      print: { ports: [{ port: 631, name: 'ipp' }], backends: { matchLabels: { role: 'nobody' } } },
      web: {
        ports: [{ port: 80, name: 'http' }, { port: 53, protocol: 'UDP', name: 'dns' }, { port: 9 }],
        backends: {},
        export: { cluster: 'north', namespace: 'shop', service: 'front' },
      },
    },
  }),
  7,
)

function ask(name: string, type = 'A', of = 'IN') {
  const { answers, authority, rcode } = answer(zone, { name, type, class: of })
  const wordsOf = (one: (typeof answers)[number]): string | number =>
    one.type === 'SOA' ? one.serial : one.type === 'SRV' ? `${one.target}:${one.port}` : one.data
  const said = answers.map((one) => `${one.type} ${wordsOf(one)}`).join()
  return `${rcode} ${said}${authority.length > 0 ? `+${authority.map(({ name: apex }) => apex).join()}` : ''}`
}

test('a node has the addresses of its record, whatever the case of letters', () => {
  assert.is(ask('alpha-1.mesh.example'), 'NOERROR A 10.77.0.1')
  assert.is(ask('alpha-1.mesh.example', 'AAAA'), 'NOERROR AAAA fd77::1')
  assert.is(ask('Alpha-1.MESH.example', 'ANY'), 'NOERROR A 10.77.0.1,AAAA fd77::1')
  assert.is(
    answer(zone, { name: 'ALPHA-1.mesh.example', type: 'A', class: 'IN' }).answers[0]?.name,
    'ALPHA-1.mesh.example',
  )
})

test('a name without such an address is not a name that is not there', () => {
  assert.is(ask('beta-1.mesh.example', 'AAAA'), 'NOERROR +mesh.example')
  assert.is(ask('alpha-1.mesh.example', 'MX'), 'NOERROR +mesh.example')
  assert.is(ask('gamma-1.mesh.example'), 'NXDOMAIN +mesh.example')
  assert.is(ask('www.alpha-1.mesh.example'), 'NXDOMAIN +mesh.example')
  assert.is(ask('mesh.example'), 'NOERROR +mesh.example')
  assert.is(ask('mesh.example', 'SOA'), 'NOERROR SOA 7')
})

test('an address leads back to its node; one of the mesh that nobody has, to nobody', () => {
  assert.is(ask('1.0.77.10.in-addr.arpa', 'PTR'), 'NOERROR PTR alpha-1.mesh.example')
  assert.is(ask(reverseName(parseAddress('fd77::1')), 'PTR'), 'NOERROR PTR alpha-1.mesh.example')
  assert.is(ask('9.0.77.10.in-addr.arpa', 'PTR'), 'NXDOMAIN +9.0.77.10.in-addr.arpa')
  assert.is(ask('77.10.in-addr.arpa', 'PTR'), 'NOERROR +77.10.in-addr.arpa')
})

test('a service has its virtual address, whether anybody serves it or not, and says where its named ports are', () => {
  assert.is(ask('web.mesh.example'), 'NOERROR A 10.77.0.202')
  assert.is(ask('web.mesh.example', 'AAAA'), 'NOERROR +mesh.example')
  assert.is(ask('_http._tcp.web.mesh.example', 'SRV'), 'NOERROR SRV web.mesh.example:80')
  assert.is(ask('_dns._udp.web.svc.mesh.example', 'SRV'), 'NOERROR SRV web.svc.mesh.example:53')
  assert.is(ask('_dns._tcp.web.mesh.example', 'SRV'), 'NXDOMAIN +mesh.example')
  // Names in between are there, and have nothing.
  for (const between of ['_tcp.web.mesh.example', 'svc.mesh.example']) assert.is(ask(between), 'NOERROR +mesh.example')
  assert.is(ask('202.0.77.10.in-addr.arpa', 'PTR'), 'NOERROR PTR web.mesh.example')
})

test('where a node has the name of a service, the service goes by its longer one', () => {
  assert.is(ask('print.mesh.example'), 'NOERROR A 10.77.15.3')
  assert.is(ask('print.svc.mesh.example'), 'NOERROR A 10.77.0.201')
  assert.is(ask('_ipp._tcp.print.mesh.example', 'SRV'), 'NXDOMAIN +mesh.example')
  assert.is(ask('201.0.77.10.in-addr.arpa', 'PTR'), 'NOERROR PTR print.svc.mesh.example')
})

test('what clusters export is found as the multi-cluster services API has it', () => {
  assert.is(ask('front.shop.svc.clusterset.local'), 'NOERROR A 10.77.0.202')
  const srv = 'NOERROR SRV front.shop.svc.clusterset.local:80'
  assert.is(ask('_http._tcp.front.shop.svc.clusterset.local', 'SRV'), srv)
  assert.is(ask('dns-version.clusterset.local', 'TXT'), 'NOERROR TXT 1.0.0')
  assert.is(ask('clusterset.local', 'SOA'), 'NOERROR SOA 7')
  assert.is(ask('shop.svc.clusterset.local'), 'NOERROR +clusterset.local')
  assert.is(ask('web.shop.svc.clusterset.local'), 'NXDOMAIN +clusterset.local')
  const none = zoneOf(fakeRecords({ nodes: [] }), 1)
  assert.is(answer(none, { name: 'dns-version.clusterset.local', type: 'TXT', class: 'IN' }).rcode, 'REFUSED')
})

test('whoever asks where a port is gets the address along with it', () => {
  const read = packet.decode(Buffer.from(respond(zone, question('_http._tcp.web.mesh.example', 'SRV'), 'udp') ?? []))
  const [srv] = read.answers ?? []
  assert.equal(srv?.type === 'SRV' && srv.data, { priority: 0, weight: 100, port: 80, target: 'web.mesh.example' })
  assert.equal(
    read.additionals?.map((one) => 'data' in one && one.data),
    ['10.77.0.202'],
  )
})

test('whoever asks for others is refused', () => {
  for (const name of ['example', 'example.com', 'xmesh.example', 'mesh.example.com', '', 'localhost']) {
    assert.is(ask(name), 'REFUSED ', name)
  }
  for (const name of [
    '1.16.77.10.in-addr.arpa',
    '1.0.0.127.in-addr.arpa',
    '78.10.in-addr.arpa',
    '1.0.77.10.in-addr.arpa.',
    '01.0.77.10.in-addr.arpa',
    '1.1.0.77.10.in-addr.arpa',
    '256.0.77.10.in-addr.arpa',
    'x.ip6.arpa',
  ]) {
    assert.is(ask(name, 'PTR'), 'REFUSED ', name)
  }
  assert.is(ask('alpha-1.mesh.example', 'A', 'CH'), 'REFUSED ')
  assert.is(answer(undefined, { name: 'alpha-1.mesh.example', type: 'A', class: 'IN' }).rcode, 'REFUSED')
})

test('every address has a name to ask by, and that name leads back to it', () => {
  const addresses = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => {
    try {
      return parseAddress(text)
    } catch {
      return parseAddress('10.0.0.1')
    }
  })
  fc.assert(
    fc.property(addresses, (address) => {
      const reverse = reverseOf(reverseName(address))
      assert.is(reverse === undefined ? undefined : addressOf(reverse), address)
    }),
  )
})

function question(name: string, type: packet.RecordType, more: Partial<packet.Packet> = {}): Buffer {
  return packet.encode({
    type: 'query',
    id: 4_711,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type, name, class: 'IN' }],
    ...more,
  })
}

test('as programs ask it', () => {
  const reply = respond(zone, question('alpha-1.mesh.example', 'A'), 'udp')
  const read = packet.decode(Buffer.from(reply ?? []))
  assert.is(read.id, 4_711)
  assert.is(read.type, 'response')
  assert.ok(read.flag_aa && read.flag_rd && !read.flag_ra && !read.flag_tc)
  assert.equal(
    read.answers?.map((one) => 'data' in one && one.data),
    ['10.77.0.1'],
  )
  assert.equal(read.additionals, [])
  const missing = packet.decode(Buffer.from(respond(zone, question('nobody.mesh.example', 'A'), 'udp') ?? []))
  assert.is((missing.flags ?? 0) & 15, 3)
  assert.is(missing.authorities?.[0]?.type, 'SOA')
})

test('who speaks of larger packets is answered so', () => {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 4_096, extendedRcode: 0, ednsVersion: 0, flags: 0 } as const
  const asked = question('alpha-1.mesh.example', 'A', { additionals: [{ ...opt, flag_do: false, options: [] }] })
  const [own] = packet.decode(Buffer.from(respond(zone, asked, 'udp') ?? [])).additionals ?? []
  assert.is(own?.type === 'OPT' && own.udpPayloadSize, 1_232)
})

test('what is too long for a packet comes by TCP', () => {
  const addresses = Array.from({ length: 60 }, (_, at) => parseAddress(`10.77.0.${at + 1}`))
  const crowd = zone === undefined ? undefined : { ...zone, hosts: new Map([['crowd.mesh.example', addresses]]) }
  const asked = question('crowd.mesh.example', 'A')
  const short = packet.decode(Buffer.from(respond(crowd, asked, 'udp') ?? []))
  assert.ok(short.flag_tc)
  assert.equal(short.answers, [])
  assert.is(packet.decode(Buffer.from(respond(crowd, asked, 'tcp') ?? [])).answers?.length, 60)
})

test('answers are not answered, and what can’t be read is said to be so', () => {
  const reply = respond(zone, question('alpha-1.mesh.example', 'A'), 'udp') ?? new Uint8Array()
  assert.is(respond(zone, reply, 'udp'), undefined)
  assert.is(respond(zone, new Uint8Array(11), 'udp'), undefined)
  const cut = respond(zone, question('alpha-1.mesh.example', 'A').subarray(0, 20), 'udp')
  assert.is(cut?.length, 12)
  assert.is((cut?.[3] ?? 0) & 15, 1)
  const update = question('alpha-1.mesh.example', 'A', { flags: 5 << 11 })
  assert.is((respond(zone, update, 'udp')?.[3] ?? 0) & 15, 4)
  const two = question('a.mesh.example', 'A', {
    questions: ['a', 'b'].map((name) => ({ type: 'A', name, class: 'IN' })),
  })
  assert.is((respond(zone, two, 'udp')?.[3] ?? 0) & 15, 1)
})

test('no bytes break it', () => {
  const whole = question('alpha-1.mesh.example', 'A')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(whole.length), (noise, at) => {
      const spoilt = new Uint8Array([...whole.subarray(0, at), ...noise])
      const reply = respond(zone, spoilt, 'udp')
      assert.ok(reply === undefined || (reply.length >= 12 && reply.length <= 1_232))
      // A pointer that leads to itself, or in a circle.
      const circle = Buffer.concat([whole.subarray(0, 12), Buffer.from([0xc0, 12 + (at % 4), 0xc0, 12, 0, 1, 0, 1])])
      assert.ok((respond(zone, circle, 'udp')?.length ?? 0) >= 12)
    }),
    { numRuns: 500 },
  )
})

test.run()
