// Golden sentences of `holdfast explain`: they are read at night, by somebody who does not know this program.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { parseName, parseNodeId } from '../../shared/ids.ts'
import type { CandidateReport, PathReport, PathsReport } from '../paths/report.ts'
import { explainText, explainWithoutEngine, isReached } from './explain-text.ts'

const NOW = 1_800_000_000_000
const LAN: CandidateReport = {
  endpoint: '192.168.1.9:51820' as Endpoint,
  kind: 'lan',
  source: 'lan',
  state: 'failed',
  inUse: false,
  lastProbeAgeMs: 40_400,
  reason: 'no answer to 6 probes; tried again in 20 s',
}
const DIRECT: CandidateReport = {
  endpoint: '203.0.113.9:4000' as Endpoint,
  kind: 'direct',
  source: 'mapped',
  state: 'held-down',
  inUse: false,
  rttMs: 12.4,
  loss: 1,
  lastAnswerAgeMs: 95_000,
  lastProbeAgeMs: 3_000,
  heldForMs: 29_100,
  reason: 'failed while in use; not used again for 29 s unless nothing else works',
}
const RELAY: CandidateReport = {
  endpoint: '198.51.100.1:61000' as Endpoint,
  kind: 'relay',
  source: 'relay',
  via: parseName('berlin-1'),
  state: 'valid',
  inUse: true,
  rttMs: 41.6,
  loss: 0,
  lastAnswerAgeMs: 120,
  lastProbeAgeMs: 160,
  reason: 'in use, answers in 42 ms',
}
const REPORT: PathReport = {
  name: parseName('gate'),
  nodeId: parseNodeId('gggggggggggggggg'),
  natType: 'symmetric',
  mode: 'fast',
  decides: true,
  candidates: [LAN, DIRECT, RELAY],
  history: [
    { ageMs: 3_700_000, what: 'forgotten' },
    { ageMs: 200_000, what: 'in use: direct 203.0.113.9:4000 answers' },
    { ageMs: 90_000, what: 'the path in use is dead: no answer to 3 probes' },
    { ageMs: 90_000, what: 'in use: relay 198.51.100.1:61000 is proven, direct 203.0.113.9:4000 is dead' },
    { ageMs: 4_000, what: 'a' },
    { ageMs: 900, what: 'b' },
  ],
}
const PATHS: PathsReport = { engine: 'on', natType: 'symmetric', mapped: [], peers: [REPORT] }

test('a peer behind a relay: what is used, why nothing better, who decides, what was', () => {
  assert.snapshot(
    explainText(PATHS, REPORT, NOW),
    `gate is reached through relay berlin-1 at 198.51.100.1:61000, round trip 42 ms, last answer 0s ago.
Both ends are behind symmetric NATs, so nothing but a relay or a port mapping can join them.
Better, but not in use:
  lan 192.168.1.9:51820 (lan): no answer to 6 probes; tried again in 20 s; last tried 40s ago
  direct 203.0.113.9:4000 (mapped): failed while in use; not used again for 29 s unless nothing else works; last tried 3s ago
Payload flows; the path is watched at the pace "fast".
This node decides which path the pair uses.
Lately:
  3m ago: in use: direct 203.0.113.9:4000 answers
  1m ago: the path in use is dead: no answer to 3 probes
  1m ago: in use: relay 198.51.100.1:61000 is proven, direct 203.0.113.9:4000 is dead
  4s ago: a
  1s ago: b
`,
  )
})

test('why it must be a relay: by what stands in front of either end', () => {
  const why = (own: PathsReport['natType'], theirs: PathReport['natType'], used: CandidateReport): string => {
    const text = explainText({ ...PATHS, natType: own }, { ...REPORT, natType: theirs, candidates: [used] }, NOW)
    return text.split('\n').find((line) => line.startsWith('So ')) ?? 'nothing'
  }
  const tls: CandidateReport = { ...RELAY, kind: 'tls' }
  assert.is(
    why('symmetric', 'endpoint-independent', RELAY),
    'So neither can send the first packet: nobody knows the mapping that this node will have, and the other NAT lets in nobody it was not sent to.',
  )
  assert.match(why('endpoint-independent', 'symmetric', RELAY), /the mapping that gate will have/)
  assert.is(
    why('udp-blocked', 'none', tls),
    'So this node goes to the relay over TLS, until its firewall lets UDP out.',
  )
  assert.is(why('none', 'udp-blocked', RELAY), 'So gate goes to the relay over TLS, until its firewall lets UDP out.')
  assert.is(why('unknown', 'symmetric', RELAY), 'nothing')
  assert.is(why('symmetric', 'endpoint-independent', { ...DIRECT, inUse: true }), 'nothing')
})

