// `holdfast flows` as a person calls it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { FlowQuery, FlowsAnswer, ShownFlow } from '../../shared/flows/query.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { fakeAgent } from '../agent.fake.ts'
import { withCli } from './cli-rig.fake.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

const flow: ShownFlow = {
  seq: 3,
  from: 1_700_000_000_000,
  to: 1_700_000_010_000,
  revision: '7',
  source: { address: parseAddress('10.7.0.1'), name: 'shop-1', node: 'shop-1', labels: { role: 'shop' } },
  destination: { address: parseAddress('10.7.0.2'), name: 'plc-7', node: 'plc-7' },
  protocol: 6,
  sourcePort: 40_000,
  destinationPort: 502,
  direction: 'ingress',
  verdict: 'drop',
  reason: { kind: 'isolated', direction: 'ingress', policies: ['plc'] },
  sent: { packets: 3, bytes: 180 },
  back: { packets: 0, bytes: 0 },
  path: 'relay',
  via: 'relay-1',
}

function agentWith(answer: Partial<FlowsAnswer>, fault?: string) {
  const asked: FlowQuery[] = []
  const agent = fakeAgent({
    status: () => ({}) as never,
    flows: {
      query: async (query) => {
        asked.push(query)
        return { items: [], lostBefore: [], newest: 3, more: false, ...answer }
      },
      figures: () => undefined,
      batches: async () => ({ entries: [] }),
      fault: () => fault,
    },
  })
  return { agent, asked }
}

test('a flow is one line, with who, what, how much, by which way and rule', async () => {
  const { agent, asked } = agentWith({ items: [flow] })
  await withCli(agent, async (call) => {
    const { code, out } = await call('flows', '--denied', '--peer', 'plc-7', '--since', '2h')
    assert.is(code, 0)
    assert.match(
      out,
      /denied +shop-1:40000 +plc-7 +tcp 502 +3 \(180 B\) +- +relay via relay-1 +no rule of plc, ingress/,
    )
  })
  assert.equal([asked[0]?.denied, asked[0]?.peer, asked[0]?.limit], [true, 'plc-7', 1_000])
  const ageMs = systemClock.now() - (asked[0]?.sinceMs ?? 0)
  assert.ok(Math.abs(ageMs - 7_200_000) < 60_000)
})

test('what is not on record is said beside it', async () => {
  const lostBefore = [{ seq: 3, from: 0, to: 1, why: 'restart', amount: { packets: 7, bytes: 700 } }] as const
  await withCli(agentWith({ items: [flow], lostBefore, more: true }).agent, async (call) => {
    const { notes } = await call('flows')
    assert.match(notes, '7 packets (700 B); the agent was not running')
    assert.match(notes, 'there are older ones')
  })
})

test('JSON is the answer as it is', async () => {
  await withCli(agentWith({ items: [flow] }).agent, async (call) => {
    const { out } = await call('flows', '--json')
    assert.equal((JSON.parse(out) as FlowsAnswer).items, [flow])
  })
})

test('words that are no time and no number are refused with a remedy', async () => {
  await withCli(agentWith({}).agent, async (call) => {
    assert.is((await call('flows', '--since', 'yesterday')).code, 2)
    assert.is((await call('flows', '--limit', '0')).code, 2)
  })
})

test('a record that is not whole ends with 1', async () => {
  await withCli(agentWith({}, 'batch 3 was changed').agent, async (call) => {
    const { code, out } = await call('flows', '--verify')
    assert.equal([code, out], [1, 'the record is not whole: batch 3 was changed\n'])
  })
  await withCli(agentWith({}).agent, async (call) => assert.is((await call('flows', '--verify')).code, 0))
})

test('without an agent and without a record there is nothing to show', async () => {
  await withCli(undefined, async (call) => {
    const { code, notes } = await call('flows')
    assert.is(code, 1)
    assert.match(notes, 'no record of flows')
  })
})

test.run()
