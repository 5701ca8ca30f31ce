// Reports stay within their bounds whatever the size of the fleet, and always parse.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { parseName } from '../../shared/ids.ts'
import { statusBytesMax, statusPeersMax } from '../../shared/limits.ts'
import { encodeStatus, parseStatus } from '../../shared/wire/report.ts'
import { noHearsay } from '../gossip/hearsay.ts'
import { testDevice } from '../link/hub.fake.ts'
import { noLink } from '../link/hub-link.ts'
import { createPeerBook, type Member } from './peers.ts'
import { type Model, statusReport } from './report.ts'

const test = suite('report')

function modelOf(count: number, heard: number): Model {
  const clock = new FakeClock()
  const peers = createPeerBook(clock)
  const members: Member[] = Array.from({ length: count }, (_, index) => {
    const { deviceKey, nodeId, wgKey } = testDevice(`n${index}`, index)
    const name = parseName(`a-very-long-name-of-a-device-that-stands-in-some-plant-${index}`)
    return { deviceKey, nodeId, wgKey, name, labels: {}, addresses: [parseAddress('10.77.0.1')], advertise: [] }
  })
  peers.setMembers(members, testDevice('self', 5_000).nodeId)
  const endpoint = parseEndpoint('[2001:db8:1234:5678:9abc:def0:1234:5678]:51820')
  for (const entry of peers.entries.slice(-heard)) {
    Object.assign(entry, { endpoint, handshakeAt: clock.now(), path: 'direct', rttMs: 12.3456, rxBytes: 1e15 })
  }
  return {
    identity: undefined as never,
    settings: {
      interface: 'hf0',
      listenPort: 51_820,
      meshPort: 51_822,
      version: 'v'.repeat(200),
      host: { os: 'os', kernel: 'kernel', arch: 'arch', wireguard: 'kernel' },
    },
    clock,
    boot: 3,
    startedAt: clock.now(),
    startedMonotonic: 0,
    upkeep: { bytesToday: 0, by: { relays: 0, outlook: 0, wireguard: 0, hub: 0, gossip: 0 }, thrift: 0 },
    rootKey: { key: '0123456789abcdef', serial: 0 },
    addresses: [parseAddress('10.77.0.9')],
    uplink: { rttMs: 20, lossPercent: 1, bandwidthMbps: 100, bandwidthBy: 'observed', metered: false },
    revision: {
      held: { epoch: 1, revision: 4 },
      applied: { epoch: 1, revision: 4 },
      lastGood: { epoch: 1, revision: 4 },
    },
    origin: { by: 'hub', at: 1 },
    overrides: [],
    relay: undefined,
    peers,
    health: [{ code: 'apply-failed', since: 1, detail: 'd'.repeat(500) }],
    mode: { mode: 'online', since: 1, lastContact: 2 },
    link: noLink,
    nextTryInMs: undefined,
    defaultRoute: undefined,
    relays: [],
    hearsay: noHearsay,
    signedAt: undefined,
    services: [],
    drains: false,
    gossip: { said: 0, heard: 0, factsSpread: 0, begun: 0, served: 0, failed: 0, refused: 0 },
  }
}

test('where services are published is told as far as there is room, and not at all where nothing is', () => {
  const at = parseEndpoint('[fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535')
  const published = Array.from({ length: 70 }, () => ({
    service: parseName('s'.repeat(63)),
    at,
    protocol: 'TLS' as const,
  }))
  const report = statusReport({ ...modelOf(2_000, 10), published }, false)
  assert.is(parseStatus(encodeStatus(report)).published?.length, 64)
  assert.not.ok('published' in statusReport({ ...modelOf(1, 1), published: [] }, false))
})

for (const count of [0, 1, 32, 33, 256, 2_000]) {
  test(`a status about ${count} peers fits and parses`, () => {
    const report = statusReport(modelOf(count, Math.min(count, 10)), false)
    const bytes = encodeStatus(report)
    assert.ok(bytes.length <= statusBytesMax, `${bytes.length} bytes`)
    assert.equal(parseStatus(bytes), report)
    assert.is(report.peersTotal, count)
    assert.is(report.peers.length, Math.min(count, statusPeersMax))
  })
}

test('where not all fit, those that were heard of come first', () => {
  const { peers } = statusReport(modelOf(2_000, 10), false)
  assert.is(peers.filter((peer) => peer.path === 'direct').length, 10)
  assert.ok(peers.slice(0, 10).every((peer) => peer.path === 'direct'))
})

test('an acknowledgement of a large fleet’s member is small', () => {
  assert.ok(encodeStatus(statusReport(modelOf(1_000, 1_000), true)).length < 2_000)
  assert.is(statusReport(modelOf(20, 20), true).peers.length, 20)
})

test('a round trip is told as the probes measure it, and as somebody asked only where they measure none', () => {
  const model = modelOf(2, 2)
  const [first, second] = model.peers.entries
  const rttUs = (node: string): number | undefined => (node === first?.member.nodeId ? 7_001 : undefined)
  const report = statusReport({ ...model, rttUs }, false)
  assert.equal([first?.rttMs, second?.rttMs], [12.3456, 12.3456])
  assert.equal(
    report.peers.map((peer) => peer.rttUs),
    [7_001, 12_346],
  )
})

test.run()
