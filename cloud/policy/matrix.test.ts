// Who may talk to whom by groups: what passes, what does not, and the rule that says so.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { matrixGroupsMax } from '../../shared/dashboard-limits.ts'
import { decideFlow } from '../../shared/policy/flow.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { createWorld, device, resource } from '../hub-world.fake.ts'
import { hubWorld } from './hub-world.ts'
import { type Matrix, matrixOf } from './matrix.ts'

const nodes: readonly (readonly [string, object])[] = [
  ['gate', { role: 'gateway' }],
  ['till-1', { role: 'till', ring: 'early' }],
  ['till-2', { role: 'till' }],
  ['lone', {}],
]

async function matrix(policies: readonly (readonly [string, object])[], by?: string): Promise<Matrix> {
  const world = createWorld()
  await world.start()
  for (const [at, [name]] of nodes.entries()) await world.join(at + 1, name)
  const who = { name: 'test', role: 'admin' } as const
  const intent = nodes.map(([name, labels]) => resource('Node', name, { labels }))
  world.hub.putAll([...intent, ...policies.map(([name, spec]) => resource('Policy', name, spec))], who)
  assert.ok(device(1))
  return matrixOf(hubWorld(world.hub, 'default').world, by)
}

function cell({ cells }: Matrix, from: string, to: string) {
  return cells.find((one) => one.from === from && one.to === to)
}

const role = (value: string) => ({ nodeSelector: { matchLabels: { role: value } } })

test('a rule opens its port from those it names, and the cell says which rule', async () => {
  const rule = { name: 'https', from: [role('till')], ports: [{ port: 443 }] }
  const found = await matrix([['serve', { subject: role('gateway'), ingress: [rule] }]])
  assert.is(found.by, 'role')
  const open = cell(found, 'till', 'gateway')
  assert.equal([open?.verdict, open?.services, open?.mixed], ['some', ['TCP 443'], false])
  const accepts = open?.reasons.find(({ policy, verdict }) => verdict === 'accept' && policy === 'serve')
  assert.match(accepts?.text ?? '', /entering gate: accepted by ingress\[0\] "https" of policy serve/)
  const closed = cell(found, '', 'gateway')
  assert.equal([closed?.verdict, closed?.services], ['none', []])
  assert.ok(closed?.reasons.every(({ policy, verdict }) => policy === 'serve' && verdict === 'drop'))
})

test('nodes of a group that fare differently make it mixed, and one node alone is not asked about itself', async () => {
  const found = await matrix([
    ['early', { subject: { nodeSelector: { matchLabels: { ring: 'early' } } }, ingress: [{}] }],
  ])
  const some = cell(found, 'gateway', 'till')
  assert.equal([some?.verdict, some?.mixed], ['some', true])
  assert.is(cell(found, 'gateway', 'gateway')?.verdict, 'same')
  assert.ok(['all', 'some', 'none'].includes(cell(found, 'till', 'till')?.verdict ?? ''))
})

test('a policy that opens everything says so', async () => {
  const found = await matrix([['open', { subject: { nodeSelector: {} }, ingress: [{}] }]])
  for (const { from, to, verdict } of found.cells) assert.ok(verdict === 'all' || (verdict === 'same' && from === to))
})

/** So many sites, each with a gateway and two tills. */
async function sites(count: number, policies: readonly (readonly [string, object])[]): Promise<Matrix> {
  const world = createWorld()
  await world.start()
  const who = { name: 'test', role: 'admin' } as const
  const many = Array.from({ length: count }, (_, at) =>
    ['gateway', 'till', 'till'].map((value, turn) =>
      resource('Node', `s${at}-${turn}`, {
        labels: { site: `s${at}`, role: value },
        addresses: [`100.80.${at}.${turn + 10}`],
      }),
    ),
  ).flat()
  const intent = policies.map(([name, spec]) => resource('Policy', name, spec))
  world.hub.putAll([resource('Network', 'default', { cidr: '100.80.0.0/16' }), ...many, ...intent], who)
  return matrixOf(hubWorld(world.hub, 'default').world, 'site')
}

const site = (value: string) => ({ nodeSelector: { matchLabels: { site: value } } })
const https = { name: 'https', from: [role('till')], ports: [{ port: 443 }] }

