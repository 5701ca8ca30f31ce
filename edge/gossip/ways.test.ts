// Only what changed is news: another member, another way, another neighbour, another relay.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { type NodeId, parseDeviceKey, parseName, parseNodeId, parseWgKey } from '../../shared/ids.ts'
import type { Member } from '../report/peers.ts'
import { createWays } from './ways.ts'

const idOf = (letter: string): NodeId => parseNodeId(letter.repeat(16))

function member(letter: string, more: Partial<Member> = {}): readonly [NodeId, Member] {
  const key = `B${'A'.repeat(42)}=`
  const body = {
    nodeId: idOf(letter),
    name: parseName(letter),
    labels: {},
    wgKey: parseWgKey(key),
    deviceKey: parseDeviceKey(key),
    addresses: [parseAddress('10.77.0.9')],
    advertise: [],
  }
  return [body.nodeId, { ...body, ...more }]
}

function scene() {
  const way = { reachable: true, awake: false }
  const near = new Map()
  const ways = createWays({ self: idOf('a'), near: () => near, wayOf: () => way })
  return { near, way, ways }
}

test('whoever is as before is no news, and oneself never', () => {
  const { ways } = scene()
  const members = new Map([member('a'), member('b')])
  const first = { node: idOf('b'), reachable: true, awake: false, near: false, relay: false }
  assert.equal(ways.news(members), [first])
  assert.is(ways.news(members), undefined)
  assert.is(ways.news(new Map([member('a'), member('b')])), undefined)
})

test('a network of nobody else is told once', () => {
  const { ways } = scene()
  assert.equal(ways.news(new Map([member('a')])), [])
  assert.is(ways.news(new Map([member('a')])), undefined)
})

test('each thing that may change about a peer is news', () => {
  const { near, way, ways } = scene()
  const members = new Map([member('b')])
  const changes: readonly (() => void)[] = [
    () => void (way.awake = true),
    () => void (way.reachable = false),
    () => void near.set(idOf('b'), {}),
    () => void members.set(...member('b', { relay: {} as NonNullable<Member['relay']> })),
    () => void members.set(...member('c')),
    () => void (members.delete(idOf('b')) && members.delete(idOf('c')) && members.set(...member('d'))),
  ]
  ways.news(members)
  for (const change of changes) {
    change()
    assert.is(ways.news(members)?.length, members.size)
    assert.is(ways.news(members), undefined)
  }
})

test('a peer that rests is dialled through its tunnel only where it is worth a handshake', () => {
  const { near, way, ways } = scene()
  const [node, one] = member('b')
  const types = (wakes: boolean) => ways.places(one, wakes).map(({ type }) => type)
  near.set(node, { endpoints: [parseEndpoint('192.0.2.1:7')] })
  assert.equal(types(false), ['lan'])
  assert.equal(types(true), ['lan', 'mesh'])
  way.awake = true
  assert.equal(types(false), ['mesh', 'lan'])
})

test('while the network is renumbered a word goes to both addresses, and first to the one that was heard', () => {
  const { way, ways } = scene()
  way.awake = true
  const [old, now, stray] = ['10.77.0.9', '10.90.0.9', '10.90.0.77'].map(parseAddress) as [Address, Address, Address]
  const [node, one] = member('b', { addresses: [now, old] })
  assert.equal(ways.addresses(one), [now, old])
  ways.heard(node, old)
  assert.equal(ways.addresses(one), [old, now])
  assert.equal(
    ways.places(one, false).map((place) => place.type === 'mesh' && place.address),
    [old, now],
  )
  ways.heard(node, stray)
  assert.equal(ways.addresses(one), [now, old])
  const [, done] = member('b', { addresses: [now] })
  ways.heard(node, old)
  assert.equal(ways.addresses(done), [now])
  assert.equal(ways.addresses({ ...done, addresses: [] }), [])
  // Who is gone is forgotten.
  ways.news(new Map())
  assert.equal(ways.addresses(one), [now, old])
})

test.run()
