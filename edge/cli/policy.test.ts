// `holdfast policy …` as a person types it: what is asked of the agent, what is refused before, what is said.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../shared/ids.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { fakeAgent } from '../agent.fake.ts'
import type { OverrideOrder } from '../override/book.ts'
import type { AgentOverrides } from '../override/people.ts'
import { type Call, withCli } from './cli-rig.fake.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

const ID = parseName('abcdefghijklmnop')

const FILE = `apiVersion: holdfast.dev/v1alpha1
kind: Policy
metadata:
  name: open-hmi
spec:
  subject: {nodeSelector: {}}
  ingress:
    - ports: [{port: 8080}]
`

function viewOf({ by, policies, reason }: Pick<OverrideOrder, 'by' | 'policies' | 'reason'>): OverrideView {
  return { id: ID, state: 'active', policies, reason, by, madeAt: 1_700_000_000_000, expiresAt: 1_700_000_060_000 }
}

/** An agent that takes every order; `orders` are those it got. */
function withFile(
  text: string,
  run: (call: Call, file: string, orders: OverrideOrder[], ended: (string | undefined)[]) => Promise<void>,
): Promise<void> {
  const orders: OverrideOrder[] = []
  const ended: (string | undefined)[] = []
  const by = { uid: 0 }
  const overrides: AgentOverrides = {
    views: () => orders.map(viewOf),
    set(order) {
      orders.push(order)
      return { override: viewOf(order), warnings: ['only what policies accept passes'] }
    },
    restore(id) {
      ended.push(id)
      return { ...viewOf({ by, policies: [], reason: '' }), state: 'restored' }
    },
  }
  const env = { SUDO_USER: 'anna' }
  return withCli(
    fakeAgent({ status: () => ({}) as never, overrides }),
    async (call, state) => {
      const file = join(state, 'file.yaml')
      writeFileSync(file, text)
      await run(call, file, orders, ended)
    },
    env,
  )
}

test('override: the policies, for how long, why and who', () =>
  withFile(FILE, async (call, file, orders) => {
    const words = ['policy', 'override', file, '--expires', '4h', '--reason', ' line 3 stands still ']
    const { code, notes, out } = await call(...words)
    assert.is(code, 0)
    const [order] = orders
    assert.is(order?.durationMs, 4 * 3_600_000)
    assert.is(order?.reason, 'line 3 stands still')
    assert.equal(order?.by, { uid: process.getuid?.(), login: 'anna' })
    assert.is(order?.policies[0]?.name, 'open-hmi')
    assert.is(order?.policies[0]?.spec.network, 'default')
    assert.match(notes, /only what policies accept passes/)
    for (const word of [ID, 'open-hmi', 'line 3 stands still', 'login anna', 'policy restore']) assert.match(out, word)
    const json = JSON.parse((await call(...words, '--json')).out) as { override: OverrideView }
    assert.is(json.override.id, ID)
  }))

test('override: without a time or a reason it is no order', () =>
  withFile(FILE, async (call, file, orders) => {
    for (const [words, what] of [
      [['--reason', 'x'], '--expires'],
      [['--expires', '4h'], '--reason'],
      [['--expires', '4h', '--reason', '  '], '--reason'],
      [['--expires', '8d', '--reason', 'x'], 'seven days'],
      [['--expires', 'soon', '--reason', 'x'], '20m'],
    ] as const) {
      const { code, notes } = await call('policy', 'override', file, ...words)
      assert.is(code, 2, words.join(' '))
      assert.match(notes, what)
    }
    assert.equal(orders, [])
  }))

for (const [name, text, what] of [
  [
    'a Network',
    'apiVersion: holdfast.dev/v1alpha1\nkind: Network\nmetadata: {name: x}\nspec: {cidr: 10.0.0.0/8}\n',
    'kind',
  ],
  ['a Node', 'apiVersion: holdfast.dev/v1alpha1\nkind: Node\nmetadata: {name: x}\nspec: {}\n', 'kind'],
  ['a policy with a typing error', FILE.replace('ports', 'prots'), 'spec.ingress[0].prots'],
  ['an empty file', '', 'policies'],
] as const) {
  test(`override: ${name} is refused with its field`, () =>
    withFile(text, async (call, file, orders) => {
      const { code, notes } = await call('policy', 'override', file, '--expires', '4h', '--reason', 'x')
      assert.is(code, 1)
      assert.ok(notes.includes(`${what}:`), notes)
      assert.equal(orders, [])
    }))
}

test('overrides: as rows, as JSON, and none', () =>
  withFile(FILE, async (call, file) => {
    assert.match((await call('policy', 'overrides')).out, /no overrides/)
    await call('policy', 'override', file, '--expires', '4h', '--reason', 'why not')
    const { out } = await call('policy', 'overrides')
    for (const word of [ID, 'active', 'root', 'open-hmi', 'why not']) assert.match(out, word)
    const json = JSON.parse((await call('policy', 'overrides', '--json')).out) as { overrides: OverrideView[] }
    assert.is(json.overrides.length, 1)
  }))

test('restore: with an id, and without', () =>
  withFile(FILE, async (call, _file, _orders, ended) => {
    assert.match((await call('policy', 'restore')).out, ID)
    await call('policy', 'restore', 'abc')
    assert.equal(ended, [undefined, 'abc'])
  }))

test('without an agent nothing is overridden', () =>
  withCli(undefined, async (call) => {
    const { code, notes } = await call('policy', 'restore')
    assert.is(code, 1)
    assert.match(notes, /not running/)
  }))

test.run()
