// Whom of a host to tell: by what is there, without a fight, and nobody where that could take its names away.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../../shared/address/cidr.ts'
import { FakeClock, memoryLog } from '../../../shared/effects.fake.ts'
import type { HealthCode } from '../../../shared/health.ts'
import { createFakeHostResolver } from '../../drivers/host-resolver.fake.ts'
import { chooseWay } from './choose.ts'
import type { Surroundings, Way } from './doors.ts'
import { createOwnWiring } from './own-wiring.ts'
import { nameserversOf, stubAddress, upstreamOf, withoutStub, withStub } from './resolv-conf.ts'
import { reverseZones } from './zones.ts'

const LEASED = 'nameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver fe80::1%eth0\n'
const MINUTE_MS = 60_000

function host(text: string, more: Partial<Surroundings> = {}): Surroundings {
  return { resolvConf: { text, kind: 'file' }, resolved: false, dnsmasq: undefined, kubelet: false, ...more }
}

function chosen(surroundings: Surroundings, wanted: 'auto' | 'off' | Way = 'auto'): string {
  const choice = chooseWay(surroundings, wanted)
  return 'way' in choice ? choice.way : `none: ${choice.why}`
}

test('it is told who is asked, and nobody who is not', () => {
  const linked = (link: string, text: string) => host(text, { resolvConf: { text, kind: { link } } })
  const stub = 'nameserver 127.0.0.53\noptions edns0\n'
  assert.is(chosen({ ...linked('../run/systemd/resolve/stub-resolv.conf', stub), resolved: true }), 'resolved')
  assert.match(chosen(host(stub)), /does not run/)
  assert.is(chosen(host('nameserver 127.0.0.1\n', { dnsmasq: 'dnsmasq' })), 'dnsmasq')
  assert.is(chosen(host('nameserver ::1\n', { dnsmasq: 'networkmanager' })), 'networkmanager')
  assert.match(chosen(host('nameserver 127.0.0.1\n')), /not one that can be told/)
  // A dnsmasq for guests of this host that libc does not ask.
  assert.is(chosen(host(LEASED, { dnsmasq: 'dnsmasq' })), 'file')
  assert.is(chosen(host(withStub(LEASED))), 'file')
  assert.is(chosen(host('')), 'file')
  const uplink = linked('/run/systemd/resolve/resolv.conf', LEASED)
  assert.match(chosen({ ...uplink, resolved: true }), /passes by systemd-resolved/)
  assert.match(chosen(linked('/run/resolvconf/resolv.conf', LEASED)), /is a link to \/run\/resolvconf/)
  assert.match(chosen(host(LEASED, { resolvConf: { text: LEASED, kind: 'mount' } })), /as in a container/)
  assert.match(chosen(host(LEASED, { kubelet: true })), /pods/)
  assert.is(chosen(host(LEASED, { kubelet: true }), 'file'), 'file')
  assert.match(chosen(host('', { resolvConf: undefined })), /no \/etc\/resolv\.conf/)
  assert.is(chosen(host(LEASED), 'dnsmasq'), 'dnsmasq')
  assert.is(chosen(host(LEASED), 'off'), 'none: dns: off')
})

test('lines of ours go out as they came in, whatever else is in the file, and once', () => {
  const line = fc.oneof(
    fc.constantFrom('nameserver 192.0.2.1', 'search a.example', '', '# holdfast', 'options timeout:3'),
    fc.string().filter((text) => !/[\n\r]/.test(text) && !text.startsWith('# holdfast:')),
  )
  const file = fc.array(line).map((lines) => lines.join('\n'))
  fc.assert(
    fc.property(file, (text) => {
      assert.is(withoutStub(withStub(text)), text)
      assert.is(withStub(withStub(text)), withStub(text))
      assert.is(nameserversOf(withStub(text))[0], stubAddress)
      assert.ok(!upstreamOf(withStub(text)).includes(stubAddress))
    }),
  )
  // Another tool copied the server, without what says whose it is.
  assert.equal(upstreamOf(`search x\nnameserver ${stubAddress}\nnameserver 192.0.2.1\n`), ['192.0.2.1'])
})

test('a host that names no server has one after ours as well', () => {
  assert.equal(nameserversOf(withStub('search plant.example\n')), [stubAddress, '127.0.0.1'])
  assert.equal(upstreamOf(''), ['127.0.0.1'])
})

