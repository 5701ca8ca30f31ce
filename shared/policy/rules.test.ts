// The rules of nodes say what the oracle says, for the checklist of semantics and for random policies; where they can't
// resolve a part of a policy, they stay closed.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, contains, hostCidr } from '../address/cidr.ts'
import { parseWith, specs } from '../intent/resource.ts'
import { fakeRecords } from '../record/parsed.fake.ts'
import type { ParsedRecords } from '../record/parsed.ts'
import { judge } from './oracle.ts'
import { type DirectionRules, type Rule, rulesFor, type Verdict } from './rules.ts'
import { worldOf } from './world.ts'

interface Packet {
  readonly direction: 'ingress' | 'egress'
  /** The node that judges. */
  readonly self: ParsedRecords['nodes'][number]
  readonly other: Address
  readonly protocol: 'TCP' | 'UDP' | 'SCTP' | 'ICMP'
  readonly port: number
}

const NODES = [
  { name: 'a', labels: { role: 'web', site: 'x' } },
  { name: 'b', labels: { role: 'db', site: 'x' } },
  { name: 'c', labels: { role: 'web', site: 'y' } },
]

function hit(rule: Rule, { other, protocol, port }: Packet): boolean {
  const peer = rule.peers === 'any' || rule.peers.some((block) => contains(block, hostCidr(other)))
  const ports =
    rule.ports === 'any' ||
    rule.ports.some(
      (match) =>
        match.protocol === protocol.toLowerCase() &&
        (match.ports === undefined || (port >= match.ports[0] && port <= match.ports[1])),
    )
  return peer && ports
}

/** Walks the table as a driver does. */
function walk(rules: DirectionRules, packet: Packet): Verdict {
  const first = (list: readonly Rule[]): Verdict => list.find((rule) => hit(rule, packet))?.verdict ?? 'pass'
  const admin = first(rules.admin)
  if (admin !== 'pass') return admin
  const standard = first(rules.standard)
  if (standard !== 'pass') return standard
  if (rules.isolated) return 'drop'
  const baseline = first(rules.baseline)
  return baseline === 'pass' ? rules.fallback : baseline
}

function asked(records: ParsedRecords, { self, ...rest }: Packet): boolean {
  const world = worldOf(records, () => undefined)
  const subject = world.endpoints.find(({ name }) => name === self.name)
  if (subject === undefined) throw new TypeError('nobody judges')
  return judge({ ...rest, subject }, world).verdict === 'accept'
}

function agree(records: ParsedRecords, packet: Packet, rules = rulesFor(records, packet.self)): boolean {
  const allowed = walk(rules[packet.direction], packet) === 'accept'
  if (allowed !== asked(records, packet)) {
    assert.unreachable(`compiled says ${allowed}: ${JSON.stringify({ packet, policies: records.policies })}`)
  }
  return allowed
}

const selector = fc.constantFrom(
  {},
  { matchLabels: { role: 'web' } },
  { matchLabels: { role: 'db' } },
  { matchExpressions: [{ key: 'site', operator: 'NotIn', values: ['x'] }] },
)
const peer = fc.oneof(
  fc.record({ nodeSelector: selector }),
  fc.record({ node: fc.constantFrom('a', 'b', 'gone') }),
  fc.constantFrom(
    { ipBlock: { cidr: '10.77.0.0/24', except: ['10.77.0.2/32'] } },
    { ipBlock: { cidr: '10.77.0.2/32' } },
    { ipBlock: { cidr: 'fd77::/64', except: ['fd77::/127'] } },
    { ipBlock: { cidr: '192.168.0.0/16' } },
  ),
  fc.constantFrom({ service: 'shop' }, { service: 'gone' }),
)
const port = fc.constantFrom(
  {},
  { port: 80 },
  { port: 80, endPort: 90 },
  { protocol: 'UDP', port: 80 },
  { protocol: 'UDP' },
  { protocol: 'SCTP', port: 85 },
  { protocol: 'ICMP' },
)
const action = fc.constantFrom('Accept', 'Deny', 'Pass')