test('a relay that no NAT makes necessary', () => {
  const text = explainText({ ...PATHS, natType: 'none' }, { ...REPORT, natType: 'endpoint-independent' }, NOW)
  assert.match(text, '\nNeither end’s NAT forbids a direct way: a firewall in between may.\n')
})

test('IPv6 would help where one end alone has it', () => {
  const six: CandidateReport = { ...DIRECT, endpoint: '[2001:db8::9]:51820' as Endpoint }
  const told = (candidates: readonly CandidateReport[], outside: readonly string[]): string | undefined =>
    explainText({ ...PATHS, outside }, { ...REPORT, candidates }, NOW)
      .split('\n')
      .find((line) => line.startsWith('Over IPv6'))
  assert.is(told([six, RELAY], ['198.51.100.7']), 'Over IPv6 they could meet directly: gate has it, this node has not.')
  assert.is(
    told([DIRECT, RELAY], ['2001:db8::7']),
    'Over IPv6 they could meet directly: this node has it, gate has not.',
  )
  assert.is(told([six, RELAY], ['2001:db8::7']), undefined)
  assert.is(told([DIRECT, RELAY], []), undefined)
})

test('by TLS the place is a socket of this host, and not told', () => {
  const tls: CandidateReport = { ...RELAY, kind: 'tls', endpoint: '127.0.0.1:40000' as Endpoint }
  const text = explainText(PATHS, { ...REPORT, candidates: [tls] }, NOW)
  assert.match(text, /^gate is reached through relay berlin-1 over TLS, round trip 42 ms/)
})

test('the best there is needs no excuse', () => {
  const used: CandidateReport = { ...LAN, state: 'valid', inUse: true, rttMs: 0.42, lastAnswerAgeMs: 600 }
  const report: PathReport = {
    ...REPORT,
    natType: 'none',
    mode: 'idle',
    decides: false,
    candidates: [used, DIRECT],
    history: [],
  }
  assert.snapshot(
    explainText({ ...PATHS, natType: 'endpoint-independent' }, report, NOW),
    `gate is reached over the local network at 192.168.1.9:51820, round trip 0.4 ms, last answer 1s ago.
This node is behind a NAT that others can reach through once it has a mapping; gate is behind no NAT.
No payload flows, so nothing is probed; the first packet wakes the paths.
gate decides which path the pair uses; this node follows.
`,
  )
})

test('a peer that is not reached: every place it was looked for', () => {
  const never: CandidateReport = {
    endpoint: '192.0.2.9:51820' as Endpoint,
    kind: 'direct',
    source: 'public',
    state: 'untried',
    inUse: false,
    reason: 'to be tried',
  }
  const report: PathReport = { ...REPORT, natType: 'unknown', mode: 'normal', candidates: [LAN, never], history: [] }
  assert.snapshot(
    explainText({ ...PATHS, natType: 'udp-blocked' }, report, NOW),
    `gate is not reached.
This node is behind a firewall that blocks UDP; gate is behind a NAT of unknown kind, or none.
Where it was looked for:
  lan 192.168.1.9:51820 (lan): no answer to 6 probes; tried again in 20 s; last tried 40s ago
  direct 192.0.2.9:51820 (public): to be tried
Payload flows; the path is watched at the pace "normal".
This node decides which path the pair uses.
`,
  )
})

