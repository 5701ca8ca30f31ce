// Who gets the next flow of a service, what the kernel is told of it, and what nobody should be able to make of it.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addressAt, familyOf, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import type { NodeId } from '../../shared/ids.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { renderServices } from '../plan/nft-services.ts'
import type { Backend } from './backend.ts'
import { choose, type Known, type Standing, type Way } from './choose.ts'
import { frontsOf } from './front.ts'
import { goneOf, tableOf } from './table.ts'
import { unasked, type Verdict } from './verdict.ts'

const web = { ports: [{ port: 80, targetPort: 8_080 }], backends: { matchLabels: { role: 'web' } } }

function records(services: Readonly<Record<string, object>> = { web }): ParsedRecords {
  const role = { role: 'web' }
  return fakeRecords({
    nodes: [
      { name: 'a', labels: role },
      { name: 'b', labels: role },
      { name: 'c', labels: { ...role, 'holdfast.dev/drain': 'true' } },
      { name: 'd' },
    ],
    services,
  })
}

const D = 'eaaaaaaaaaaaaaaa' as NodeId

function fronts(of = records(), self = D) {
  return frontsOf({ records: of, self, isLeaving: () => false, tableOf: () => undefined })
}

interface Facts {
  readonly verdicts?: Readonly<Record<string, Partial<Verdict>>>
  readonly ways?: Readonly<Record<string, Partial<Way>>>
  readonly served?: readonly string[]
}

function known(backends: readonly Backend[], { served = [], verdicts = {}, ways = {} }: Facts): Known {
  const nameOf = (node: NodeId): string => backends.find((one) => one.node === node)?.name ?? ''
  return {
    verdict: ({ name }) => ({ ...unasked, ...verdicts[name] }),
    way: (node) => ({ path: 'direct', gone: false, ...ways[nameOf(node)] }),
    served: ({ name }) => served.includes(name),
  }
}

function standing(facts: Facts, self?: NodeId): Readonly<Record<string, Standing>> {
  const [front] = fronts(records(), self).fronts
  const backends = front?.backends ?? []
  return Object.fromEntries(Array.from(choose(backends, known(backends, facts)), ([{ name }, now]) => [name, now]))
}

test('all that are well and equally near share the flows; who is leaving gets none', () => {
  assert.equal(standing({}), { c: 'drains', a: 'serves', b: 'serves' })
  const same = { a: { rttMs: 20 }, b: { rttMs: 33 } }
  assert.equal(standing({ ways: same }), { c: 'drains', a: 'serves', b: 'serves' })
})

test('the nearest are taken: this node, then its LAN, then others by their measured distance', () => {
  assert.equal(standing({}, 'baaaaaaaaaaaaaaa' as NodeId), { a: 'serves', b: 'stands-by', c: 'drains' })
  assert.is(standing({ ways: { a: { path: 'lan', rttMs: 40 } } })['b'], 'stands-by')
  assert.is(standing({ ways: { a: { path: 'relay', rttMs: 1 } } })['a'], 'stands-by')
  const apart = { a: { rttMs: 20 }, b: { rttMs: 45 } }
  assert.equal(standing({ ways: apart }), { c: 'drains', a: 'serves', b: 'stands-by' })
  // Who was in stays in until it is clearly farther.
  assert.is(standing({ ways: apart, served: ['b'] })['b'], 'serves')
  assert.is(standing({ ways: { a: { rttMs: 20 }, b: { rttMs: 51 } }, served: ['b'] })['b'], 'stands-by')
  // What it says when it is asked counts for more than what its path is like.
  assert.is(standing({ ways: apart, verdicts: { b: { health: 'serves', rttMs: 5 } } })['b'], 'serves')
})

