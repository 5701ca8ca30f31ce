// `paths`, `explain` and `netcheck` as a person calls them: with an agent that answers, and without one.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { parseName, parseNodeId } from '../../shared/ids.ts'
import type { Residency } from '../../shared/intent/relay-policy.ts'
import { packHistory } from '../../shared/wire/history.ts'
import { fakeAgent } from '../agent.fake.ts'
import type { AgentStatus } from '../agent.ts'
import type { CandidateReport, PathReport, PathsReport } from '../paths/report.ts'
import { type Call, withCli } from './cli-rig.fake.ts'
import { withHeldIntent } from './held-intent.fake.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

const gateId = parseNodeId('gggggggggggggggg')
const vanId = parseNodeId('vvvvvvvvvvvvvvvv')
const peers = [
  { name: 'gate', nodeId: gateId, addresses: ['10.90.0.1'], path: 'relay', rxBytes: 0, txBytes: 0, active: true },
  { name: 'van', nodeId: vanId, addresses: ['10.90.0.9'], path: 'none', rxBytes: 0, txBytes: 0, active: false },
]
const status = {
  node: 'plant-7',
  nodeId: 'pppppppppppppppp',
  addresses: ['10.90.0.7'],
  hub: { connected: true, since: 0, url: 'https://hub:8443' },
  modeSince: 0,
  peers,
  health: [],
} as unknown as AgentStatus

const direct: CandidateReport = {
  endpoint: '203.0.113.9:4000' as Endpoint,
  kind: 'direct',
  source: 'mapped',
  state: 'failed',
  inUse: false,
  lastProbeAgeMs: 40_000,
  reason: 'no answer to 6 probes; tried again in 20 s',
}
const relay: CandidateReport = {
  endpoint: '198.51.100.1:61000' as Endpoint,
  kind: 'relay',
  source: 'relay',
  via: parseName('berlin-1'),
  state: 'valid',
  inUse: true,
  rttMs: 41,
  loss: 0.126,
  mtu: { bytes: 1_328, full: false },
  lastAnswerAgeMs: 3_100,
  reason: 'in use, answers in 41 ms',
}
const gate: PathReport = {
  name: parseName('gate'),
  nodeId: gateId,
  natType: 'symmetric',
  mode: 'fast',
  decides: true,
  candidates: [direct, relay],
  history: [],
}
const van: PathReport = { ...gate, name: parseName('van'), nodeId: vanId, candidates: [direct] }
const ON: PathsReport = { engine: 'on', natType: 'symmetric', mapped: [], peers: [gate, van] }
const OFF: PathsReport = { engine: 'off', natType: 'unknown', mapped: [], peers: [] }

/** `paths`: what the agent answers; undefined: it does not run. */
function withAgent(paths: PathsReport | undefined, run: (call: Call) => Promise<void>): Promise<void> {
  return withCli(paths === undefined ? undefined : fakeAgent({ status: () => status, paths: () => paths }), run)
}

test('paths: a row for every way to every peer', () =>
  withAgent(ON, async (call) => {
    const { code, notes, out } = await call('paths')
    assert.equal([code, notes], [0, ''])
    const rows = out.split('\n').map((line) => line.trim().split(/ {2,}/))
    assert.equal(rows.slice(0, 3), [
      ['PEER', 'PATH', 'ENDPOINT', 'FROM', 'STATE', 'RTT', 'LOSS', 'MTU', 'ANSWERED', 'WHY'],
      ['gate', 'direct', direct.endpoint, 'mapped', 'failed', '-', '-', '-', 'never', direct.reason],
      ['gate', 'relay via berlin-1', relay.endpoint, 'relay', 'in use', '41 ms', '13 %', '1328', '3s', relay.reason],
    ])
  }))

test('paths of one: by name, id or mesh address', () =>
  withAgent(ON, async (call) => {
    for (const word of ['van', vanId, '10.90.0.9']) {
      const { code, out } = await call('paths', word)
      assert.is(code, 0)
      assert.is(out.includes('gate'), false)
      assert.match(out, 'van')
      assert.equal((JSON.parse((await call('paths', word, '--json')).out) as PathsReport).peers, [van])
    }
  }))

test('explain: sentences, and an exit code that says whether the peer is reached', () =>
  withAgent(ON, async (call) => {
    const reached = await call('explain', 'gate')
    assert.is(reached.code, 0)
    assert.match(reached.out, /^gate is reached through relay berlin-1 at 198\.51\.100\.1:61000, round trip 41 ms/)
    const lost = await call('explain', 'van')
    assert.is(lost.code, 1)
    assert.match(lost.out, /^van is not reached\.\n/)
    const { code, out } = await call('explain', 'van', '--json')
    assert.is(code, 1)
    assert.equal(JSON.parse(out), { ...ON, peers: [van] })
  }))

