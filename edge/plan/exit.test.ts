// Who goes out by whom: nobody in a circle, whatever the selectors say.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import type { NodeId } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import { desire, type Wish } from './desire.ts'
import { exitForwards, exitOf, exitOmissions } from './exit.ts'
import { exitSetup } from './exit-setup.ts'

type Labels = Readonly<Record<string, string>>

function world(nodes: readonly { name: string; labels?: Labels }[], exits: Readonly<Record<string, object>>) {
  const bodies = Object.entries(exits).map(([name, spec]) => ({
    name: name as BodyOf<'exit'>['name'],
    spec: parseWith(specs.Exit, { resolvers: ['9.9.9.9'], ...spec }),
  }))
  return { ...fakeRecords({ nodes }), exits: bodies }
}

function idOf(records: ParsedRecords, name: string): NodeId {
  const node = records.nodes.find((one) => one.name === name)
  if (node === undefined) throw new Error(name)
  return node.nodeId
}

function viaOf(records: ParsedRecords, name: string): readonly string[] {
  const routers = exitOf(records, idOf(records, name))?.groups.flatMap((group) => group.routers) ?? []
  return [...new Set(routers.map((router) => router.name))]
}

function wishOf(records: ParsedRecords, isLost = false, local: string[] = []): Wish {
  return desire({
    records,
    self: idOf(records, 'self'),
    wgKey: fakeWgKey(1),
    interface: 'hf0',
    listenPort: 51_820,
    meshPort: 51_822,
    endpoints: new Map(),
    exit: { isLost, words: { ports: [51_820, 51_821], contacts: [] } },
    local: local.map((cidr) => ({
      interface: 'eth0',
      address: cidr.replace(/0\/\d+$/, '7') as never,
      cidr: cidr as never,
      physical: true,
    })),
  })
}

const [CLIENT, EXIT] = [{ role: 'client' }, { role: 'exit' }]
const OUT = { nodes: { matchLabels: CLIENT }, via: { matchLabels: EXIT } }
const NODES = [
  { name: 'self', labels: CLIENT },
  { name: 'out-b', labels: EXIT },
  { name: 'out-a', labels: EXIT },
  { name: 'other' },
]

test('one that is selected goes out by those that lead out, and nobody else does', () => {
  const records = world(NODES, { out: OUT })
  assert.equal(viaOf(records, 'self'), ['out-a', 'out-b'])
  for (const name of ['out-a', 'out-b', 'other']) assert.is(exitOf(records, idOf(records, name)), undefined)
  const leads = NODES.map(({ name }) => exitForwards(records, idOf(records, name)).length > 0)
  assert.equal(leads, [false, true, true, false])
})

test('the internet is of the chosen one, but for blocks of routes; the main table gets no route by it', () => {
  const nodes = [...NODES, { name: 'gw', labels: { role: 'gw' }, advertise: ['8.0.0.0/7'] }]
  const { routes } = fakeRecords({
    nodes,
    routes: { eight: { destination: '8.0.0.0/7', via: { matchLabels: { role: 'gw' } } } },
  })
  const { desired } = wishOf({ ...world(nodes, { out: OUT }), routes })
  const blocks = (name: string) => desired.peers.find((peer) => peer.name === name)?.allowedIps ?? []
  assert.ok(blocks('out-a').includes('16.0.0.0/4' as never) && blocks('out-a').includes('2000::/3' as never))
  assert.is(blocks('out-b').length, 2)
  assert.ok(blocks('gw').includes('8.0.0.0/7' as never) && !blocks('out-a').includes('8.0.0.0/7' as never))
  assert.equal(
    desired.routes.map(({ destination }) => destination),
    ['8.0.0.0/7', '10.77.0.0/24', 'fd77::/64'],
  )
  const all = desired.peers.flatMap((peer) => peer.allowedIps)
  assert.is(new Set(all).size, all.length, 'no block is of two peers')
})

test('of several exits the lowest metric is preferred, and one that closes closes', () => {
  const records = world(NODES, {
    cheap: { ...OUT, via: { matchLabels: { none: 'x' } }, metric: 1, resolvers: ['1.1.1.1'], whenLost: 'Open' },
    out: { ...OUT, metric: 5 },
  })
  const exit = exitOf(records, idOf(records, 'self'))
  assert.equal([exit?.name, exit?.whenLost, exit?.resolvers], ['cheap', 'Closed', ['1.1.1.1']])
  assert.equal(viaOf(records, 'self'), ['out-a', 'out-b'])
})

test('whoever leads out or relays goes out by itself, and is told of', () => {
  const records = world([...NODES, { name: 'both', labels: { ...CLIENT, role2: 'x' } }], {
    out: OUT,
    more: { nodes: {}, via: { matchLabels: { role2: 'x' } } },
  })
  assert.is(exitOf(records, idOf(records, 'both')), undefined)
  assert.match(
    exitOmissions(records, idOf(records, 'both'))[0]?.detail ?? '',
    /Exit\/\w+ selects this node, which leads out/,
  )
  assert.equal(exitOmissions(records, idOf(records, 'self')), [])
  const relay = { port: 3_478, tlsPort: 443 } as BodyOf<'node'>['relay']
  const nodes = records.nodes.map((node) => (node.name === 'self' ? { ...node, relay } : node)) as never
  assert.match(wishOf({ ...records, nodes }).omissions[0]?.detail ?? '', /relays for others/)
  assert.is(wishOf({ ...records, nodes }).desired.exit, undefined)
})