test('who fails or is lost gets nothing, and those that are leaving serve where nobody else does', () => {
  assert.equal(standing({ verdicts: { a: { health: 'fails' } } }), { a: 'fails', b: 'serves', c: 'drains' })
  assert.equal(standing({ verdicts: { a: { health: 'silent' } } }), { a: 'lost', b: 'serves', c: 'drains' })
  assert.equal(standing({ ways: { b: { gone: true } } }), { b: 'lost', a: 'serves', c: 'drains' })
  const ill = { a: { health: 'fails' }, b: { health: 'fails' } } as const
  assert.equal(standing({ verdicts: ill }), { a: 'fails', b: 'fails', c: 'serves' })
  assert.equal(standing({ verdicts: { ...ill, c: { health: 'fails' } } }), { a: 'fails', b: 'fails', c: 'fails' })
})

function text(of: ParsedRecords, facts: Facts = {}): string {
  const stood = fronts(of).fronts.map((front) => ({
    front,
    standing: choose(front.backends, known(front.backends, facts)),
  }))
  return renderServices(tableOf('hf0', stood))
}

const WEB = `table inet holdfast_services {
	set used4 {
		type ipv4_addr
		size 4096
		flags dynamic,timeout
		timeout 600s
	}
	set used6 {
		type ipv6_addr
		size 4096
		flags dynamic,timeout
		timeout 600s
	}
	chain lead_0 {
		meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.77.0.1 . 8080, 1 : 10.77.0.2 . 8080 }
	}
	chain choose {
		ip daddr 10.77.0.201 update @used4 { ip daddr }
		ip daddr . meta l4proto . th dport vmap { 10.77.0.201 . tcp . 80 : goto lead_0 }
	}
	chain refuse {
		meta l4proto tcp reject with tcp reset
		reject with icmpx type port-unreachable
	}
	chain from_here {
		type nat hook output priority -102; policy accept;
		jump choose
	}
	chain from_behind {
		type nat hook prerouting priority -102; policy accept;
		iifname != "hf0" jump choose
	}
	chain refuse_here {
		type filter hook output priority filter - 1; policy accept;
		oifname != "hf0" accept
		ip daddr 10.77.0.201 goto refuse
	}
	chain refuse_behind {
		type filter hook forward priority filter - 1; policy accept;
		oifname != "hf0" accept
		ip daddr 10.77.0.201 goto refuse
	}
}
`

test('the text of the table, word for word', () => {
  assert.is(text(records()), WEB)
  assert.is(text(records({})), '')
})

test('flows of whoever is lost are refused where they have somewhere else to go', () => {
  const line = 'ct status dnat ct original ip daddr . ct reply ip saddr { 10.77.0.201 . 10.77.0.1 } goto refuse'
  assert.ok(text(records(), { ways: { a: { gone: true } } }).includes(line))
  const all = { a: { gone: true }, b: { gone: true }, c: { gone: true } }
  assert.not.match(text(records(), { ways: all }), /ct status/)
})

test('UDP of whoever fails or is lost is ended where somebody else serves, and TCP is not', () => {
  const dns = { ports: [{ port: 53, protocol: 'UDP' }], backends: { matchLabels: { role: 'web' } } }
  const goneFrom = (service: object, facts: Facts): readonly string[] => {
    const stood = fronts(records({ dns: service })).fronts.map((front) => ({
      front,
      standing: choose(front.backends, known(front.backends, facts)),
    }))
    return goneOf(stood).map(({ backend, virtual }) => `${virtual} ${backend}`)
  }
  assert.equal(goneFrom(dns, { verdicts: { a: { health: 'fails' } } }), ['10.77.0.201 10.77.0.1'])
  assert.equal(goneFrom(dns, { ways: { b: { gone: true } } }), ['10.77.0.201 10.77.0.2'])
  assert.equal(goneFrom(web, { verdicts: { a: { health: 'fails' } } }), [])
  const all = { a: { gone: true }, b: { gone: true }, c: { gone: true } }
  assert.equal(goneFrom(dns, { ways: all }), [])
  // Who drains keeps what it has.
  assert.equal(goneFrom(dns, {}), [])
})