function rulesArbitrary(key: 'from' | 'to', ordered: boolean): fc.Arbitrary<object[]> {
  return fc.array(
    fc
      .record({ peers: fc.array(peer, { maxLength: 2 }), ports: fc.array(port, { maxLength: 2 }), action })
      .map(({ peers, ports, action: own }) => ({ [key]: peers, ports, ...(ordered ? { action: own } : {}) })),
    { maxLength: 3 },
  )
}

const policy: fc.Arbitrary<object> = fc.constantFrom('Admin', 'Standard', 'Baseline').chain((tier) =>
  fc
    .record(
      {
        tier: fc.constant(tier),
        mode: fc.constantFrom('Enforce', 'Enforce', 'Enforce', 'Audit'),
        priority: fc.constantFrom(1, 2),
        subject: fc.oneof(
          fc.record({ nodeSelector: selector }),
          fc.record({ node: fc.constantFrom('a', 'b', 'gone'), nodeSelector: selector }, { requiredKeys: ['node'] }),
          fc.constant({ podSelector: {} }),
        ),
        policyTypes: fc.constantFrom([], ['Ingress'], ['Egress'], ['Ingress', 'Egress']),
        ingress: rulesArbitrary('from', tier !== 'Standard'),
        egress: rulesArbitrary('to', tier !== 'Standard'),
      },
      { requiredKeys: ['tier', 'subject'] },
    )
    .filter((spec) => spec !== undefined),
)

const intent = fc
  .record({ defaultPolicy: fc.constantFrom('Allow', 'Deny'), list: fc.array(policy, { maxLength: 5 }) })
  .map(({ defaultPolicy, list }) =>
    fakeRecords({
      network: { defaultPolicy },
      nodes: NODES,
      services: { shop: { ports: [{ port: 80 }], backends: { matchLabels: { role: 'db' } } } },
      policies: Object.fromEntries(list.map((spec, index) => [`p${index}`, spec])),
    }),
  )

const PROTOCOLS = ['TCP', 'UDP', 'SCTP', 'ICMP'] as const
const OTHERS = ['10.77.0.1', '10.77.0.2', '10.77.0.3', 'fd77::2', 'fd77::3', '10.77.0.201', '192.168.7.7'] as Address[]

test('compiled rules equal the oracle, for every packet of a small world', () => {
  fc.assert(
    fc.property(intent, (records) => {
      for (const self of records.nodes) {
        const compiled = rulesFor(records, self)
        for (const direction of ['ingress', 'egress'] as const)
          for (const other of OTHERS)
            for (const protocol of PROTOCOLS)
              for (const at of [80, 90, 91]) agree(records, { direction, self, other, protocol, port: at }, compiled)
      }
    }),
    { numRuns: 150 },
  )
})

/** TCP from `b` to `a` on port 80 unless said otherwise, judged by `a`. */
function ask(policies: Readonly<Record<string, object>>, packet: Partial<Packet> = {}, network: object = {}): boolean {
  const records = fakeRecords({ network, nodes: NODES, policies })
  const [self] = records.nodes
  assert.ok(self)
  const other = '10.77.0.2' as Address
  return agree(records, { direction: 'ingress', self, other, protocol: 'TCP', port: 80, ...packet })
}

