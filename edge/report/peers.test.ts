// Paths, activity and memory of peers from what the kernel shows, turn by turn.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { testDevice } from '../link/hub.fake.ts'
import type { Observed, ObservedPeer } from '../plan/observed.ts'
import { createPeerBook, type Member, type PeerBook } from './peers.ts'

const test = suite('peers')
const a = testDevice('a', 1)
const b = testDevice('b', 2)
const self = testDevice('self', 9)

function member(device: typeof a): Member {
  const { address, deviceKey, name, nodeId, wgKey } = device
  return { deviceKey, name, nodeId, wgKey, labels: {}, addresses: [parseAddress(address)], advertise: [] }
}

function seen(peers: readonly Partial<ObservedPeer>[], cidr = '192.168.1.0/24'): Observed {
  const blank = { wgKey: a.wgKey, allowedIps: [], keepaliveS: 25, handshakeAt: 0, rxBytes: 0, txBytes: 0 }
  return {
    device: { listenPort: 51_820, peers: peers.map((peer) => ({ ...blank, ...peer })) },
    routes: [],
    forwarding: [],
    local: [{ interface: 'eth0', address: parseAddress('192.168.1.5'), cidr: parseCidr(cidr), physical: true }],
  }
}

function book(clock: FakeClock): PeerBook {
  const peers = createPeerBook(clock)
  peers.setMembers([member(b), member(self), member(a)], self.nodeId)
  return peers
}

for (const [what, endpoint, ageMs, path] of [
  ['on the same LAN', '192.168.1.7:51820', 1_000, 'lan'],
  ['somewhere else', '203.0.113.7:51820', 179_000, 'direct'],
  ['with a session that is over', '203.0.113.7:51820', 180_000, 'none'],
  ['whose clock step lies within reason', '203.0.113.7:51820', -3_000, 'direct'],
] as const) {
  test(`a peer ${what} is on path ${path}`, () => {
    const clock = new FakeClock()
    const peers = book(clock)
    peers.observe(seen([{ endpoint: parseEndpoint(endpoint), handshakeAt: clock.now() - ageMs }]))
    assert.is(peers.of(a.nodeId)?.path, path)
    assert.is(peers.reachable(), path === 'none' ? 0 : 1)
  })
}

test('a path ends with time alone, and with the peer', () => {
  const clock = new FakeClock()
  const peers = book(clock)
  const observed = seen([{ endpoint: parseEndpoint('203.0.113.7:1'), handshakeAt: clock.now() }])
  peers.observe(observed)
  clock.advance(181_000)
  peers.observe(observed)
  assert.is(peers.of(a.nodeId)?.path, 'none')
  peers.observe(seen([{ endpoint: parseEndpoint('203.0.113.7:1'), handshakeAt: clock.now() }]))
  peers.observe(seen([]))
  assert.equal([peers.of(a.nodeId)?.path, peers.of(a.nodeId)?.endpoint], ['none', undefined])
})

test('a peer that answers no probes is gone once nothing comes of it, session or not; and back with its first packet', () => {
  const clock = new FakeClock()
  let silent = false
  const peers = createPeerBook(clock, { viaOf: () => undefined, way: () => undefined, isSilent: () => silent })
  peers.setMembers([member(a)], self.nodeId)
  const handshakeAt = clock.now()
  const path = (rxBytes: number): string | undefined => {
    peers.observe(seen([{ endpoint: parseEndpoint('203.0.113.7:1'), handshakeAt, rxBytes }]))
    return peers.of(a.nodeId)?.path
  }
  assert.is(path(100), 'direct')
  clock.advance(8_000)
  assert.is(path(100), 'direct', 'quiet, and its paths answer')
  silent = true
  // Its agent may be gone, and payload comes on.
  assert.is(path(900), 'direct')
  clock.advance(4_000)
  assert.is(path(900), 'direct')
  const before = peers.revision()
  clock.advance(4_000)
  assert.is(path(900), 'none')
  assert.is(peers.reachable(), 0)
  assert.ok(peers.revision() > before)
  assert.is(path(932), 'direct')
})

test('the revision rises with paths and endpoints, never with counters or handshakes', () => {
  const clock = new FakeClock()
  const peers = book(clock)
  const endpoint = parseEndpoint('203.0.113.7:1')
  peers.observe(seen([{ endpoint, handshakeAt: clock.now() }]))
  const before = peers.revision()
  clock.advance(60_000)
  peers.observe(seen([{ endpoint, handshakeAt: clock.now(), rxBytes: 99_999, txBytes: 5 }]))
  assert.is(peers.revision(), before)
  peers.observe(seen([{ endpoint, handshakeAt: clock.now() }], '203.0.113.0/24'))
  assert.is(peers.of(a.nodeId)?.path, 'lan', 'the host moved into the peer’s network')
  assert.ok(peers.revision() > before)
})