test('no packet goes round, whatever is selected: who is gone out by goes out by nobody', () => {
  const selector = fc.oneof(
    fc.constant({}),
    fc.record({ matchLabels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y'), { minKeys: 1 }) }),
  )
  const labels = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y'))
  const graph = fc.record({
    nodes: fc.array(labels, { minLength: 1, maxLength: 8 }),
    exits: fc.array(fc.record({ nodes: selector, via: selector, metric: fc.integer({ min: 0, max: 2 }) }), {
      maxLength: 4,
    }),
  })
  fc.assert(
    fc.property(graph, ({ exits, nodes }) => {
      const records = world(
        nodes.map((one, i) => ({ name: `n${i}`, labels: { ...one } })),
        Object.fromEntries(exits.map((one, i) => [`e${i}`, one])),
      )
      const by = new Map(records.nodes.map(({ name }) => [name as string, viaOf(records, name)]))
      for (const [name, through] of by) {
        for (const other of through) {
          assert.not.equal(other, name)
          assert.equal(by.get(other), [], `${name} goes out by ${other}`)
          assert.ok(exitForwards(records, idOf(records, other)).length > 0)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('closed, nothing leaves but own words, answers and what is near; lost, the mesh refuses it too; open, nothing stands', () => {
  const closed = wishOf(world(NODES, { out: OUT }), false, ['198.51.100.0/24', '3.0.0.0/8', '192.168.1.0/24']).desired
    .exit
  assert.equal(
    closed?.rules.filter(({ family }) => family === 4).map(({ text }) => text),
    [
      'pref 7280 ipproto udp sport 51820 lookup main',
      'pref 7280 ipproto udp sport 51821 lookup main',
      'pref 7280 fwmark 0x8000000/0x8000000 lookup main',
      'pref 7281 lookup main suppress_prefixlength 0',
      'pref 7282 lookup 7280',
    ],
  )
  const text = closed?.ruleset ?? ''
  assert.match(text, /hook postrouting priority filter[\s\S]*ip daddr @internet4 drop/)
  assert.match(text, /oifname \{ "eth0" \} meta l4proto \{ tcp, udp \} th dport 53 dnat ip to 9\.9\.9\.9/)
  // A network as wide as 3.0.0.0/8 on the link is not believed.
  assert.match(text, /set near4 \{[^}]*elements = \{ 198\.51\.100\.0\/24 \}/)
  assert.not.match(text, /goto lost/)
  assert.match(wishOf(world(NODES, { out: OUT }), true).desired.exit?.ruleset ?? '', /oifname "hf0" goto lost/)
  const open = world(NODES, { out: { ...OUT, whenLost: 'Open' } })
  assert.not.match(wishOf(open).desired.exit?.ruleset ?? 'guard', /guard/)
  assert.is(wishOf(open, true).desired.exit, undefined)
})

test('name servers of zones that the network names are asked as ever', () => {
  const records = world(NODES, { out: OUT })
  const spec = parseWith(specs.Network, {
    cidr: '10.77.0.0/24',
    dnsZones: [{ zone: 'plant.example', servers: ['192.168.1.53', '192.168.1.54'] }],
  })
  const network = { name: 'net' as BodyOf<'network'>['name'], spec }
  const text = wishOf({ ...records, network }, false, ['192.168.1.0/24']).desired.exit?.ruleset ?? ''
  const [, led = ''] = /chain names_out \{\n([\s\S]*?)\n\t\}/.exec(text) ?? []
  assert.match(led, /192\.168\.1\.53[^\n]*accept\n[^\n]*192\.168\.1\.54[^\n]*accept\n[^\n]*dnat/)
})

test('the same records give the same bytes, in whatever order they come', () => {
  const [a, b] = [world(NODES, { out: OUT, more: OUT }), world(NODES, { more: OUT, out: OUT })]
  assert.equal(wishOf(a).desired, wishOf({ ...b, nodes: a.nodes }).desired)
})

test('a question that can’t be turned is refused, also where nothing else is; own words to that port are neither', () => {
  const input = {
    interface: 'hf0',
    mesh: [],
    addresses: [parseAddress('10.77.0.1'), parseAddress('fd77::1')],
    whenLost: 'Open',
    isLost: false,
    resolvers: [parseAddress('9.9.9.9')],
    words: { ports: [51_820], contacts: [] },
    local: [{ interface: 'eth0', address: parseAddress('192.0.2.7'), cidr: parseCidr('192.0.2.0/24'), physical: true }],
  } as const
  const text = exitSetup(input)?.ruleset ?? ''
  const linesOf = (name: string): readonly string[] => {
    const [, lines = ''] = new RegExp(`chain ${name} \\{\n([\\s\\S]*?)\n\t\\}`).exec(text) ?? []
    return lines.split('\n').map((line) => line.trim())
  }
  const asked = 'oifname { "eth0" } meta l4proto { tcp, udp } th dport 53'
  assert.equal(linesOf('names_out').slice(1), [
    'udp sport { 51820 } accept',
    `meta nfproto ipv4 ${asked} dnat ip to 9.9.9.9`,
  ])
  assert.equal(linesOf('asked_out').slice(2), [
    'udp sport { 51820 } accept',
    `ct status dnat ${asked} accept`,
    `${asked} goto refused`,
  ])
  assert.is(linesOf('asked_through').at(-1), `${asked} goto refused`)
  assert.not.match(text, /chain guard_/)
  const six = exitSetup({ ...input, resolvers: [parseAddress('2620:fe::fe')] })?.ruleset ?? ''
  assert.match(six, /ip6 daddr != fe80::\/10 oifname \{ "eth0" \}[^\n]*dnat ip6 to 2620:fe::fe/)
})

test.run()
