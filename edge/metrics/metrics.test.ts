// A node's figures in the text format: every family well-formed, bounded, and true to the status it is made of.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { FlowBatch } from '../../shared/flows/batch.ts'
import { createFlowTally } from '../../shared/flows/tally.ts'
import { showCondition } from '../../shared/health.ts'
import { metricsPeersMax } from '../../shared/limits.ts'
import { formatMetrics } from '../../shared/metrics-text.ts'
import { fakeAgent } from '../agent.fake.ts'
import type { AgentStatus, PeerStatus } from '../agent.ts'
import type { PathsReport } from '../paths/report.ts'
import type { RelayFigures } from '../relay/open-relay.ts'
import { exitFamilies } from './exit-families.ts'
import { createMetrics } from './metrics.ts'

const NOW = 1_800_000_000_000
const version = (revision: number) => ({ epoch: 2, revision })
const peer = {
  nodeId: 'b',
  name: 'gate',
  addresses: ['10.90.0.1'],
  path: 'relay',
  via: 'hill',
  rttMs: 99,
  handshakeAgeS: 61,
  rxBytes: 2_048,
  txBytes: 5_000_000,
  active: true,
}
const status = {
  node: 'plant-7',
  nodeId: 'a',
  network: 'mesh',
  addresses: [],
  hub: { connected: false, since: 1, lastContact: NOW, url: 'https://hub', nextTryInS: 40, failure: { count: 17 } },
  mode: 'autonomous',
  modeSince: NOW,
  cutOff: { waitsFor: 'name-resolution', hubHeardBy: [{ peer: 'gate', agoS: 1 }] },
  revision: {
    held: version(12),
    applied: version(11),
    lastGood: version(11),
    signedAt: NOW,
    newestHeard: { version: version(14), peer: 'gate', agoS: 3 },
    quarantine: { version: version(12) },
  },
  overrides: [{ state: 'active' }, { state: 'expired' }],
  peers: [peer, { ...peer, name: 'van', path: 'none', via: undefined, rttMs: undefined, handshakeAgeS: undefined }],
  health: [showCondition({ code: 'hub-unreachable', since: NOW }), showCondition({ code: 'disk-full', since: NOW })],
  gossip: { said: 12, heard: 9, factsSpread: 2, begun: 3, served: 1, failed: 1, refused: 5 },
  upkeep: { bytesToday: 9, budgetBytesPerDay: 2_000_000, by: { relays: 8, outlook: 1 }, thrift: 1 },
  uptimeS: 90,
  version: '0.1.0',
} as unknown as AgentStatus
const report = {
  peers: [
    {
      name: 'gate',
      candidates: [
        { inUse: false, rttMs: 1 },
        { inUse: true, rttMs: 12.5 },
      ],
    },
  ],
} as unknown as PathsReport
const figures: RelayFigures = {
  sessions: [
    { port: 1, nodes: ['a', 'b'] as never, complete: true, packets: [1, 2], bytes: [10, 20] },
    { port: 2, nodes: ['a', 'c'] as never, complete: false },
  ],
  challenged: 7,
  bound: 3,
  refreshed: 2,
  refused: { 'silence-rate': 4, full: 1 },
  dropped: 6,
  tls: { connections: 1, channels: 2, packets: 3, bytes: 4, dropped: 5, refused: {} },
}

const noBatch: FlowBatch = {
  from: 1,
  to: 2,
  boot: 1,
  revision: '1',
  counts: { by: 'nft', epoch: 'e', total: { packets: 1, bytes: 2 } },
  ends: [],
  records: [],
  lostBefore: [],
}

const ledOut = { family: 4, nodes: 3, out: { packets: 5, bytes: 500 }, back: { packets: 7, bytes: 9_000 } } as const
const cost = { residentBytes: 1_000, cpuSeconds: 1.25, openFiles: 30 }

function setUp(words: Partial<Parameters<typeof fakeAgent>[0]> = {}) {
  const clock = new FakeClock(NOW)
  const counts = { looks: 0 }
  const agent = fakeAgent({
    status() {
      counts.looks += 1
      return status
    },
    paths: () => report,
    figures: { relay: async () => figures, ledOut: async () => [] },
    ...words,
  })
  return { clock, counts, text: createMetrics({ agent, cost: () => cost, clock, log: memoryLog() }) }
}