test('a service without backends, or with none that serves, has its address and is refused', () => {
  const nobody = { ...web, backends: { matchLabels: { role: 'nobody' } } }
  const empty = text(records({ web: nobody }))
  assert.not.match(empty, /dnat ip to/)
  assert.match(empty, /ip daddr 10\.77\.0\.201 goto refuse/)
  const gone = { gone: true }
  assert.not.match(text(records(), { ways: { a: gone, b: gone, c: gone } }), /dnat ip to/)
})

test('a backend whose address is virtual itself serves nobody', () => {
  const of = records()
  const [service] = of.services
  const addresses = [parseAddress('10.77.0.1')]
  const twisted = { ...of, services: service === undefined ? [] : [{ ...service, addresses }] }
  const [front] = fronts(twisted).fronts
  assert.equal(
    front?.backends.map((one) => [one.name, ...one.addresses]),
    [
      ['a', 'fd77::1'],
      ['b', '10.77.0.2', 'fd77::2'],
      ['c', '10.77.0.3', 'fd77::3'],
    ],
  )
})

test('what several clusters export is one service: the nearest of all of them, each at the port that it has', () => {
  const exported = (cluster: string, role: string, port: number) => ({
    ports: [{ port: 80, targetPort: port }, ...(role === 'db' ? [{ port: 81 }] : [])],
    backends: { matchLabels: { role } },
    export: { cluster, namespace: 'shop', service: 'web' },
  })
  const roles = fakeRecords({
    nodes: [
      { name: 'a', labels: { role: 'web' } },
      { name: 'b', labels: { role: 'db' } },
    ],
    services: { north: exported('north', 'web', 30_080), south: exported('south', 'db', 31_000) },
  })
  const [first] = roles.services
  const of = { ...roles, services: roles.services.map((one) => ({ ...one, addresses: first?.addresses ?? [] })) }
  const equal = text(of)
  assert.match(equal, 'map { 0 : 10.77.0.1 . 30080, 1 : 10.77.0.2 . 31000 }')
  assert.match(equal, '10.77.0.201 . tcp . 80 : goto lead_0, 10.77.0.201 . tcp . 81 : goto lead_1')
  const near = text(of, { ways: { a: { path: 'lan' } } })
  assert.match(near, 'dnat ip to 10.77.0.1:30080')
  assert.not.match(near, '31000')
  // A port that none of the nearest has is served all the same.
  assert.match(near, 'dnat ip to 10.77.0.2:81')
  const gone = text(of, { ways: { a: { path: 'lan', gone: true } } })
  assert.match(gone, 'dnat ip to 10.77.0.2:31000')
})

test('thousands of services are bounded, and what is left out is told', () => {
  const many = Object.fromEntries(Array.from({ length: 2_050 }, (_, at) => [`s-${1_000_000 + at}`, web]))
  const of = { ...records(), services: [] as ParsedRecords['services'][number][] }
  const [first] = records().services
  for (const name of Object.keys(many)) {
    const addresses = [addressAt(parseCidr('10.99.0.0/16'), BigInt(of.services.length + 1))]
    if (first !== undefined) of.services.push({ ...first, addresses, name: name as typeof first.name })
  }
  const found = fronts(of)
  assert.is(found.fronts.length, 2_048)
  assert.equal(found.omitted, ['2 services beyond the first 2048 by name'])
})

test('the text depends on nothing but what is said, and leads to members of the same family only', () => {
  const six = parseAddress('fd77::c9')
  const of = records({ web, zoo: { ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }], backends: {} } })
  const both = { ...of, services: of.services.map((one) => ({ ...one, addresses: [...one.addresses, six] })) }
  fc.assert(
    fc.property(fc.shuffledSubarray([...both.services], { minLength: 2 }), (services) => {
      assert.is(text({ ...both, services }), text(both))
    }),
  )
  for (const [, lead = ''] of text(both).matchAll(/dnat (ip6? to .*)/g)) {
    const family = lead.startsWith('ip6') ? 6 : 4
    const addresses = lead.match(/10\.[\d.]+|fd77[0-9a-f:]+/g) ?? []
    assert.ok(addresses.length > 0)
    for (const address of addresses) assert.is(familyOf(parseAddress(address)), family)
  }
})

test.run()