test('explain: relays that may carry the pair, and that no path is better than a forbidden one', () => {
  const country = (name: string) => ({ matchLabels: { country: name } })
  return withHeldIntent(
    {
      network: { relayPolicy: [{ nodes: country('ch'), relays: country('ch') }] },
      nodes: [
        { name: 'plant-7', nodeId: parseNodeId('pppppppppppppppp') },
        { name: 'gate', nodeId: gateId, labels: { country: 'ch' } },
        { name: 'van', nodeId: vanId },
        { name: 'berlin-1', labels: { country: 'de' }, relay: { port: 3_478, tlsPort: 443 } },
      ],
    },
    'plant-7',
    { status: () => status, paths: () => ON },
    async (call) => {
      const { code, notes, out } = await call('explain', 'gate')
      assert.equal([code, notes], [0, ''])
      assert.match(out, /\n {2}relayPolicy\[0\] keeps the traffic of country=ch \(here: gate\) on relays country=ch\n/)
      assert.match(out, '\n  forbidden: berlin-1 (relayPolicy[0])\n')
      assert.match(out, 'only forbidden relays are left: no path is better than a forbidden one.\n')
      const { residency } = JSON.parse((await call('explain', 'gate', '--json')).out) as { residency: Residency }
      assert.equal(residency.forbidden, [{ relay: 'berlin-1', by: [0] }])
      assert.not.match((await call('explain', 'van')).out, 'relayPolicy')
    },
  )
})

test('netcheck: as rows and as JSON', () =>
  withAgent(ON, async (call) => {
    const { code, out } = await call('netcheck')
    assert.is(code, 0)
    assert.match(out, /NAT +another mapping for every destination/)
    assert.match(out, /peers +0 lan, 0 direct, 1 relay, 0 tls, 1 silent/)
    const json = JSON.parse((await call('netcheck', '--json')).out) as { checks: readonly { check: string }[] }
    assert.ok(json.checks.some(({ check }) => check === 'clock'))
  }))

test('who is no peer', () =>
  withAgent(ON, async (call) => {
    for (const [argv, said] of [
      [['paths', 'gat'], 'no peer is called gat'],
      [['explain', 'nobody', '--json'], 'no peer is called nobody'],
      [['explain', 'plant-7'], 'plant-7 is this node itself'],
      [['paths', '10.90.0.7'], '10.90.0.7 is this node itself'],
    ] as const) {
      const { code, notes, out } = await call(...argv)
      assert.equal([code, out], [1, ''])
      assert.match(notes, said)
      assert.match(notes, 'holdfast status')
    }
    assert.is((await call('explain')).code, 2)
    assert.is((await call('paths', 'gate', 'van')).code, 2)
  }))

test('on a host that can’t share the port, a peer is a peer all the same', () =>
  withAgent(OFF, async (call) => {
    const all = await call('paths')
    assert.is(all.code, 0)
    assert.match(all.notes, 'share WireGuard’s port')
    assert.is((await call('paths', 'gate')).code, 0)
    const reached = await call('explain', 'gate')
    assert.is(reached.code, 0)
    assert.match(reached.out, /^gate is reached; last handshake/)
    assert.is((await call('explain', 'van')).code, 1)
    assert.match((await call('explain', 'nobody')).notes, 'no peer is called nobody')
    assert.match((await call('netcheck')).out, /port sharing +not possible on this host/)
  }))

test('without an agent, all say what to do', () =>
  withAgent(undefined, async (call) => {
    for (const argv of [
      ['paths'],
      ['paths', 'gate', '--json'],
      ['explain', 'gate'],
      ['netcheck'],
      ['netcheck', '--json'],
    ]) {
      const { code, notes, out } = await call(...argv)
      assert.equal([code, out], [1, ''], argv.join(' '))
      assert.match(notes, 'the agent is not running')
      assert.match(notes, 'systemctl start holdfast')
    }
  }))

test('history: a line for every point, and nothing said that was not measured', async () => {
  const none = { rttUs: undefined, lossPerMille: undefined, rxBytes: undefined, txBytes: undefined }
  const past = packHistory('gate', 60, [
    { ageS: 120, path: 'none', ...none },
    { ageS: 61, path: 'relay', rttUs: 41_230, lossPerMille: 16, rxBytes: 2_048, txBytes: 0 },
  ])
  const agent = fakeAgent({ status: () => status, history: (node) => (node === gateId ? past : undefined) })
  await withCli(agent, async (call) => {
    const { code, out } = await call('history', 'gate')
    assert.is(code, 0)
    const rows = out.split('\n').map((line) => line.trim().split(/ {2,}/))
    assert.equal(rows.slice(0, 3), [
      ['AGO', 'PATH', 'RTT', 'LOSS', 'RECEIVED', 'SENT'],
      ['2m', 'none', '-', '-', '-', '-'],
      ['1m', 'relay', '41.2 ms', '1.6 %', '2.0 KiB', '0 B'],
    ])
    assert.equal(JSON.parse((await call('history', '10.90.0.1', '--json')).out), past)
    const { code: refused, notes } = await call('history', 'nobody')
    assert.equal([refused, /no peer is called nobody/.test(notes)], [1, true])
    assert.is((await call('history')).code, 2)
  })
})

test.run()
