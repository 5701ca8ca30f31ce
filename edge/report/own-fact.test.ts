// What a node says of what stands in front of it: an address of IPv6 says nothing of IPv4's NAT.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { toBase64 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { type Fact, openFact } from '../../shared/fact/fact.ts'
import { packPods } from '../../shared/fact/pack-pods.ts'
import type { Pod, PodTable } from '../../shared/fact/pod-table.ts'
import { generateSigningSeed, sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { parseDeviceKey, parseName, parseNodeId } from '../../shared/ids.ts'
import { candidatesMax } from '../../shared/limits.ts'
import { podTableBytesMax } from '../../shared/pod-limits.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { createOwnFact } from './own-fact.ts'
import type { PeerEntry } from './peers.ts'

function local(address: string, block: string): LocalAddress {
  return { address: parseAddress(address), cidr: parseCidr(block), interface: 'eth0', physical: true }
}
const node = parseNodeId('nnnnnnnnnnnnnnnn')
const signer = signerFromSeed(generateSigningSeed())
const INSIDE = local('192.168.1.9', '192.168.1.0/24')
const FOUR = local('203.0.113.9', '203.0.113.0/24')
const SIX = local('2001:db8::9', '2001:db8::/64')

function factOf(addresses: readonly LocalAddress[], natType: Fact['natType'], mapped: readonly Endpoint[] = []) {
  const own = createOwnFact({ node, signer, sha256, clock: new FakeClock(), boot: 1 })
  own.compose(addresses, 51_820, false, [], { natType, mapped, relays: [] })
  return own.current()?.fact
}

test('a public address of IPv4 has no NAT in front of it, one of IPv6 leaves that to what others see', () => {
  assert.is(factOf([FOUR], 'symmetric')?.natType, 'none')
  assert.is(factOf([INSIDE, SIX], 'symmetric')?.natType, 'symmetric')
  assert.is(factOf([INSIDE, SIX], 'endpoint-independent')?.natType, 'endpoint-independent')
  assert.is(factOf([INSIDE, SIX], 'udp-blocked')?.natType, 'udp-blocked')
  assert.is(factOf([SIX], 'unknown')?.natType, 'none')
  assert.is(factOf([INSIDE], 'unknown')?.natType, 'unknown')
})

test('all places are said, whatever stands in front of them', () => {
  const mapped = '198.51.100.7:40000' as Endpoint
  assert.equal(factOf([INSIDE, SIX], 'endpoint-independent', [mapped])?.candidates, [
    { kind: 'public', endpoint: '[2001:db8::9]:51820' },
    { kind: 'mapped', endpoint: mapped },
    { kind: 'lan', endpoint: '192.168.1.9:51820' },
  ])
})

test('however many addresses a host has, where its NAT lets it in is said', () => {
  const many = Array.from({ length: 40 }, (_, at) => local(`2001:db8::${(at + 1).toString(16)}`, '2001:db8::/64'))
  const mapped = '198.51.100.7:40000' as Endpoint
  const candidates = factOf([...many, INSIDE], 'endpoint-independent', [mapped])?.candidates ?? []
  assert.is(candidates.length, candidatesMax)
  assert.equal(candidates.slice(-2), [
    { kind: 'mapped', endpoint: mapped },
    { kind: 'lan', endpoint: '192.168.1.9:51820' },
  ])
})

test('with thousands of pods in it a fact of a node that sees many peers still fits', () => {
  const namespace = parseName('shop')
  const pods = Array.from({ length: 5_000 }, (_, at): Pod => {
    const labels = { app: `app-${at % 120}` }
    return {
      namespace,
      name: `app-${at % 120}-${at}`,
      labels,
      addresses: [parseAddress(`10.42.${at >> 8}.${at & 255}`)],
    }
  })
  const podTable = packPods(pods, [], podTableBytesMax).table
  const member = { nodeId: node } as PeerEntry['member']
  const endpoint = '[2001:db8:1111:2222:3333:4444:5555:6666]:51820' as Endpoint
  const entries = Array.from({ length: 300 }, () => ({ member, endpoint, path: 'direct' }) as PeerEntry)
  const factWith = (told: PodTable | undefined): Fact => {
    const own = createOwnFact({ node, signer, sha256, clock: new FakeClock(), boot: 1, pods: () => told })
    return openFact(
      own.compose([FOUR], 51_820, true, entries, { natType: 'none', mapped: [], relays: [] }),
      node,
      parseDeviceKey(toBase64(signer.publicKey)),
      verify,
      sha256,
    )
  }
  assert.is(factWith(undefined).observed.length, 256)
  const fact = factWith(podTable)
  assert.equal(fact.podTable, podTable)
  assert.ok(fact.observed.length >= 32, `${fact.observed.length} observed`)
})

test.run()
