// Relays are bound for those who want some, at the place where each relay is, and let go when nobody does.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import type { Fact } from '../../shared/fact/fact.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import type { Binding, RelayEvents } from '../relay/bound.ts'
import { createNames } from './names.ts'
import { createRelays, type RelayScene, type TlsWays } from './relays.ts'

const id = (letter: string): NodeId => parseNodeId(letter.repeat(16))
const [ME, PEER, OTHER, R1, R2] = [id('m'), id('p'), id('o'), id('r'), id('s')] as const
const SEEN = '203.0.113.9:4000' as Endpoint

function node(nodeId: NodeId, more: object = {}): NodeBody {
  return { nodeId, labels: {}, ...more } as unknown as NodeBody
}

const offer = (nodeId: NodeId, publicEndpoint: string): NodeBody =>
  node(nodeId, { publicEndpoint, relay: { port: 3_478 } })

function sceneOf(relays: readonly NodeBody[], facts: Readonly<Record<string, Partial<Fact>>> = {}): RelayScene {
  const self = node(ME)
  const held = Object.entries(facts).map(([of, fact]) => {
    return [
      of as NodeId,
      { envelope: new Uint8Array(0), fact: { candidates: [], ...fact } as unknown as Fact },
    ] as const
  })
  return { self, nodes: [self, node(PEER), node(OTHER), ...relays], facts: new Map(held), rules: [] }
}

interface FakeBinding extends Binding {
  readonly events: RelayEvents
  bound: Endpoint | undefined
}

function rig(tls?: TlsWays) {
  const open: FakeBinding[] = []
  const log: string[] = []
  const homes: string[] = []
  const relays = createRelays({
    reaches: () => [],
    onWanted: () => undefined,
    onProving: () => undefined,
    client: {
      settle(relay, at) {
        homes.push(`rest at ${relay[0]}`)
        return {
          relay,
          at,
          peer: relay,
          endpoint: () => at,
          place: () => at,
          hears: () => false,
          trouble: () => undefined,
          receive: () => undefined,
          accept: () => undefined,
          home: () => undefined,
          renew: () => undefined,
          release: () => void homes.push(`leave ${relay[0]}`),
        }
      },
      bind(relay, at, peer, events) {
        log.push(`bind ${relay[0]} at ${at} for ${peer[0]}`)
        const binding: FakeBinding = {
          relay,
          at,
          peer,
          events,
          bound: undefined,
          endpoint: () => binding.bound,
          place: () => binding.bound,
          hears: () => false,
          trouble: () => undefined,
          receive: () => undefined,
          accept: () => undefined,
          home: () => undefined,
          renew: () => void log.push(`renew ${relay[0]} for ${peer[0]}`),
          release() {
            binding.bound = undefined
            log.push(`release ${relay[0]} at ${at} for ${peer[0]}`)
            open.splice(open.indexOf(binding), 1)
          },
        }
        open.push(binding)
        return binding
      },
      receive: (bytes) => bytes[0] === 1,
      networkChanged: () => void log.push('network changed'),
      close: () => void log.push('close'),
    },
    names: createNames(undefined, new FakeClock(), memoryLog()),
    tls,
    onChange: (peer) => void log.push(`change ${peer[0]}`),
    onSeenAs: (relay, endpoint) => void log.push(`${relay} sees ${endpoint}`),
  })
  const take = (): readonly string[] => log.splice(0)
  const bound = (relay: NodeId, endpoint: string): void => {
    const binding = open.find((one) => one.relay === relay)
    if (binding === undefined) throw new TypeError('not bound')
    binding.bound = endpoint as Endpoint
    binding.events.onBound(binding.bound, SEEN)
  }
  return { bound, homes, open, relays, take }
}

