// Candidates take turns until somebody answers, and never while somebody does.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { type CandidateSources, chooseEndpoint, orderCandidates, type Search } from './endpoint-choice.ts'

const A = '192.0.2.1:51820' as Endpoint
const B = '192.0.2.2:51820' as Endpoint
const C = '192.0.2.3:51820' as Endpoint
const WALL = 1_700_000_000_000

function turns(handshakeAt: (ms: number) => number, seconds: number): readonly (Endpoint | undefined)[] {
  let search: Search | undefined
  const out: (Endpoint | undefined)[] = []
  for (let ms = 0; ms < seconds * 1_000; ms += 2_000) {
    const choice = chooseEndpoint({
      candidates: [A, B, C],
      observed: { handshakeAt: handshakeAt(ms) },
      search,
      now: WALL + ms,
      monotonic: ms,
    })
    search = choice.search
    out.push(choice.endpoint)
  }
  return out
}

test('while nobody answers, each candidate has its six seconds', () => {
  assert.equal(
    turns(() => 0, 20),
    [A, A, A, B, B, B, C, C, C, A],
  )
})

test('who answers is left alone, and searched for anew once silent for 150 s', () => {
  const choices = turns(() => WALL, 154)
  assert.is(
    choices.findIndex((endpoint) => endpoint !== undefined),
    75,
  )
})

test('a peer without candidates keeps what WireGuard knows', () => {
  assert.equal(chooseEndpoint({ candidates: [], observed: undefined, search: undefined, now: WALL, monotonic: 0 }), {})
})

test('every candidate is tried within one round, wherever the search stands', () => {
  fc.assert(
    fc.property(fc.nat(1_000), (turn) => {
      let search: Search = { turn, turnedAt: 0 }
      const seen = new Set<Endpoint | undefined>()
      for (let ms = 0; ms <= 18_000; ms += 1_000) {
        const observed = { handshakeAt: 0 }
        const choice = chooseEndpoint({ candidates: [A, B, C], observed, search, now: WALL, monotonic: ms })
        seen.add(choice.endpoint)
        search = choice.search ?? search
      }
      assert.is(seen.size, 3)
    }),
  )
})

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
  local: [
    { interface: 'eth0', address: '192.168.1.2' as Address, cidr: '192.168.1.0/24' as Cidr, physical: true },
    { interface: 'docker0', address: '10.9.9.1' as Address, cidr: '10.9.9.0/24' as Cidr, physical: false },
  ],
  mesh: ['10.77.0.0/24' as Cidr],
}

test('the same link first, then what worked, public, observed, mapped; never through the mesh itself', () => {
  assert.equal(orderCandidates(SOURCES), [
    '192.168.1.9:51820',
    '192.0.2.9:51820',
    '203.0.113.9:4001',
    '203.0.113.9:4000',
    '10.9.9.9:51820',
  ])
})

test('an address of this host is nobody else’s', () => {
  const facts = [{ kind: 'lan', endpoint: '192.168.1.2:51820' as Endpoint }] as const
  assert.equal(orderCandidates({ ...SOURCES, facts, observed: [], lastGood: undefined }), [])
})

test.run()
