// Who may talk to whom by groups: what passes, what does not, and the rule that says so.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { matrixGroupsMax } from '../../shared/dashboard-limits.ts'
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

test('groups beyond what a screen shows are counted', async () => {
  const world = createWorld()
  await world.start()
  const who = { name: 'test', role: 'admin' } as const
  const count = matrixGroupsMax + 4
  const many = Array.from({ length: count }, (_, at) =>
    resource('Node', `n${at}`, { labels: { site: `s${at}` }, addresses: [`100.80.9.${at + 1}`] }),
  )
  world.hub.putAll([resource('Network', 'default', { cidr: '100.80.0.0/16' }), ...many], who)
  const found = matrixOf(hubWorld(world.hub, 'default').world, 'site')
  assert.equal([found.groups.length, found.more], [matrixGroupsMax, 4])
})

test.run()