test('what was told of a way while nothing was known of its place does not outlive the first handshake', () => {
  const clock = new FakeClock()
  const endpoint = parseEndpoint('192.168.1.7:51820')
  const peers = createPeerBook(clock, {
    viaOf: () => undefined,
    way: () => ({ endpoint, kind: 'direct' }),
    isSilent: () => false,
  })
  peers.setMembers([member(a)], self.nodeId)
  peers.observe(seen([{ endpoint }]))
  assert.is(peers.of(a.nodeId)?.path, 'direct')
  peers.observe(seen([{ endpoint, handshakeAt: clock.now() }]))
  assert.is(peers.of(a.nodeId)?.path, 'lan')
})

test('an endpoint is a relay’s from the moment it is known as one', () => {
  const clock = new FakeClock()
  let via: typeof b.nodeId | undefined
  const peers = createPeerBook(clock, { viaOf: () => via, way: () => undefined, isSilent: () => false })
  peers.setMembers([member(a)], self.nodeId)
  const observed = seen([{ endpoint: parseEndpoint('203.0.113.7:40000'), handshakeAt: clock.now() }])
  peers.observe(observed)
  assert.is(peers.of(a.nodeId)?.path, 'direct')
  via = b.nodeId
  peers.observe(observed)
  assert.equal([peers.of(a.nodeId)?.path, peers.of(a.nodeId)?.via], ['relay', via])
})

test('payload makes a peer active for a minute; keepalives and the first look don’t', () => {
  const clock = new FakeClock()
  const peers = book(clock)
  const endpoint = parseEndpoint('203.0.113.7:1')
  const look = (rxBytes: number): boolean => {
    peers.observe(seen([{ endpoint, handshakeAt: clock.now(), rxBytes }]))
    return (peers.of(a.nodeId)?.activeUntil ?? 0) > clock.monotonic()
  }
  assert.is(look(5_000_000), false)
  clock.advance(4_000)
  assert.is(look(5_000_032), false)
  clock.advance(4_000)
  assert.is(look(5_010_000), true)
  clock.advance(59_000)
  assert.is(look(5_010_064), true)
  clock.advance(2_000)
  assert.is(look(5_010_064), false)
})

test('the last good endpoint is remembered, and garbage in the memory is none', () => {
  const clock = new FakeClock()
  const peers = book(clock)
  peers.observe(seen([{ endpoint: parseEndpoint('203.0.113.7:1'), handshakeAt: clock.now() }]))
  const later = book(clock)
  later.recall(peers.remember())
  assert.is(later.of(a.nodeId)?.lastGood, '203.0.113.7:1')
  for (const text of [undefined, '', 'null', '[1', '{"x":"not an endpoint"}', '7']) {
    const other = book(clock)
    other.recall(text)
    assert.is(other.of(a.nodeId)?.lastGood, undefined)
  }
})

test('a peer keeps what is known of it while its record changes', () => {
  const clock = new FakeClock()
  const peers = book(clock)
  peers.observe(seen([{ endpoint: parseEndpoint('203.0.113.7:1'), handshakeAt: clock.now() }]))
  peers.setMembers([{ ...member(a), labels: { role: 'camera' } }, member(b)], self.nodeId)
  assert.is(peers.of(a.nodeId)?.path, 'direct')
  assert.is(peers.entries.length, 2)
})

test('a device with another key is the peer it was, by what WireGuard holds of either', () => {
  const clock = new FakeClock()
  const peers = book(clock)
  const endpoint = parseEndpoint('203.0.113.7:1')
  const [former, present] = [
    { endpoint, handshakeAt: clock.now() },
    { wgKey: self.wgKey, endpoint, handshakeAt: 0 },
  ]
  peers.observe(seen([former]))
  peers.setMembers([{ ...member(a), wgKey: self.wgKey }], b.nodeId)
  assert.is(peers.formerKeys.get(a.nodeId), a.wgKey)
  peers.observe(seen([former]))
  assert.is(peers.of(a.nodeId)?.path, 'direct', 'WireGuard does not know yet')
  peers.observe(seen([present]))
  assert.is(peers.formerKeys.size, 0)
  assert.equal([peers.of(a.nodeId)?.path, peers.of(a.nodeId)?.endpoint], ['none', endpoint], 'no handshake yet')
  peers.observe(seen([{ ...present, handshakeAt: clock.now() }]))
  assert.is(peers.of(a.nodeId)?.path, 'direct')
})

test('of two changes at once the key that WireGuard holds is remembered; one that another has now is not', () => {
  const clock = new FakeClock()
  const peers = book(clock)
  peers.setMembers([{ ...member(a), wgKey: self.wgKey }], self.nodeId)
  peers.setMembers([{ ...member(a), wgKey: testDevice('later', 7).wgKey }], self.nodeId)
  assert.is(peers.formerKeys.get(a.nodeId), a.wgKey)
  peers.setMembers(
    [
      { ...member(a), wgKey: self.wgKey },
      { ...member(b), wgKey: a.wgKey },
    ],
    self.nodeId,
  )
  assert.is(peers.formerKeys.get(a.nodeId), undefined)
})

test.run()
