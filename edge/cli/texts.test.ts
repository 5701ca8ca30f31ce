// Golden text of what people read most.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bytesText } from '../../shared/cli/words.ts'
import { showCondition } from '../../shared/health.ts'
import { parseName } from '../../shared/ids.ts'
import type { AgentStatus } from '../agent.ts'
import { pingLineText, summarize, summaryText } from './ping-text.ts'
import { planText } from './plan-text.ts'
import { statusText } from './status-text.ts'
import { ageText, rttText } from './words.ts'

const NOW = 1_800_000_000_000
const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, ...rows].map((row) => `${row.join(' | ')}\n`).join('')

const status = {
  node: 'plant-7',
  nodeId: 'abcdefghijklmnop',
  network: 'mesh',
  addresses: ['10.90.0.7'],
  hub: { connected: false, since: NOW - 7_200_000, lastContact: NOW - 7_200_000, url: 'https://hub:8443' },
  mode: 'autonomous',
  modeSince: NOW - 7_200_000,
  revision: {
    held: { epoch: 1, revision: 12 },
    applied: { epoch: 1, revision: 12 },
    lastGood: { epoch: 1, revision: 12 },
  },
  rootKey: { key: '0123456789abcdef', serial: 2 },
  overrides: [],
  peers: [
    {
      nodeId: 'b',
      name: 'gate',
      addresses: ['10.90.0.1', 'fd00::1'],
      path: 'direct',
      endpoint: '192.0.2.1:51820',
      rttMs: 3.14,
      handshakeAgeS: 61,
      rxBytes: 2_048,
      txBytes: 5_000_000,
      active: true,
    },
    { nodeId: 'c', name: 'van', addresses: ['10.90.0.9'], path: 'none', rxBytes: 0, txBytes: 0, active: false },
  ],
  health: [showCondition({ code: 'hub-unreachable', since: NOW - 7_200_000, detail: 'connect timed out' })],
  gossip: {
    said: 12,
    heard: 9,
    factsSpread: 2,
    begun: 3,
    served: 1,
    failed: 1,
    refused: 0,
    last: { peer: parseName('beta-1'), at: NOW - 12_000 },
  },
  upkeep: {
    bytesToday: 950_000,
    budgetBytesPerDay: 2_000_000,
    by: { relays: 800_000, outlook: 0, wireguard: 0, hub: 150_000 },
    thrift: 1,
  },
  uplink: { rttMs: 50, lossPercent: 2, bandwidthMbps: 20, bandwidthBy: 'observed', metered: true },
  uptimeS: 90_000,
  version: '0.1.0',
} as unknown as AgentStatus

test('status says who, how it stands with the hub, the peers, and what to do', () => {
  assert.snapshot(
    statusText(status, NOW, table),
    `node      plant-7 (abcdefghijklmnop) in mesh
addresses 10.90.0.7
mode      autonomous since 2027-01-15T06:00:00Z (2h), hub last heard 2027-01-15T06:00:00Z
revision  held 12, applied 12
gossip    12 words said, 9 heard; 4 exchanges, last with beta-1 12s ago, 1 failed
uplink    round trip up to 50 ms, loss up to 2 %, carries 20 Mbit/s or more (as seen), metered
root key  0123456789abcdef, number 2
upkeep    928 KiB of 1.9 MiB today (relays 781 KiB, hub 146 KiB), looks and reports are spared
agent     0.1.0, up 1d

PEER | ADDRESSES | PATH | RTT | HANDSHAKE | RX | TX | ENDPOINT
gate | 10.90.0.1 fd00::1 | direct | 3.1 ms | 1m | 2.0 KiB | 4.8 MiB | 192.0.2.1:51820
van | 10.90.0.9 | none | - | never | 0 B | 0 B | -

warning: The hub is not reachable; the node works from its cache (since 2027-01-15T06:00:00Z)
    connect timed out
    → Nothing breaks meanwhile. Check the uplink, then the hub with \`holdfast-hub status\`.
`,
  )
})

test('a node that is cut off says what is missing, when it tries again, and who could help meanwhile', () => {
  const failure = { reason: 'cannot reach hub:8883: getaddrinfo EAI_AGAIN hub', code: 'unreachable', trouble: 'name' }
  const cutOff = {
    since: NOW - 7_200_000,
    waitsFor: 'name-resolution',
    peersReachable: 1,
    peersTotal: 2,
    relays: ['gate'],
    hubHeardBy: [{ peer: 'gate', agoS: 40 }],
  }
  const linesOf = (more: object): string[] =>
    statusText({ ...status, ...more }, NOW, table)
      .split('\n')
      .slice(2, 7)
  const hub = {
    ...status.hub,
    lastContactAgeS: 7_200,
    failure: { ...failure, at: NOW - 12_000, count: 17 },
    nextTryInS: 252,
  }
  const revision = {
    ...status.revision,
    signedAt: NOW - 9_000_000,
    ageS: 9_000,
    newestHeard: { version: { epoch: 1, revision: 14 }, peer: 'gate', agoS: 5 },
  }
  assert.equal(linesOf({ hub, cutOff, revision }), [
    'mode      autonomous since 2027-01-15T06:00:00Z (2h), hub last heard 2027-01-15T06:00:00Z (2h ago)',
    'cut off   waits for a name server: the hub’s name is not resolved; 17 in a row failed, last 12s ago, next try in 4m',
    '          cannot reach hub:8883: getaddrinfo EAI_AGAIN hub',
    '          meanwhile: 1 of 2 peers and relays gate answer; the hub is heard by gate (40s ago)',
    'revision  held 12 (signed 2027-01-15T05:30:00Z (2h ago)), applied 12, gate told of 14 5s ago, which is not here yet',
  ])
  const alone = { ...cutOff, waitsFor: 'hub', relays: [], hubHeardBy: [] }
  assert.equal(linesOf({ cutOff: alone }).slice(1, 3), [
    'cut off   waits for the hub itself: its broker is connected',
    '          meanwhile: 1 of 2 peers and no relay answer; none says that it hears the hub',
  ])
  assert.match(linesOf({ modeSince: NOW + 1 })[0] ?? '', /\(this clock is behind it\)/)
})