const all = { nodeSelector: {} }
const open = [{}]
const table: readonly (readonly [string, () => boolean, boolean])[] = [
  ['nothing selects: the network decides', () => ask({}), false],
  ['nothing selects: the network allows', () => ask({}, {}, { defaultPolicy: 'Allow' }), true],
  ['no rules deny all', () => ask({ p: { subject: all } }, {}, { defaultPolicy: 'Allow' }), false],
  ['an empty rule allows all', () => ask({ p: { subject: all, ingress: open } }), true],
  ['an empty rule allows SCTP too', () => ask({ p: { subject: all, ingress: open } }, { protocol: 'SCTP' }), true],
  [
    'Egress is isolated only by an egress section',
    () => ask({ p: { subject: all, ingress: open } }, { direction: 'egress' }),
    true,
  ],
  ['an egress section isolates', () => ask({ p: { subject: all, egress: [] } }, { direction: 'egress' }), false],
  [
    'policyTypes Egress alone leaves Ingress to the network',
    () => ask({ p: { subject: all, policyTypes: ['Egress'] } }, {}, { defaultPolicy: 'Allow' }),
    true,
  ],
  ['a port without protocol is TCP', () => ask({ p: { subject: all, ingress: [{ ports: [{ port: 80 }] }] } }), true],
  [
    'a port without protocol is not UDP',
    () => ask({ p: { subject: all, ingress: [{ ports: [{ port: 80 }] }] } }, { protocol: 'UDP' }),
    false,
  ],
  ['endPort is inclusive', () => ask({ p: { subject: all, ingress: [{ ports: [{ port: 79, endPort: 80 }] }] } }), true],
  [
    'a policy of SCTP isolates TCP',
    () => ask({ p: { subject: all, ingress: [{ ports: [{ protocol: 'SCTP' }] }] } }),
    false,
  ],
  [
    'except is no deny where another rule allows',
    () =>
      ask({
        p: {
          subject: all,
          ingress: [{ from: [{ ipBlock: { cidr: '10.77.0.0/24', except: ['10.77.0.2/32'] } }, { node: 'b' }] }],
        },
      }),
    true,
  ],
  [
    'a higher Deny is final',
    () =>
      ask({
        d: { tier: 'Admin', action: 'Deny', subject: all, ingress: open },
        p: { subject: all, ingress: open },
      }),
    false,
  ],
  [
    'Pass goes on past a later Deny of its tier',
    () =>
      ask({
        d: { tier: 'Admin', action: 'Deny', priority: 2, subject: all, ingress: open },
        q: { tier: 'Admin', action: 'Pass', priority: 1, subject: all, ingress: open },
        p: { subject: all, ingress: open },
      }),
    true,
  ],
  [
    'Audit is not enforced',
    () =>
      ask({
        d: { tier: 'Admin', mode: 'Audit', action: 'Deny', subject: all, ingress: open },
        p: { subject: all, ingress: open },
      }),
    true,
  ],
  [
    'policyTypes that is empty is unset',
    () => ask({ p: { subject: all, policyTypes: [] } }, {}, { defaultPolicy: 'Allow' }),
    false,
  ],
  [
    'pods that nobody knows open nothing',
    () => ask({ p: { subject: all, ingress: [{ from: [{ podSelector: {} }] }] } }),
    false,
  ],
  ['a subject by name speaks of that node', () => ask({ p: { subject: { node: 'a' }, ingress: open } }), true],
  ['a subject by name speaks of no other', () => ask({ p: { subject: { node: 'b' }, ingress: open } }), false],
  [
    'name and labels must both fit',
    () => ask({ p: { subject: { node: 'a', nodeSelector: { matchLabels: { role: 'db' } } }, ingress: open } }),
    false,
  ],
  ['Baseline decides last', () => ask({ b: { tier: 'Baseline', subject: all, ingress: open } }), true],
]
for (const [name, decide, expected] of table) test(name, () => assert.is(decide(), expected))

for (const unread of [{ from: [{ podSelector: {} }] }, { ports: [{ port: 'http' }] }]) {
  for (const wanted of ['Deny', 'Pass']) {
    test(`${wanted} of ${JSON.stringify(unread)}, which a node can not resolve, denies`, () => {
      const policies = {
        d: { tier: 'Admin', action: wanted, subject: all, ingress: [unread] },
        q: { tier: 'Admin', priority: 501, subject: all, ingress: open },
      }
      const records = fakeRecords({ nodes: NODES, policies })
      const [self] = records.nodes
      assert.ok(self)
      const packet = { direction: 'ingress', self, other: OTHERS[1] as Address, protocol: 'TCP', port: 80 } as const
      assert.is(walk(rulesFor(records, self).ingress, packet), 'drop')
    })
  }
}

test('what this engine can not resolve is listed with its place', () => {
  const spec = { subject: all, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 'http' }] }] }
  const records = fakeRecords({ nodes: NODES, policies: { p: spec } })
  const [self] = records.nodes
  assert.ok(self)
  const { unsupported } = rulesFor(records, self)
  assert.is(unsupported.length, 2)
  assert.ok(unsupported.every((line) => line.includes('p') && line.includes('ingress[0]')))
  assert.ok(parseWith(specs.Policy, spec))
})

test.run()