test('blocks are as many zones of the reverse as it takes', () => {
  assert.equal(reverseZones(parseCidr('10.77.0.0/16')), ['77.10.in-addr.arpa'])
  assert.equal(reverseZones(parseCidr('10.0.0.0/8')), ['10.in-addr.arpa'])
  assert.is(reverseZones(parseCidr('100.64.0.0/10')).length, 64)
  assert.equal(reverseZones(parseCidr('100.80.4.0/23')), ['4.80.100.in-addr.arpa', '5.80.100.in-addr.arpa'])
  assert.equal(reverseZones(parseCidr('192.0.2.8/31')).length, 2)
  assert.equal(reverseZones(parseCidr('fd77::/16')), ['7.7.d.f.ip6.arpa'])
  assert.equal(reverseZones(parseCidr('fd00::/10')).at(-1), '3.d.f.ip6.arpa')
})

function bench(text = LEASED) {
  const [clock, fake, raised] = [new FakeClock(), createFakeHostResolver(text), new Map<HealthCode, string>()]
  const prepared: Way[] = []
  let refusal: Error | undefined
  const wiring = createOwnWiring(fake, 'auto', {
    clock,
    log: memoryLog(),
    health: { raise: (code, why = '') => void raised.set(code, why), clear: (code) => void raised.delete(code) },
    prepare: async (way) => {
      prepared.push(way)
      if (refusal !== undefined) throw refusal
    },
  })
  const wanted = { interface: 'hf0', zones: ['mesh.internal'], at: [parseAddress('100.80.0.2')], port: 51_824 }
  const follow = () => wiring.follow(wanted)
  return { clock, fake, raised, prepared, wiring, wanted, follow, refuse: (why?: Error) => void (refusal = why) }
}

test('libc is sent here once somebody answers, and asked before where else names are known', async () => {
  const { fake, follow, prepared, wiring } = bench()
  await follow()
  assert.equal(prepared, ['file'])
  assert.is(nameserversOf(fake.text())[0], stubAddress)
  assert.equal(wiring.upstream(), ['192.0.2.53', '2001:db8::53', 'fe80::1%eth0'])
  assert.equal(wiring.status(), { by: 'file' })
})

test('nobody is sent where nothing can be answered, and it is tried again', async () => {
  const { clock, fake, follow, raised, refuse, wiring } = bench()
  refuse(new Error('EADDRINUSE'))
  await follow()
  assert.is(fake.text(), LEASED)
  assert.match(String(wiring.status().why), /EADDRINUSE/)
  assert.ok(raised.has('names-not-wired'))
  refuse()
  clock.advance(MINUTE_MS)
  await follow()
  assert.is(nameserversOf(fake.text())[0], stubAddress)
  assert.is(raised.size, 0)
})

test('a lease that is renewed is followed; who writes again and again wins, for an hour', async () => {
  const { clock, fake, follow, raised, wiring } = bench()
  const renew = async (server: string): Promise<void> => {
    fake.become({ resolvConf: { text: `nameserver ${server}\n`, kind: 'file' } })
    clock.advance(MINUTE_MS)
    await follow()
  }
  await follow()
  await renew('192.0.2.54')
  assert.equal(nameserversOf(fake.text()), [stubAddress, '192.0.2.54'])
  assert.equal(wiring.upstream(), ['192.0.2.54'])
  for (let round = 0; round < 20; round++) await renew('192.0.2.55')
  assert.equal(nameserversOf(fake.text()), ['192.0.2.55'])
  assert.match(raised.get('names-not-wired') ?? '', /again and again/)
  clock.advance(60 * MINUTE_MS)
  await renew('192.0.2.55')
  assert.is(nameserversOf(fake.text())[0], stubAddress)
  assert.is(raised.size, 0)
})

test('another resolver that comes is told instead, and the former one forgets', async () => {
  const { fake, follow, wanted } = bench()
  await follow()
  const resolvConf = { text: 'nameserver 127.0.0.53\n', kind: { link: '/run/systemd/resolve/stub-resolv.conf' } }
  fake.become({ resolvConf, resolved: true })
  await follow()
  assert.equal(fake.told(), { resolved: { ...wanted, way: 'resolved' } })
  fake.become({ resolvConf: { text: 'nameserver 127.0.0.1\n', kind: 'file' }, dnsmasq: 'dnsmasq', resolved: false })
  await follow()
  assert.equal(Object.keys(fake.told()), ['dnsmasq'])
})

test('what can’t be told is a condition for as long as it can’t', async () => {
  const { clock, fake, follow, raised } = bench()
  fake.refuse(new Error('EROFS: read-only file system'))
  await follow()
  assert.match(raised.get('names-not-wired') ?? '', /read-only/)
  fake.refuse(undefined)
  clock.advance(MINUTE_MS)
  await follow()
  assert.is(raised.size, 0)
})

test.run()