test('of an uplink that nobody measured only is said what people set', () => {
  const lineOf = (uplink: AgentStatus['uplink']): string | undefined =>
    /^uplink {4}(.*)$/m.exec(statusText({ ...status, uplink }, NOW, table))?.[1]
  assert.match(lineOf({ metered: false }) ?? '', /^not measured yet: [^,]*$/)
  assert.is(
    lineOf({ bandwidthMbps: 5, bandwidthBy: 'declared', metered: true }),
    'carries 5 Mbit/s or more (as set), metered',
  )
})

test('a policy override comes before all else; one that has ended does not', () => {
  const one = { id: 'abcdefghijklmnop', policies: [], reason: 'line 3', by: { uid: 0, login: 'anna' }, madeAt: NOW }
  const active = { ...one, state: 'active', expiresAt: NOW + 7_200_000 }
  const overrides = [active, { ...one, state: 'expired', expiresAt: NOW }] as unknown as AgentStatus['overrides']
  const lines = statusText({ ...status, overrides }, NOW, table).split('\n')
  assert.match(lines[0] ?? '', /^OVERRIDE {2}abcdefghijklmnop until .* \(2h left\) by root \(login anna\): line 3$/)
  assert.match(lines[1] ?? '', /^node/)
})

test('a revision that has not proven itself is told in words', () => {
  const lineOf = (revision: Partial<AgentStatus['revision']>): string | undefined =>
    /^revision {2}(.*)$/m.exec(
      statusText({ ...status, revision: { ...status.revision, ...revision } }, NOW, table),
    )?.[1]
  const lastGood = { epoch: 1, revision: 11 }
  const trial = { version: status.revision.held, since: NOW - 6_000, secondsLeft: 24 }
  assert.is(lineOf({ lastGood, trial }), 'held 12, applied 12, on trial: 24 s to go, else back to 11')
  assert.is(
    lineOf({ lastGood, trial: { ...trial, secondsLeft: 0 } }),
    'held 12, applied 12, on trial: something that was lost is waited for, else back to 11',
  )
  const failed = { version: status.revision.held, since: NOW - 60_000, check: 'hub', detail: 'lost' }
  const back = { applied: lastGood, lastGood }
  assert.is(
    lineOf({ ...back, quarantine: { ...failed, certain: true } }),
    'held 12, applied 11, 12 taken back 1m ago: hub',
  )
  assert.is(
    lineOf({ ...back, quarantine: { ...failed, certain: false } }),
    'held 12, applied 11, 12 taken back 1m ago: hub (whether it was to blame is being looked at)',
  )
})

test('a plan reads as commands', () => {
  assert.is(planText([], 'hf0'), 'nothing to do: the kernel is as the intent says\n')
  const ops = [
    { op: 'policy-set', policy: { phases: [{ entries: 3, untilS: 1_800_000_000 }, { entries: 4 }] } },
    { op: 'link-add' },
    { op: 'peer-set', wgKey: 'KEY', allowedIps: ['10.90.0.1/32'], keepaliveS: 25 },
    { op: 'forwarding-on', family: 6 },
  ] as never
  assert.snapshot(
    planText(ops, 'hf0'),
    `policy: another table (7 entries)
ip link add hf0 type wireguard
wg set hf0 peer KEY allowed-ips 10.90.0.1/32 persistent-keepalive 25
sysctl net.ipv6.conf.all.forwarding=1
`,
  )
})

test('a ping tells loss and times', () => {
  const answer = { node: 'gate', address: '10.90.0.1', path: 'direct' } as const
  const answers = [
    { ...answer, seq: 1, rttMs: 4 },
    { ...answer, seq: 2 },
    { ...answer, seq: 3, rttMs: 20.4 },
    { ...answer, seq: 4, rttMs: 5 },
  ]
  assert.is(pingLineText({ ...answer, seq: 1, rttMs: 4 }), 'gate (10.90.0.1) seq=1: 4.0 ms, path direct')
  assert.is(pingLineText({ ...answer, seq: 2 }), 'gate (10.90.0.1) seq=2: no answer, path direct')
  assert.is(summaryText(summarize(answers)), '4 sent, 3 received, 25 % lost, min/median/max 4.0 ms / 5.0 ms / 20 ms')
  assert.is(summaryText(summarize([{ ...answer, seq: 1 }])), '1 sent, 0 received, 100 % lost')
})

test('units', () => {
  assert.equal([-1, 0, 59, 60, 3_600, 90_000].map(ageText), ['0s', '0s', '59s', '1m', '1h', '1d'])
  assert.equal([0, 1_023, 1_024, 200 << 10, 2 ** 50].map(bytesText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '200 KiB',
    '1024 TiB',
  ])
  assert.equal([undefined, 0.123, 9.99, 10.4].map(rttText), ['-', '0.1 ms', '10.0 ms', '10 ms'])
})

test.run()