test('a path that WireGuard is pointed at and that never answered is not called reached', () => {
  const guessed: CandidateReport = {
    ...LAN,
    inUse: true,
    state: 'untried',
    reason: 'WireGuard is pointed at it, because nothing answers that is known to be better',
  }
  const text = explainText(PATHS, { ...REPORT, candidates: [guessed], history: [] }, NOW)
  assert.match(
    text,
    /^WireGuard sends to gate over the local network at 192\.168\.1\.9:51820: WireGuard is pointed at it/,
  )
  const shaken = "works by WireGuard's own handshake 5 s ago; answers no probes, so not measured"
  const handshake = explainText(PATHS, { ...REPORT, candidates: [{ ...guessed, reason: shaken }] }, NOW)
  assert.match(handshake, /^WireGuard sends to gate over the local network at 192\.168\.1\.9:51820: works by WireGuard/)
})

test('a peer nobody knows a place of', () => {
  const text = explainText(PATHS, { ...REPORT, candidates: [], history: [] }, NOW)
  assert.match(text, /^gate is not reached\.\n/)
  assert.match(text, 'Nobody told where it might be: it has not announced itself yet.\n')
})

test('a peer that rests, and was not talked with since the start, is not called silent', () => {
  const never: CandidateReport = { ...LAN, state: 'untried', inUse: true, reason: 'not tried while no payload flows' }
  const report: PathReport = { ...REPORT, mode: 'idle', candidates: [never], history: [] }
  assert.snapshot(
    explainText(PATHS, report, NOW),
    `No way to gate is proven since this agent started, and nobody talks with it; the first packet looks for one.
Both ends are behind symmetric NATs, so nothing but a relay or a port mapping can join them.
Where it will be looked for, and at relays:
  lan 192.168.1.9:51820 (lan)
`,
  )
})

test('of a silent relay it is said whose fault that is', () => {
  const silent: CandidateReport = { ...RELAY, state: 'failed', reason: 'silent for 3 s; stays in use' }
  const told = (by: 'udp' | 'silent'): string =>
    explainText({ ...PATHS, relays: [{ name: parseName('berlin-1'), by }] }, { ...REPORT, candidates: [silent] }, NOW)
  assert.match(told('silent'), '\nRelay berlin-1 does not answer this node.\n')
  assert.match(
    told('udp'),
    '\nRelay berlin-1 answers this node, so it is gate that is not there, or does not reach it.\n',
  )
  const works = { ...PATHS, relays: [{ name: parseName('berlin-1'), by: 'silent' as const }] }
  assert.not.match(explainText(works, REPORT, NOW), 'Relay berlin-1')
})

test('a path that fell silent is not called reached', () => {
  const silent: CandidateReport = { ...RELAY, state: 'failed', reason: 'silent for 3 s; stays in use' }
  assert.is(isReached(silent), false)
  const text = explainText(PATHS, { ...REPORT, candidates: [silent, DIRECT] }, NOW)
  assert.match(text, 'WireGuard sends to gate through relay berlin-1 at 198.51.100.1:61000: silent for 3 s')
  assert.match(text, 'Where else it was looked for:\n  direct')
})

test('without the engine there is WireGuard’s word', () => {
  const peer = { nodeId: REPORT.nodeId, name: REPORT.name, addresses: [], rxBytes: 0, txBytes: 0, active: false }
  assert.snapshot(
    explainWithoutEngine({ ...peer, path: 'direct', endpoint: DIRECT.endpoint, handshakeAgeS: 61 }),
    `gate is reached at 203.0.113.9:4000; last handshake of WireGuard: 1m ago.
This host can’t share WireGuard’s port, so endpoints take turns until one answers; see \`holdfast doctor\`.
`,
  )
  assert.match(
    explainWithoutEngine({ ...peer, path: 'none' }),
    /^gate is not reached; last handshake of WireGuard: never\.\n/,
  )
})

test('an uplink that lets nothing through is told', () => {
  const uplinks = [
    { family: 4, interface: 'eth0', preferred: true, inUse: false, silentForMs: 61_000 },
    { family: 4, interface: 'lte0', preferred: false, inUse: true, lastAnswerAgeMs: 900 },
  ] as const
  const text = explainText({ ...PATHS, uplinks }, REPORT, NOW)
  assert.match(text, '\nUplink eth0: no answer since 2027-01-15T07:58:59Z, using lte0.\n')
  assert.not.match(explainText({ ...PATHS, uplinks: uplinks.slice(0, 1) }, REPORT, NOW), 'Uplink')
})

test.run()
