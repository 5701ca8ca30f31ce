// Candidates are gathered when something changed, and told when they are others.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog, settle } from '../../shared/effects.fake.ts'
import type { Fact } from '../../shared/fact/fact.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { HeldFact } from '../store/store.ts'
import { createCandidateBook } from './candidate-book.ts'
import type { EndpointInput } from './endpoint-book.ts'
import { createNames } from './names.ts'

const PEER = parseNodeId('pppppppppppppppp')
const RELAY = parseNodeId('rrrrrrrrrrrrrrrr')
const PUBLIC = '192.0.2.9:51820' as Endpoint
const SESSION = '198.51.100.1:61000' as Endpoint

function entryOf(nodeId: NodeId, more: object = {}): PeerEntry {
  return { member: { nodeId, ...more }, lastGood: undefined } as unknown as PeerEntry
}

function factOf(fact: Partial<Fact>): HeldFact {
  return { envelope: new Uint8Array(0), fact: { candidates: [], observed: [], ...fact } as unknown as Fact }
}

let key = 0

/** `facts` by node; each call is news. */
function inputOf(entries: readonly PeerEntry[], facts: Readonly<Record<string, Partial<Fact>>> = {}): EndpointInput {
  key += 1
  return {
    entries,
    facts: new Map(Object.entries(facts).map(([node, fact]) => [node as NodeId, factOf(fact)])),
    local: [{ interface: 'eth0', address: '192.168.1.2' as Address, cidr: '192.168.1.0/24' as Cidr, physical: true }],
    mesh: [],
    key: String(key),
  }
}

const noNames = () => createNames(undefined, new FakeClock(), memoryLog())
const publicFact: Partial<Fact> = { candidates: [{ kind: 'public', endpoint: PUBLIC }] }

test('told once, and again only when the list is another', () => {
  const book = createCandidateBook(noNames())
  const peer = entryOf(PEER)
  assert.is(book.news(peer), undefined, 'nothing is known of anything')
  const input = inputOf([peer], { [PEER]: publicFact })
  assert.is(book.update(input), true)
  assert.equal(book.news(peer), [{ endpoint: PUBLIC, kind: 'direct', source: 'public' }])
  assert.is(book.news(peer), undefined)
  assert.is(book.update(input), false)
  assert.is(book.update(inputOf([peer], { [PEER]: publicFact })), true)
  assert.is(book.news(peer), undefined, 'looked at anew, and the same')
  book.update(inputOf([peer]))
  assert.equal(book.news(peer), [], 'a list that is empty now is news')
})

test('one endpoint that turns out to be on this link is told again', () => {
  const book = createCandidateBook(noNames())
  const peer = entryOf(PEER)
  const fact: Partial<Fact> = { candidates: [{ kind: 'lan', endpoint: '10.1.0.9:51820' as Endpoint }] }
  book.update(inputOf([peer], { [PEER]: fact }))
  assert.is(book.news(peer)?.[0]?.kind, 'direct')
  const moved = inputOf([peer], { [PEER]: fact })
  const local = [{ interface: 'eth0', address: '10.1.0.2' as Address, cidr: '10.1.0.0/24' as Cidr, physical: true }]
  book.update({ ...moved, local })
  assert.is(book.news(peer)?.[0]?.kind, 'lan')
  assert.equal([book.isLocal('10.1.0.77:1' as Endpoint), book.isLocal(PUBLIC)], [true, false])
})

test('what others see of a peer counts, up to a bound, each place once', () => {
  const book = createCandidateBook(noNames())
  const peer = entryOf(PEER)
  const seen = (port: number) => ({ endpoint: `203.0.113.9:${port}` as Endpoint, node: PEER, at: 1 })
  const facts = Object.fromEntries(
    Array.from({ length: 6 }, (_, i) => [String(i), { observed: [seen(1), seen(10 + 2 * i), seen(11 + 2 * i)] }]),
  ) as unknown as Readonly<Record<string, Partial<Fact>>>
  book.update(inputOf([peer], facts))
  const list = book.news(peer) ?? []
  assert.is(list.length, 8)
  assert.is(new Set(list.map(({ endpoint }) => endpoint)).size, 8)
})

test('a relay that is bound comes at a touch, and is known for what it is, also when it was let go', () => {
  const bound: { readonly via: NodeId; readonly endpoint: Endpoint }[] = []
  const book = createCandidateBook(noNames(), {
    of: (node) => (node === PEER ? bound : []),
    sessionAt: () => undefined,
  })
  const peer = entryOf(PEER)
  book.update(inputOf([peer], { [PEER]: publicFact }))
  book.news(peer)
  bound.push({ via: RELAY, endpoint: SESSION })
  assert.is(book.news(peer), undefined)
  book.touch(PEER)
  assert.equal(book.news(peer)?.[1], { endpoint: SESSION, kind: 'relay', source: 'relay', via: RELAY })
  assert.equal([book.viaOf(SESSION), book.viaOf(PUBLIC)], [RELAY, undefined])
  book.touch(RELAY)
  bound.pop()
  book.update(inputOf([peer], { [PEER]: publicFact }))
  assert.is(book.news(peer)?.length, 1)
  assert.is(book.viaOf(SESSION), RELAY, 'WireGuard may point there for a while yet')
  for (let port = 62_000; port < 62_032; port++) {
    bound.splice(0, 1, { via: RELAY, endpoint: `203.0.113.9:${port}` as Endpoint })
    book.touch(PEER)
    book.news(peer)
  }
  assert.is(book.viaOf(SESSION), undefined, 'but not for ever')
})

test('a name that resolves is news', async () => {
  const names = createNames(async () => ['192.0.2.77' as Address], new FakeClock(), memoryLog())
  const book = createCandidateBook(names)
  const peer = entryOf(PEER, { publicEndpoint: 'gate.example:51820' })
  const input = inputOf([peer])
  book.update(input)
  assert.equal(book.news(peer), [])
  await settle()
  assert.is(book.update(input), true)
  assert.equal(book.news(peer), [{ endpoint: '192.0.2.77:51820', kind: 'direct', source: 'public' }])
})

test('a peer that left is forgotten: back again it is told from the beginning', () => {
  const book = createCandidateBook(noNames())
  const peer = entryOf(PEER)
  book.update(inputOf([peer], { [PEER]: publicFact }))
  assert.is(book.news(peer)?.length, 1)
  book.update(inputOf([], { [PEER]: publicFact }))
  book.update(inputOf([peer], { [PEER]: publicFact }))
  assert.is(book.news(peer)?.length, 1)
})

test.run()
