// `holdfast policy explain` and `policy test` of a node that asks nobody but itself.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { fakeAgent } from '../agent.fake.ts'
import type { Agent } from '../agent.ts'
import type { Call } from './cli-rig.fake.ts'
import { withHeldIntent } from './held-intent.fake.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

const web = { subject: { node: 'web' }, ingress: [{ from: [{ node: 'shop' }], ports: [{ port: 443 }] }] }
const intent = { nodes: [{ name: 'web' }, { name: 'shop' }], policies: { web } }

function withNode(run: (call: Call, state: string) => Promise<void>, more: Partial<Agent> = {}): Promise<void> {
  return withHeldIntent(intent, 'web', more, run)
}

test('explain: the policies that this node holds, and of which revision', () =>
  withNode(async (call) => {
    const { code, notes, out } = await call('policy', 'explain', 'shop', 'web', '443')
    assert.is(code, 0)
    assert.match(out, /into web: accepted by ingress\[0\] of policy web, tier Standard/)
    assert.match(notes, /revision \S*7,/)
    const refused = JSON.parse((await call('policy', 'explain', 'shop', 'web', 'icmp', '--json')).out) as {
      items: { decision: { verdict: string } }[]
    }
    assert.equal(
      refused.items.map(({ decision }) => decision.verdict),
      ['drop', 'drop'],
    )
    assert.is((await call('policy', 'explain', 'shop', 'web', 'https')).code, 1)
  }))

test('explain: this node judges by its overrides, the others do not', () => {
  const open = { tier: 'Admin', priority: 0, subject: { nodeSelector: {} }, ingress: [{}] }
  const policies = [{ name: parseName('open'), spec: parseWith(specs.Policy, open) }]
  const view: OverrideView = {
    id: parseName('abc'),
    state: 'active',
    policies,
    reason: 'r',
    by: { uid: 0 },
    madeAt: 1,
    expiresAt: 2 ** 42,
  }
  const overrides = { ...fakeAgent({ status: () => ({}) as never }).overrides, views: () => [view] }
  return withNode(
    async (call) => {
      assert.match(
        (await call('policy', 'explain', 'shop', 'web', '80')).out,
        /into web: accepted by ingress\[0\] of policy \+abc\/open/,
      )
      assert.match((await call('policy', 'explain', 'web', 'shop', '80')).out, /into shop: refused/)
    },
    { overrides },
  )
})

test('test: what holds is 0, what does not is 1 and says why', () =>
  withNode(async (call, state) => {
    const file = join(state, 'assert.yaml')
    writeFileSync(file, 'assertions: [{from: shop, mustReach: "web:443", mustNotReach: "web:80"}]')
    const good = await call('policy', 'test', file)
    assert.is(good.code, 0)
    assert.match(good.out, /all as asserted: 4 pairs/)
    writeFileSync(file, 'assertions: [{from: shop, mustNotReach: web}]')
    const bad = await call('policy', 'test', file)
    assert.is(bad.code, 1)
    assert.match(bad.out, /TCP 443: must not reach it, and does/)
    assert.match(bad.notes, /2 of 2 pairs/)
  }))

test.run()
