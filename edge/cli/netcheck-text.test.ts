// Golden rows of `holdfast netcheck`.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { showCondition } from '../../shared/health.ts'
import { parseName, parseNodeId } from '../../shared/ids.ts'
import type { AgentStatus } from '../agent.ts'
import type { CandidateReport, PathReport, PathsReport } from '../paths/report.ts'
import type { PortMappingReport } from '../portmap/report.ts'
import { netcheckRows } from './netcheck-text.ts'

const NOW = 1_800_000_000_000
const MTUS: Readonly<Record<string, string>> = { eth0: '1500', hf0: '1420', lo: '65536' }
const probe = {
  list: () => ['bonding_masters', ...Object.keys(MTUS)],
  read: (path: string) => MTUS[/^\/sys\/class\/net\/([^/]+)\/mtu$/.exec(path)?.[1] ?? ''],
}

const status = {
  hub: { connected: true, since: NOW - 1_000, url: 'https://hub:8443' },
  modeSince: NOW - 3_600_000,
  peers: [{ path: 'direct' }, { path: 'none' }, { path: 'lan' }],
  health: [],
} as unknown as AgentStatus

function candidate(
  kind: CandidateReport['kind'],
  endpoint: string,
  more: Partial<CandidateReport> = {},
): CandidateReport {
  const known = {
    endpoint: endpoint as Endpoint,
    kind,
    source: 'public',
    state: 'valid',
    inUse: true,
    reason: '',
  } as const
  return { ...known, lastAnswerAgeMs: 100, ...more }
}

function peer(name: string, ...candidates: readonly CandidateReport[]): PathReport {
  const nodeId = parseNodeId(name.padEnd(16, 'a'))
  return { name: parseName(name), nodeId, natType: 'unknown', mode: 'fast', decides: true, candidates, history: [] }
}

function held(outside: string, more: Partial<PortMappingReport> = {}): PortMappingReport {
  const gateway = '192.168.1.1' as Address
  return { state: 'held', gateway, protocol: 'PCP', outside: outside as Endpoint, lifetimeS: 7_200, ...more }
}

const berlin = parseName('berlin-1')
const oslo = parseName('oslo-1')
const paths: PathsReport = {
  engine: 'on',
  natType: 'endpoint-independent',
  mapped: ['203.0.113.7:51820' as Endpoint],
  portMapping: held('203.0.113.7:51820'),
  near: [parseName('b')],
  outside: ['203.0.113.7', '2001:db8::7'],
  relays: [
    { name: berlin, by: 'udp', rttMs: 12.34 },
    { name: parseName('riga-1'), by: 'tls' },
    { name: oslo, by: 'silent' },
  ],
  peers: [
    peer('b', candidate('lan', '192.168.1.9:51820', { mtu: { bytes: 1_420, full: true } })),
    peer(
      'c',
      candidate('direct', '[2001:db8::9]:51820', { mtu: { bytes: 1_328, full: false } }),
      candidate('relay', '198.51.100.1:61000', { via: berlin, inUse: false, rttMs: 40 }),
    ),
    peer(
      'd',
      candidate('relay', '198.51.100.2:61000', { via: oslo, rttMs: 18 }),
      candidate('relay', '198.51.100.1:61001', { via: berlin, inUse: false, rttMs: 12.34 }),
    ),
    peer('e', candidate('direct', '192.0.2.5:51820', { state: 'failed', lastAnswerAgeMs: 9_000_000 })),
    peer('f', candidate('direct', '192.0.2.6:51820', { state: 'untried' })),
  ],
}

const found = (of: PathsReport, by: AgentStatus = status): string =>
  netcheckRows(of, by, probe, NOW)
    .map((row) => `${row.join(': ')}\n`)
    .join('')

test('a node that is well connected', () => {
  assert.snapshot(
    found(paths),
    `port sharing: works: probes take the very way of WireGuard’s packets
NAT: one mapping for everybody (endpoint-independent): others can reach this node
outside address: 203.0.113.7:51820; 2001:db8::7
port mapping: PCP on 192.168.1.1 → 203.0.113.7:51820 for 2 h
UDP: answered
IPv6 outside: a peer answered over IPv6
peers: 1 lan, 1 direct, 1 relay, 0 tls, 2 silent
LAN: heard b
relays: berlin-1 12 ms, riga-1 by TLS, oslo-1 does not answer
hub: connected to https://hub:8443
clock: 2027-01-15T08:00:00Z
path MTU: full to 1 peer, 1328 to c
MTU: eth0 1500, hf0 1420
`,
  )
})

test('a node that is alone', () => {
  const late = showCondition({ code: 'clock-behind', since: NOW, detail: '3 h' })
  const alone = { ...status, hub: { ...status.hub, connected: false }, health: [late] }
  assert.snapshot(
    found({ engine: 'on', natType: 'udp-blocked', mapped: [], near: [], peers: [] }, alone),
    `port sharing: works: probes take the very way of WireGuard’s packets
NAT: UDP is blocked
outside address: not known
port mapping: switched off (portMapping)
UDP: no peer has answered over UDP
IPv6 outside: no peer has answered over IPv6
peers: 0 lan, 0 direct, 0 relay, 0 tls, 0 silent
LAN: nobody heard
relays: the network has none
hub: away since 2027-01-15T07:00:00Z
clock: 2027-01-15T08:00:00Z, behind
path MTU: not measured: no payload flows
MTU: eth0 1500, hf0 1420
`,
  )
})

