// Flows on record under other policies: what would be lost or gained, by which end and rule, and what the record can't tell.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { parseName } from '../ids.ts'
import { parseWith, specs } from '../intent/resource.ts'
import { decideFlow } from '../policy/flow.ts'
import { judge } from '../policy/oracle.ts'
import { ports, protocols, randomDraft, worldOfDraft } from '../policy/policies.fake.ts'
import { protocolNumbers } from '../policy/table.ts'
import { endpointOf, fakeWorld } from '../policy/world.fake.ts'
import type { World } from '../policy/world.ts'
import type { FlowEnd } from './batch.ts'
import type { Dealing } from './dealings.ts'
import { directoryOf } from './ends.ts'
import { type Change, type Replay, replay } from './replay.ts'

const web = {
  subject: { nodeSelector: { matchLabels: { role: 'db' } } },
  ingress: [{ from: [{ nodeSelector: { matchLabels: { role: 'web' } } }], ports: [{ port: 80 }] }],
}
const world = fakeWorld({ network: { defaultPolicy: 'Deny' }, policies: { web } })

function endOf(name: string, of: World = world): FlowEnd {
  const { addresses, kind, labels, node } = endpointOf(of, name)
  return { address: addresses[0] as FlowEnd['address'], name, ...(kind === 'service' ? {} : { node }), labels }
}

const accepted = { kind: 'rule', policy: 'web', tier: 'Standard', direction: 'ingress', index: 0 } as const

function dealing(more: Partial<Dealing> = {}): Dealing {
  return {
    source: endOf('a'),
    destination: endOf('b'),
    protocol: 6,
    port: 80,
    direction: 'ingress',
    verdict: 'accept',
    reason: accepted,
    flows: 4,
    answered: 3,
    backwards: 0,
    sent: { packets: 10, bytes: 1_000 },
    back: { packets: 9, bytes: 900 },
    firstMs: 1_000,
    lastMs: 9_000,
    ...more,
  }
}

const dropped = { verdict: 'drop', answered: 0, back: { packets: 0, bytes: 0 } } as const

/** Held by `b`, unless said otherwise. */
function tryOut(dealings: readonly Dealing[], policies: Readonly<Record<string, object>>, self = 'b'): Replay {
  const would = Object.entries(policies).map(([name, spec]) => ({
    name: parseName(name),
    spec: parseWith(specs.Policy, spec),
  }))
  const rules = (own: World['policies']) => ({ here: { ...world, policies: own }, there: { ...world, policies: own } })
  return replay({ dealings, self: endpointOf(world, self), today: rules(world.policies), would: rules(would) })
}

function told({ already, kind, was, would }: Change): readonly unknown[] {
  const by = ({ at, reason }: Change['was']): string => `${at} ${reason.kind === 'rule' ? reason.policy : reason.kind}`
  return [kind, already, by(was), by(would)]
}

test('the same policies change nothing', () => {
  const { changes, unchanged } = tryOut(
    [
      dealing(),
      dealing({ ...dropped, port: 81, reason: { kind: 'isolated', direction: 'ingress', policies: ['web'] } }),
    ],
    { web },
  )
  assert.equal([changes, unchanged.flows], [[], 8])
})

test('what passed by a rule that would be gone is lost; both rules are named', () => {
  const { changes } = tryOut([dealing()], {})
  assert.equal(changes.map(told), [['lost', false, 'b web', 'b default']])
  assert.equal([changes[0]?.flows, changes[0]?.answered, changes[0]?.packets, changes[0]?.lastMs], [4, 3, 19, 9_000])
  assert.equal(changes[0]?.source.labels, { role: 'web', site: 'x' })
})

test('what was refused and would pass is gained', () => {
  const refused = dealing({
    ...dropped,
    port: 81,
    reason: { kind: 'isolated', direction: 'ingress', policies: ['web'] },
  })
  assert.equal(tryOut([refused], { web, all: { ...web, ingress: [{}] } }).changes.map(told), [
    ['gained', false, 'b isolated', 'b all'],
  ])
})

test('what goes out is judged at its destination, too', () => {
  const out = dealing({ direction: 'egress', reason: { kind: 'default', direction: 'egress' } })
  assert.equal(tryOut([out], {}, 'a').changes.map(told), [['lost', false, 'a default', 'b default']])
  // Nobody answered, and b would refuse it today: so it did.
  const silent = dealing({
    ...dropped,
    verdict: 'accept',
    direction: 'egress',
    port: 81,
    reason: { kind: 'default', direction: 'egress' },
  })
  assert.equal(tryOut([silent], { web }, 'a').changes, [])
  assert.equal(tryOut([silent], { web: { ...web, ingress: [{}] } }, 'a').changes.map(told), [
    ['gained', false, 'b isolated', 'b web'],
  ])
})

test('what policies of today refuse already is told apart', () => {
  const passed = dealing({ port: 81 })
  assert.equal(tryOut([passed], { web }).changes.map(told), [['lost', true, 'b web', 'b isolated']])
})