test('of hundreds of sites, those that fare alike are one line, and who differs stands for itself', async () => {
  const found = await sites(200, [
    ['serve', { subject: role('gateway'), ingress: [https] }],
    ['closed', { subject: site('s7'), priority: 1, tier: 'Admin', ingress: [{ action: 'Deny' }] }],
  ])
  assert.equal(
    found.groups.map(({ alike, judged, kinds, nodes: count, value }) => [value, alike, count, kinds, judged]),
    [
      ['s0', 199, 597, 2, 2],
      ['s7', 1, 3, 2, 2],
    ],
  )
  assert.is(found.more, 0)
  const open = cell(found, 's0', 's0')
  assert.equal([open?.verdict, open?.mixed], ['some', true])
  const closed = cell(found, 's0', 's7')
  assert.equal([closed?.verdict, closed?.reasons.map(({ policy }) => policy)], ['none', ['closed']])
})

test('a device that a policy calls by its name, or by a block it lies in, is of a kind of its own', async () => {
  const named = await sites(30, [['one', { subject: { node: 's3-0' }, ingress: [{}] }]])
  assert.equal(
    named.groups.map(({ alike, kinds }) => [alike, kinds]),
    [
      [29, 1],
      [1, 2],
    ],
  )
  const from = [{ ipBlock: { cidr: '100.80.9.0/24', except: ['100.80.9.11/32'] } }]
  const block = await sites(30, [['block', { subject: { nodeSelector: {} }, ingress: [{ from }] }]])
  assert.equal(
    block.groups.map(({ alike, kinds }) => [alike, kinds]),
    [
      [29, 1],
      [1, 2],
    ],
  )
  assert.is(cell(block, 's9', 's0')?.mixed, true)
})

test('groups beyond what a screen shows are counted, and of too many kinds the largest are judged', async () => {
  const count = matrixGroupsMax + 4
  const each = Array.from({ length: count }, (_, at) => [`p${at}`, { subject: site(`s${at}`), ingress: [{}] }] as const)
  const found = await sites(count, [...each, ['serve', { subject: role('gateway'), ingress: [https] }]])
  assert.equal([found.groups.length, found.more], [matrixGroupsMax, 4])
  assert.ok(found.groups.every(({ judged, kinds }) => kinds === 2 && judged === 2))
  const byRole = [...each, ['early', { subject: { node: 's1-2' }, ingress: [{}] }] as const]
  const most = await sites(count, [...byRole, ['serve', { subject: role('gateway'), ingress: [https] }]])
  assert.equal(
    most.groups.filter(({ judged, kinds }) => judged < kinds).map(({ value }) => value),
    ['s1'],
  )
})

test('each cell says what a judgement of each service of its own, by all policies, says', async () => {
  const world = createWorld()
  await world.start()
  const who = { name: 'test', role: 'admin' } as const
  const names = ['a', 'b', 'c', 'd', 'e']
  const intent = names.map((name, at) =>
    resource('Node', name, { labels: { id: name, role: at % 2 === 0 ? 'till' : 'gateway' } }),
  )
  const range = [
    { port: 100, endPort: 200 },
    { protocol: 'UDP', port: 53 },
  ]
  const policies = [
    ['serve', { subject: role('gateway'), ingress: [https, { from: [role('till')], ports: range }] }],
    [
      'deny',
      { subject: { node: 'b' }, tier: 'Admin', priority: 1, ingress: [{ action: 'Deny', ports: [{ port: 150 }] }] },
    ],
    ['out', { subject: role('till'), egress: [{ ports: [{ port: 443 }, { port: 180, endPort: 300 }] }] }],
  ] as const
  world.hub.putAll([...intent, ...policies.map(([name, spec]) => resource('Policy', name, spec))], who)
  const seen = hubWorld(world.hub, 'default').world
  const found = matrixOf(seen, 'id')
  const address = (name: string) => seen.endpoints.find((one) => one.name === name)?.addresses[0] as never
  const edges = [1, 53, 54, 100, 150, 151, 180, 201, 301, 443, 444]
  for (const from of names) {
    for (const to of names.filter((name) => name !== from)) {
      const passing = (['TCP', 'UDP'] as const).flatMap((protocol) =>
        edges
          .filter((port) => {
            const flow = { from: address(from), to: address(to), protocol, port }
            const { verdict } = decideFlow(seen, flow, (subject, direction, other) =>
              judge({ subject, direction, other, protocol, port }, seen),
            )
            return verdict === 'accept'
          })
          .map((port) => `${protocol} ${port}`),
      )
      const told = cell(found, from, to)
      const first = told?.services.filter((text) => text !== 'ICMP').map((text) => text.split('–')[0] ?? '')
      if (told?.verdict !== 'all') assert.equal(first, passing, `${from} to ${to}`)
      else assert.is(passing.length, 2 * edges.length, `${from} to ${to}`)
    }
  }
})

test.run()