test('bound when wanted, told when bound, released when not wanted', () => {
  const { bound, relays, take } = rig()
  relays.update(sceneOf([offer(R1, '198.51.100.1:51820'), offer(R2, '[2001:db8::2]:51820')]))
  assert.equal(take(), [], 'nobody wants one')
  relays.want(PEER, true)
  relays.want(PEER, true)
  assert.equal(take(), ['bind r at 198.51.100.1:3478 for p', 'bind s at [2001:db8::2]:3478 for p', 'change p'])
  assert.equal(relays.of(PEER), [], 'not before the relay has agreed')
  bound(R2, '[2001:db8::2]:61000')
  assert.equal(take(), [`[2001:db8::2]:3478 sees ${SEEN}`, 'change p'])
  bound(R1, '198.51.100.1:61001')
  take()
  assert.equal(relays.of(PEER), [
    { via: R1, endpoint: '198.51.100.1:61001' },
    { via: R2, endpoint: '[2001:db8::2]:61000' },
  ])
  relays.want(PEER, false)
  assert.equal(take(), ['release r at 198.51.100.1:3478 for p', 'release s at [2001:db8::2]:3478 for p', 'change p'])
  assert.equal(relays.of(PEER), [])
  relays.want(PEER, false)
  assert.equal(take(), [])
})

test('session ports of every known relay are known for what they are, bound or not', () => {
  const { relays } = rig()
  relays.update(sceneOf([offer(R1, '198.51.100.1:51820'), offer(R2, '[2001:db8::2]:51820')]))
  const all = [
    '198.51.100.1:61000',
    '[2001:db8::2]:62023',
    '198.51.100.1:62024',
    '198.51.100.1:51820',
    '198.51.100.2:61000',
  ]
  assert.equal(
    all.map((endpoint) => relays.sessionAt(endpoint as Endpoint)),
    [R1, R2, undefined, undefined, undefined],
  )
})

test('each pair has its own', () => {
  const { bound, relays } = rig()
  relays.update(sceneOf([offer(R1, '198.51.100.1:51820')]))
  relays.want(PEER, true)
  bound(R1, '198.51.100.1:61000')
  relays.want(OTHER, true)
  assert.is(relays.of(PEER).length, 1)
  assert.equal(relays.of(OTHER), [])
})

test('what is wanted before this node knows who it is, is bound as soon as it does', () => {
  const { relays, take } = rig()
  relays.want(PEER, true)
  assert.equal(take(), [])
  relays.update(sceneOf([offer(R1, '198.51.100.1:51820')]))
  assert.equal(take(), ['bind r at 198.51.100.1:3478 for p', 'change p'])
  relays.update(undefined)
  assert.equal(take(), ['release r at 198.51.100.1:3478 for p', 'change p'], 'and no longer when it is none')
})

test('news that change nothing change nothing', () => {
  const { bound, relays, take } = rig()
  relays.update(sceneOf([offer(R1, '198.51.100.1:51820')]))
  relays.want(PEER, true)
  bound(R1, '198.51.100.1:61000')
  take()
  for (let i = 0; i < 3; i++) relays.update(sceneOf([offer(R1, '198.51.100.1:51820')]))
  assert.equal(take(), [])
})

test('a relay that moved is bound anew, and its old session port is taken back at once', () => {
  const { bound, relays, take } = rig()
  relays.update(sceneOf([offer(R1, '198.51.100.1:51820')]))
  relays.want(PEER, true)
  bound(R1, '198.51.100.1:61000')
  take()
  relays.update(sceneOf([offer(R1, '198.51.100.77:51820')]))
  assert.equal(take(), ['bind r at 198.51.100.77:3478 for p', 'release r at 198.51.100.1:3478 for p', 'change p'])
  assert.equal(relays.of(PEER), [])
})

test('a relay that left or took its offer back is let go', () => {
  const { relays, take } = rig()
  relays.update(sceneOf([offer(R1, '198.51.100.1:51820'), offer(R2, '198.51.100.2:51820')]))
  relays.want(PEER, true)
  take()
  relays.update(sceneOf([offer(R2, '198.51.100.2:51820'), node(R1, { publicEndpoint: '198.51.100.1:51820' })]))
  assert.equal(take(), ['release r at 198.51.100.1:3478 for p', 'change p'])
})