test('each figure under its name', async () => {
  const lines = (await setUp().text()).split('\n')
  for (const line of [
    'holdfast_agent_info{version="0.1.0",node="plant-7",network="mesh"} 1',
    'holdfast_agent_uptime_seconds 90',
    'holdfast_agent_online 0',
    'holdfast_agent_mode_since_timestamp_seconds 1800000000',
    'holdfast_agent_hub_last_contact_timestamp_seconds 1800000000',
    'holdfast_agent_hub_failures 17',
    'holdfast_agent_hub_next_try_seconds 40',
    'holdfast_agent_waits_for{what="name-resolution"} 1',
    'holdfast_agent_hub_heard_by_peers 1',
    'holdfast_agent_intent_epoch{which="held"} 2',
    'holdfast_agent_intent_revision{which="held"} 12',
    'holdfast_agent_intent_revision{which="applied"} 11',
    'holdfast_agent_intent_revision{which="last-good"} 11',
    'holdfast_agent_intent_revision{which="heard"} 14',
    'holdfast_agent_intent_state{state="trial"} 0',
    'holdfast_agent_intent_state{state="quarantine"} 1',
    'holdfast_agent_condition{code="disk-full",severity="warning"} 1',
    'holdfast_agent_condition{code="hub-unreachable",severity="warning"} 1',
    'holdfast_agent_overrides 1',
    'holdfast_agent_upkeep_today_bytes{kind="relays"} 8',
    'holdfast_agent_upkeep_budget_bytes 2000000',
    'holdfast_agent_gossip_words_total{direction="said"} 12',
    'holdfast_agent_gossip_exchanges_total{by="peer"} 1',
    'holdfast_agent_peers{path="lan"} 0',
    'holdfast_agent_peers{path="relay"} 1',
    'holdfast_agent_peers{path="none"} 1',
    'holdfast_agent_peer_path{peer="gate",path="relay",via="hill"} 1',
    'holdfast_agent_peer_rtt_seconds{peer="gate"} 0.0125',
    'holdfast_agent_peer_receive_bytes_total{peer="gate"} 2048',
    'holdfast_agent_peer_transmit_bytes_total{peer="van"} 5000000',
    'holdfast_agent_peer_handshake_age_seconds{peer="gate"} 61',
    'holdfast_agent_resident_memory_bytes 1000',
    'holdfast_agent_cpu_seconds_total 1.25',
    'holdfast_agent_open_fds 30',
    'holdfast_relay_sessions{ends="both"} 1',
    'holdfast_relay_sessions{ends="one"} 1',
    'holdfast_relay_sessions_bytes 30',
    'holdfast_relay_asked_total{what="bind"} 3',
    'holdfast_relay_refused_total{reason="full"} 1',
    'holdfast_relay_junk_total 6',
    'holdfast_relay_tls_channels 2',
  ]) {
    assert.ok(lines.includes(line), line)
  }
  assert.not.ok(lines.some((line) => line.startsWith('holdfast_agent_peer_rtt_seconds{peer="van"}')))
})

test('how this node goes out is told where an Exit selects it, and not elsewhere', () => {
  const routers = [
    ['0.0.0.0/0', { 'out-a': 'gone', 'out-b': 'used' }],
    ['::/0', { 'out-a': 'used' }],
    ['192.168.1.0/24', { gw: 'used' }],
  ].map(([destination, states]) => ({
    destination,
    route: 'out',
    routers: Object.entries(states as object).map(([name, state]) => ({ name, state })),
  })) as unknown as NonNullable<AgentStatus['routers']>
  const told = (health: AgentStatus['health']) => formatMetrics(exitFamilies({ health, routers })).split('\n')
  const led = told([])
  for (const line of [
    'holdfast_agent_exit_state{state="led"} 1',
    'holdfast_agent_exit_state{state="closed"} 0',
    'holdfast_agent_exit_nodes{family="4",state="gone"} 1',
    'holdfast_agent_exit_nodes{family="6",state="gone"} 0',
    'holdfast_agent_exit_used{family="4",exit="out",node="out-b"} 1',
    'holdfast_agent_exit_used{family="6",exit="out",node="out-a"} 1',
  ]) {
    assert.ok(led.includes(line), line)
  }
  assert.not.ok(led.some((line) => line.includes('gw')))
  const closed = told([showCondition({ code: 'exit-closed', since: NOW })])
  assert.ok(closed.includes('holdfast_agent_exit_state{state="led"} 0'))
  assert.ok(closed.includes('holdfast_agent_exit_state{state="closed"} 1'))
  const subnetsAlone = routers.filter(({ destination }) => destination === '192.168.1.0/24')
  assert.equal(exitFamilies({ health: [], routers: subnetsAlone }), [])
  assert.equal(exitFamilies({ health: [] }), [])
})