test('without the engine, WireGuard’s handshakes tell', () => {
  const text = found({ engine: 'off', natType: 'unknown', mapped: [], peers: [] })
  assert.match(text, 'port sharing: not possible on this host\n')
  assert.match(text, 'UDP: answered\n')
  assert.match(text, 'peers: 1 lan, 1 direct, 0 relay, 0 tls, 1 silent\n')
  assert.match(text, 'LAN: beacons are switched off\n')
  assert.match(text, 'relays: not used: they need WireGuard’s port to be shared\n')
})

test('a peer that rests is silent only if it was needed', () => {
  const never = { ...candidate('direct', '192.0.2.6:51820', { state: 'untried' }), lastAnswerAgeMs: undefined }
  const { lastAnswerAgeMs: _, ...unasked } = never
  const resting: PathReport = { ...peer('r', unasked), mode: 'idle' }
  assert.match(
    found({ ...paths, peers: [resting] }),
    'peers: 0 lan, 0 direct, 0 relay, 0 tls, 0 silent, 1 not talked with yet\n',
  )
  assert.match(found({ ...paths, peers: [{ ...resting, mode: 'fast' }] }), '0 tls, 1 silent\n')
})

test('an outside address, also where its port is of no use to anybody', () => {
  const row = (more: Partial<PathsReport>): string =>
    netcheckRows({ ...paths, mapped: [], ...more }, status, probe, NOW).find(
      ([check]) => check === 'outside address',
    )?.[1] ?? ''
  assert.is(
    row({ outside: ['203.0.113.7'], natType: 'symmetric' }),
    '203.0.113.7, at another port for every destination',
  )
  assert.is(row({ outside: ['203.0.113.7', '2001:db8::7'], natType: 'none' }), '203.0.113.7; 2001:db8::7')
  assert.is(row({ outside: [] }), 'not known')
})

test('what a router gives, and why it gives nothing', () => {
  const gateway = '192.168.1.1' as Address
  const row = (portMapping: PortMappingReport): string =>
    netcheckRows({ ...paths, portMapping }, status, probe, NOW).find(([check]) => check === 'port mapping')?.[1] ?? ''
  const told = [
    row({ state: 'unneeded' }),
    row({ state: 'no-gateway' }),
    row({ state: 'asking', gateway }),
    row({ state: 'not-offered', gateway }),
    row({ state: 'not-offered', gateway, why: 'PCP: it allows nobody to map ports' }),
    row({ state: 'held', gateway, protocol: 'NAT-PMP', lifetimeS: 7_200 }),
    row(held('203.0.113.7:51820', { protocol: 'UPnP', lifetimeS: 0 })),
    row(held('203.0.113.7:51820', { lifetimeS: 900 })),
    row(held('100.64.1.2:51820', { lifetimeS: 90, doubleNat: 'private' })),
    row(held('203.0.113.7:51820', { doubleNat: 'differs' })),
  ]
  assert.snapshot(
    told.join('\n'),
    `not needed: this node bears a public address, or was given an endpoint
no router in front of this node
the router is being asked
not offered by 192.168.1.1: it does not answer
not offered by 192.168.1.1 (PCP: it allows nobody to map ports)
NAT-PMP on 192.168.1.1, which has no address outside
UPnP on 192.168.1.1 → 203.0.113.7:51820 until given back
PCP on 192.168.1.1 → 203.0.113.7:51820 for 15 min
PCP on 192.168.1.1 → 100.64.1.2:51820 for 90 s; a private address: another NAT stands in front of that router, so it helps on this side of it only
PCP on 192.168.1.1 → 203.0.113.7:51820 for 2 h; another address than others see: another NAT or another uplink stands in front of that router`,
  )
})

test('of a crowded LAN some are named', () => {
  const near = Array.from({ length: 40 }, (_, i) => parseName(`node-${i}`))
  assert.match(found({ ...paths, near }), /LAN: heard node-0, .*node-7 and 32 more\n/)
})

test('a peer over TLS proves nothing of UDP', () => {
  const tls = { ...paths, peers: [peer('g', candidate('tls', '127.0.0.1:40000', { via: berlin }))] }
  assert.match(found(tls), 'UDP: no peer has answered over UDP\n')
})

test('uplinks, and which of them is gone by', () => {
  const row = (uplinks: PathsReport['uplinks']): string | undefined =>
    netcheckRows({ ...paths, ...(uplinks === undefined ? {} : { uplinks }) }, status, probe, NOW).find(
      ([check]) => check === 'uplinks',
    )?.[1]
  const gateway = '192.168.1.1' as Address
  const eth = { family: 4, interface: 'eth0', gateway, preferred: true, inUse: true } as const
  const lte = { family: 4, interface: 'lte0', preferred: false, inUse: false } as const
  assert.is(row(undefined), undefined)
  assert.is(row([]), 'no default route')
  assert.is(
    row([eth, { ...eth, family: 6 }]),
    'eth0 via 192.168.1.1: the only one; eth0 (IPv6) via 192.168.1.1: the only one',
  )
  assert.is(row([{ ...eth, lastAnswerAgeMs: 3 }, lte]), 'eth0 via 192.168.1.1: in use, answers; lte0: not asked yet')
  assert.is(
    row([
      { ...eth, inUse: false, silentForMs: 61_000 },
      { ...lte, inUse: true, lastAnswerAgeMs: 9 },
    ]),
    'eth0 via 192.168.1.1: no answer since 2027-01-15T07:58:59Z; lte0: in use instead, answers',
  )
})

test.run()