test('ends are judged by the labels that they had, and it is said that they have others', () => {
  const old = dealing({ source: { ...endOf('a'), labels: { role: 'plain' } } })
  const { changes } = tryOut([old], { web })
  assert.equal(changes.map(told), [['lost', true, 'b web', 'b isolated']])
  assert.is(changes[0]?.source.since, 'relabelled')
  const gone = dealing({
    source: { address: parseAddress('10.77.0.99'), name: 'z', node: 'z', labels: { role: 'web' } },
  })
  assert.equal(tryOut([gone], { web }).changes, [])
  assert.is(tryOut([gone], {}).changes[0]?.source.since, 'gone')
  const { labels: _labels, ...bare } = endOf('a')
  assert.is(tryOut([dealing({ source: bare })], {}).changes[0]?.source.since, 'unlabelled')
  const stranger = { address: bare.address }
  assert.is(tryOut([dealing({ source: stranger })], {}).changes[0]?.source.since, 'known')
})

test('several ports that are one record are judged where all fare alike, else it is said that nobody knows', () => {
  const { port: _port, ...scan } = dealing({
    ...dropped,
    flows: 100,
    reason: { kind: 'isolated', direction: 'ingress', policies: ['web'] },
  })
  const same = tryOut([scan], { web: { ...web, ingress: [] } })
  assert.equal([same.changes, same.unknownPorts.flows, same.unchanged.flows], [[], 0, 100])
  const some = tryOut([scan], { web: { ...web, ingress: [{ ports: [{ port: 8_000, endPort: 8_010 }] }] } })
  assert.equal([some.changes, some.unknownPorts.flows], [[], 100])
  const all = tryOut([scan], { web: { ...web, ingress: [{}] } })
  assert.equal(all.changes.map(told), [['gained', false, 'b isolated', 'b web']])
})

test('what the program drops by itself is no matter of policy', () => {
  const broken = dealing({ ...dropped, reason: { kind: 'kernel', word: 'truncated' } })
  const { beyondPolicy, changes } = tryOut([broken], { web: { ...web, ingress: [{}] } })
  assert.equal([changes, beyondPolicy.flows], [[], 4])
})

test('who lies behind this node is judged as this node', () => {
  const behind = dealing({ destination: { address: parseAddress('192.0.2.7') } })
  assert.equal(tryOut([behind], {}).changes.map(told), [['lost', false, 'b web', 'b default']])
})

test('both families of one service are one line; what was answered most comes first', () => {
  const six = { ...endOf('a'), address: endpointOf(world, 'a').addresses[1] as FlowEnd['address'] }
  const { changes } = tryOut([dealing({ answered: 1, port: 443 }), dealing(), dealing({ source: six })], {})
  assert.equal(
    changes.map(({ flows, port, source }) => [port, flows, source.addresses.length]),
    [
      [80, 8, 2],
      [443, 4, 1],
    ],
  )
})

test('in random worlds the verdict is the one that the oracle gives at both ends', () => {
  const question = fc.record({
    from: fc.constantFrom('a', 'b', 'c', 'shop/web', 'default/web'),
    port: fc.constantFrom(...ports),
    protocol: fc.constantFrom(...protocols),
    direction: fc.constantFrom('ingress', 'egress'),
  })
  fc.assert(
    fc.property(randomDraft, randomDraft, question, (before, after, { direction, from, port, protocol }) => {
      const [today, would] = [worldOfDraft(before), worldOfDraft(after)]
      if (endpointOf(today, from).node === 'b') return
      const [source, destination] = [endOf(from, today), endOf('b', today)]
      const ask = (of: World) =>
        decideFlow(of, { from: source.address, to: destination.address, protocol, port }, (subject, way, other) =>
          judge({ subject, direction: way, other, protocol, port }, of),
        ).verdict
      const [then, now] = [ask(today), ask({ ...today, policies: would.policies })]
      const hasPort = protocol !== 'ICMP' && protocol !== 'other'
      const self = endpointOf(today, direction === 'ingress' ? 'b' : endpointOf(today, from).node)
      const one = dealing({
        source,
        destination,
        protocol: protocol === 'other' ? 47 : protocolNumbers[protocol],
        direction,
        verdict: then,
        reason: { kind: 'default', direction },
      })
      const { port: _port, ...portless } = one
      const rules = (policies: World['policies']) => ({ here: { ...today, policies }, there: { ...today, policies } })
      const { changes } = replay({
        dealings: [hasPort ? { ...one, port } : portless],
        self,
        today: rules(today.policies),
        would: rules(would.policies),
      })
      assert.equal(
        changes.map(({ kind }) => kind),
        then === now ? [] : [now === 'drop' ? 'lost' : 'gained'],
      )
    }),
  )
})

test('a directory has each address of each endpoint', () => {
  assert.is(directoryOf(world).get(endpointOf(world, 'a').addresses[1] as FlowEnd['address'])?.name, 'a')
})

test.run()