test('every family is named, typed and told once, as Prometheus asks for', async () => {
  const lines = (await setUp().text()).trimEnd().split('\n')
  const seen = new Set<string>()
  let family = ''
  for (const line of lines) {
    const [, name = '', type] = /^# TYPE (\S+) (gauge|counter)$/.exec(line) ?? []
    if (type !== undefined) {
      assert.not.ok(seen.has(name), `${name} twice`)
      seen.add(name)
      family = name
      assert.match(name, /^holdfast_[a-z_]+$/)
      assert.is(name.endsWith('_total'), type === 'counter', name)
    } else if (!line.startsWith('# HELP ')) {
      assert.match(line, /^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+$/)
      assert.is(line.split(/[ {]/)[0], family)
    }
  }
})

test('peers by name are bounded, those that answer first', async () => {
  const many = Array.from({ length: metricsPeersMax + 10 }, (_, i) => ({
    ...peer,
    name: `n${String(i).padStart(4, '0')}`,
    path: i < 10 ? 'none' : 'direct',
  })) as unknown as readonly PeerStatus[]
  const text = await setUp({ status: () => ({ ...status, peers: many }) }).text()
  assert.is(text.split('\n').filter((line) => line.startsWith('holdfast_agent_peer_path{')).length, metricsPeersMax)
  assert.ok(text.includes('holdfast_agent_peers_unlisted 10\n'))
  assert.ok(text.includes('holdfast_agent_peers{path="none"} 10\n'))
  assert.not.ok(text.includes('peer="n0000"'))
})

test('whoever looks often costs one look a second', async () => {
  const { clock, counts, text } = setUp()
  await Promise.all([text(), text(), text()])
  await text()
  assert.is(counts.looks, 1)
  clock.advance(1_000)
  await text()
  assert.is(counts.looks, 2)
})

test('a relay that can’t be asked hides nothing else; a status that fails is asked anew', async () => {
  const refuse = (): never => {
    throw new HoldfastError('failed', 'nft does not answer')
  }
  const without = await setUp({ figures: { relay: async () => refuse(), ledOut: async () => [ledOut] } }).text()
  assert.ok(without.includes('holdfast_agent_online 0\n') && !without.includes('holdfast_relay_'))
  assert.ok(without.includes('holdfast_agent_led_out_nodes{family="4"} 3\n'))
  let fails = true
  const { text } = setUp({ status: () => (fails ? refuse() : status) })
  assert.match(await text().catch((error: unknown) => (error as Error).message), /nft does not answer/)
  fails = false
  assert.ok((await text()).includes('holdfast_agent_online 0\n'))
})

test('whom this node leads out is told where it leads out, and hides nothing where the kernel does not tell', async () => {
  const relay = async () => figures
  const shown = await setUp({
    figures: { relay, ledOut: async () => [ledOut, { ...ledOut, family: 6, nodes: 0 }] },
  }).text()
  for (const line of [
    'holdfast_agent_led_out_nodes{family="6"} 0',
    'holdfast_agent_led_out_packets_total{family="4",direction="out"} 5',
    'holdfast_agent_led_out_packets_total{family="4",direction="back"} 7',
    'holdfast_agent_led_out_bytes_total{family="4",direction="back"} 9000',
  ]) {
    assert.ok(shown.includes(`${line}\n`), line)
  }
  assert.not.match(await setUp().text(), /led_out/)
  const refused = await setUp({ figures: { relay, ledOut: () => Promise.reject(new Error('nft is gone')) } }).text()
  assert.ok(!refused.includes('led_out') && refused.includes('holdfast_relay_sessions'))
})

test('flows on record are summed up, and so is how much of them the hub has', async () => {
  const tally = createFlowTally()
  tally.note({ ...noBatch, lostBefore: [{ why: 'restart', amount: { packets: 4, bytes: 40 } }] })
  const onRecord = () => ({ tally, batches: 12, atHub: 9 })
  const { text } = setUp({ flows: { ...fakeAgent({ status: () => status }).flows, figures: onRecord } })
  const shown = await text()
  assert.match(shown, /^holdfast_agent_flow_lost_packets_total\{why="restart"\} 4$/m)
  assert.match(shown, /^holdfast_agent_flow_batches 12$/m)
  assert.match(shown, /^holdfast_agent_flow_batches_at_hub 9$/m)
})

test.run()