test('a relay’s own word tells where it is, where its record does not', () => {
  const { relays, take } = rig()
  const quiet = node(R1, { relay: { port: 3_478 } })
  relays.update(sceneOf([quiet]))
  relays.want(PEER, true)
  assert.equal(take(), [])
  const candidates: Fact['candidates'] = [{ kind: 'public', endpoint: '198.51.100.9:51820' as Endpoint }]
  relays.update(sceneOf([quiet], { [R1]: { candidates } }))
  assert.equal(take(), ['bind r at 198.51.100.9:3478 for p', 'change p'])
})

test('an end that named no relays has not looked yet; one that named some means it', () => {
  const { relays, take } = rig()
  const both = [offer(R1, '198.51.100.1:51820'), offer(R2, '198.51.100.2:51820')]
  relays.update(sceneOf(both, { [PEER]: { relays: [] } }))
  relays.want(PEER, true)
  assert.is(take().filter((one) => one.startsWith('bind')).length, 2)
  relays.update(sceneOf(both, { [PEER]: { relays: [R2] } }))
  assert.equal(take(), ['release r at 198.51.100.1:3478 for p', 'change p'])
})

test('a session that is lost is told', () => {
  const { bound, open, relays, take } = rig()
  relays.update(sceneOf([offer(R1, '198.51.100.1:51820')]))
  relays.want(PEER, true)
  bound(R1, '198.51.100.1:61000')
  take()
  const [binding] = open
  if (binding !== undefined) binding.bound = undefined
  binding?.events.onLost('the relay does not answer')
  assert.equal(take(), ['change p'])
  assert.equal(relays.of(PEER), [])
})

test('who is bound over UDP binds again when a channel by TLS opens, which the relay takes for all there is', () => {
  const open: Endpoint[] = []
  let changed = (): void => undefined
  const { bound, relays, take } = rig({
    clock: new FakeClock(),
    isBlocked: () => false,
    onChange: () => undefined,
    open(onChange) {
      changed = onChange
      return {
        hold: () => undefined,
        want: () => undefined,
        of: () => open.map((endpoint) => ({ via: R1, endpoint })),
        joined: () => [],
        failures: () => 0,
        networkChanged: () => undefined,
        close: () => undefined,
      }
    },
  })
  relays.update(sceneOf([offer(R1, '203.0.113.1:51820')]))
  relays.want(PEER, true)
  bound(R1, '203.0.113.1:61000')
  take()
  open.push('127.0.0.1:40000' as Endpoint)
  changed()
  assert.equal(take(), ['renew r for p', 'change p'])
  changed()
  assert.equal(take(), [], 'the same channel is no news')
  open.pop()
  changed()
  assert.equal(take(), ['change p'], 'one that closed takes nothing')
})

test('frames, changes of the network and the end go to the client', () => {
  const { relays, take } = rig()
  assert.equal([relays.receive(Uint8Array.of(1), SEEN), relays.receive(Uint8Array.of(2), SEEN)], [true, false])
  relays.networkChanged()
  relays.close()
  assert.equal(take(), ['network changed', 'close'])
})

test('a node rests at its relays, is found there by peers that can call, and by no others', () => {
  const { homes, relays } = rig()
  const offers = [offer(R1, '198.51.100.1:51820'), offer(R2, '198.51.100.2:51820')]
  relays.update(sceneOf([...offers, offer(id('t'), '198.51.100.3:51820')], { [OTHER]: { relays: [] } }))
  assert.equal(homes.splice(0), ['rest at r', 'rest at s'], 'at two of three')
  assert.equal([relays.findsUs(PEER), relays.findsUs(OTHER)], [true, false])
  relays.update(sceneOf([]))
  assert.equal(homes, ['leave r', 'leave s'])
  assert.is(relays.findsUs(PEER), false)
})

test.run()
