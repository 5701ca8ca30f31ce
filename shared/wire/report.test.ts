// Presence and status as the hub reads them from whoever has a device's credentials.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { parseEndpoint } from '../address/endpoint.ts'
import { fromUtf8 } from '../bytes.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { healthMeanings } from '../health.ts'
import { parseName } from '../ids.ts'
import { healthMax, statusBytesMax, statusPeersMax, unreadFieldsMax } from '../limits.ts'
import { encodeCanonical } from '../record/canonical.ts'
import {
  encodePresence,
  encodeStatus,
  type PeerReport,
  parsePresence,
  parseStatus,
  readStatus,
  type StatusReport,
} from './report.ts'

const at = { epoch: 1, revision: 7 }
const peer: PeerReport = {
  name: parseName('shop-2'),
  path: 'relay',
  via: parseName('relay-1'),
  endpoint: parseEndpoint('[2001:db8::1]:51820'),
  rttUs: 12_345,
  handshakeAgeS: 3,
  rxBytes: Number.MAX_SAFE_INTEGER,
  txBytes: 0,
}
const status: StatusReport = {
  version: '0.1.0',
  boot: 3,
  startedAt: 1_700_000_000_000,
  addresses: [parseAddress('10.7.0.2'), parseAddress('fd07::2')],
  revision: { held: at, applied: at, lastGood: at, quarantined: at },
  peers: [peer],
  peersTotal: 1,
  peersReachable: 1,
  health: [{ code: 'hub-unreachable', since: 1_700_000_000_000, detail: 'no route' }],
  host: { os: 'Debian 13', kernel: '6.12', arch: 'arm64', wireguard: 'kernel' },
  at: 1_700_000_000_001,
}

test('a report reads back as what was reported', () => {
  assert.equal(parseStatus(encodeStatus(status)), status)
  const session = 'abcdefghijklmnop'
  assert.is(fromUtf8(encodePresence({ online: true, session })), `{"online":true,"session":"${session}"}`)
  for (const online of [true, false]) {
    assert.equal(parsePresence(encodePresence({ online, session })), { online, session })
  }
})

test('every condition there is can be reported', () => {
  const health = Object.keys(healthMeanings).map((code) => ({ code, since: 1 }))
  assert.is(parseStatus(encodeCanonical({ ...status, health })).health.length, health.length)
})

for (const [what, change, field] of [
  ['a path that is no word', { peers: [{ ...peer, path: 'Pigeon!' }] }, 'peers[0].path'],
  ['a path that is a number', { peers: [{ ...peer, path: 1 }] }, 'peers[0].path'],
  ['an endpoint that is none', { peers: [{ ...peer, endpoint: 'here' }] }, 'peers[0].endpoint'],
  ['a negative counter', { peers: [{ ...peer, rxBytes: -1 }] }, 'peers[0].rxBytes'],
  ['too many peers', { peers: Array.from({ length: statusPeersMax + 1 }, () => peer) }, 'peers'],
  ['a condition that is no word', { health: [{ code: '', since: 1 }] }, 'health[0].code'],
  ['too many conditions', { health: Array.from({ length: healthMax + 1 }, () => status.health[0]) }, 'health'],
  ['an endless detail', { health: [{ code: 'apply-failed', since: 1, detail: 'x'.repeat(501) }] }, 'health[0].detail'],
  ['an endless version', { version: 'x'.repeat(65) }, 'version'],
  ['three addresses', { addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] }, 'addresses'],
  ['no host', { host: undefined }, 'host'],
  ['a known field that is wrong beside an unknown one', { colour: 'red', boot: 'x' }, 'boot'],
] as const) {
  test(`a status with ${what} is refused`, () => {
    const fault = faultOf(() => parseStatus(encodeCanonical({ ...status, ...change })))
    assert.equal([fault.code, fault.field], ['invalid', field])
  })
}

test('a newer agent is understood as far as the hub can, and what it can’t is named', () => {
  const newer = {
    ...status,
    colour: 'red',
    revision: { ...status.revision, next: at },
    peers: [{ ...peer, path: 'pigeon', jitterUs: 7 }],
    health: [{ code: 'too-warm', since: 1, celsius: 90 }, ...status.health],
    host: { ...status.host, wireguard: 'in-hardware' },
  }
  const { report, unread } = readStatus(encodeCanonical(newer))
  const known = { ...status, peers: [{ ...peer, path: 'direct' }], host: { ...status.host, wireguard: 'kernel' } }
  assert.equal(report, known)
  assert.equal([...unread].sort(), ['colour', 'health[].celsius', 'peers[].jitterUs', 'revision.next'])
  assert.equal(readStatus(encodeStatus(status)).unread, [])
})

test('a flood of unknown fields is named in part', () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x${i}`, i]))
  assert.is(readStatus(encodeCanonical({ ...many, ...status })).unread.length, unreadFieldsMax)
})

test('the largest status that is legal fits its bound', () => {
  const peers = Array.from({ length: statusPeersMax }, () => ({
    ...peer,
    name: parseName('n'.repeat(63)),
    via: parseName('v'.repeat(63)),
    endpoint: parseEndpoint('[2001:db8:1111:2222:3333:4444:5555:6666]:51820'),
    rttUs: Number.MAX_SAFE_INTEGER,
    handshakeAgeS: Number.MAX_SAFE_INTEGER,
    txBytes: Number.MAX_SAFE_INTEGER,
  }))
  const health = Array.from({ length: healthMax }, () => ({
    code: 'hub-certificate-expired' as const,
    since: Number.MAX_SAFE_INTEGER,
    detail: 'x'.repeat(500),
  }))
  const bytes = encodeStatus({ ...status, peers, health })
  assert.ok(bytes.length <= statusBytesMax, `${bytes.length}`)
  assert.is(parseStatus(bytes).peers.length, statusPeersMax)
})

test('presence is small and exact', () => {
  for (const bad of [{ online: 1, session: 'abcdefghijklmnop' }, { online: true }, { online: true, session: 'x' }]) {
    assert.is(faultOf(() => parsePresence(encodeCanonical(bad))).code, 'invalid')
  }
  assert.is(faultOf(() => parsePresence(encodeCanonical('x'.repeat(300)))).code, 'too-large')
})

test('hostile reports are refused politely', () => {
  refusesPolitely(hostileBytes(encodeStatus(status)), parseStatus)
  refusesPolitely(hostileBytes(encodePresence({ online: true, session: 'abcdefghijklmnop' })), parsePresence)
})

test.run()
