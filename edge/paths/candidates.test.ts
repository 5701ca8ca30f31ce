// Candidates come in the order of trying, once each, and never from where they would loop.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { type CandidateSources, gatherCandidates } from './candidates.ts'

const RELAY = parseNodeId('rrrrrrrrrrrrrrrr')

const SESSION = '198.51.100.1:61007' as Endpoint

const SOURCES: CandidateSources = {
  facts: [
    { kind: 'mapped', endpoint: '203.0.113.9:4000' as Endpoint },
    { kind: 'lan', endpoint: '10.9.9.9:51820' as Endpoint },
    { kind: 'lan', endpoint: '192.168.1.9:51820' as Endpoint },
    { kind: 'lan', endpoint: '10.77.0.9:51820' as Endpoint },
    { kind: 'public', endpoint: '192.0.2.9:51820' as Endpoint },
  ],
  observed: ['203.0.113.9:4001' as Endpoint, '203.0.113.9:4000' as Endpoint],
  publicEndpoint: undefined,
  lastGood: '192.0.2.9:51820' as Endpoint,
  relays: [],
  viaOf: (endpoint) => (endpoint === SESSION ? RELAY : undefined),
  local: [
    { interface: 'eth0', address: '192.168.1.2' as Address, cidr: '192.168.1.0/24' as Cidr, physical: true },
    { interface: 'docker0', address: '10.9.9.1' as Address, cidr: '10.9.9.0/24' as Cidr, physical: false },
  ],
  mesh: ['10.77.0.0/24' as Cidr],
}

test('a session port of a relay is nothing direct, whoever names it', () => {
  const list = gatherCandidates({ ...SOURCES, facts: [], observed: [SESSION], lastGood: undefined })
  assert.equal(list, [])
  const [first] = gatherCandidates({ ...SOURCES, facts: [], observed: [SESSION], lastGood: SESSION })
  assert.equal(first, { endpoint: SESSION, kind: 'relay', source: 'last-good', via: RELAY })
})

test('the same link first, then what worked, public, observed, mapped; never through the mesh itself', () => {
  assert.equal(
    gatherCandidates(SOURCES).map(({ endpoint, kind, source }) => `${endpoint} ${kind} ${source}`),
    [
      '192.168.1.9:51820 lan lan',
      '192.0.2.9:51820 direct last-good',
      '203.0.113.9:4001 direct observed',
      '203.0.113.9:4000 direct observed',
      '10.9.9.9:51820 direct lan',
    ],
  )
})

test('where the peer was just heard comes before what else it says of the same link', () => {
  const near = ['192.168.1.77:51820' as Endpoint]
  const [first, second] = gatherCandidates({ ...SOURCES, near })
  assert.equal(first, { endpoint: near[0], kind: 'lan', source: 'lan' })
  assert.is(second?.endpoint, '192.168.1.9:51820')
})

test('an address of this host is nobody else’s', () => {
  const facts = [{ kind: 'lan', endpoint: '192.168.1.2:51820' as Endpoint }] as const
  assert.equal(gatherCandidates({ ...SOURCES, facts, observed: [], lastGood: undefined }), [])
})

test('relays come last, and one that worked last time is still known for a relay', () => {
  const endpoint = '192.0.2.77:40001' as Endpoint
  const list = gatherCandidates({ ...SOURCES, lastGood: endpoint, relays: [{ via: RELAY, endpoint }] })
  assert.equal(
    list.filter((one) => one.endpoint === endpoint),
    [{ endpoint, kind: 'relay', source: 'relay', via: RELAY }],
  )
})

test.run()
