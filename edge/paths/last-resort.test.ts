// When TLS is gone to, and when it is left.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { type DeviceKey, type NodeId, parseNodeId } from '../../shared/ids.ts'
import type { TlsPlace } from '../relay/tls-link.ts'
import { createLastResort } from './last-resort.ts'

const PEER = parseNodeId('p'.repeat(16))
const placeOf = (letter: string): TlsPlace => ({
  relay: parseNodeId(letter.repeat(16)),
  host: `relay-${letter}`,
  port: 443,
  deviceKey: letter as DeviceKey,
})
const [R, S, T] = [placeOf('r'), placeOf('s'), placeOf('t')]

function rig() {
  const clock = new FakeClock()
  const log: string[] = []
  const failing = new Map<NodeId, number>()
  const state = { udp: false, blocked: false, may: true, open: [] as Endpoint[], all: [T, S, R], chosen: [S, R] }
  const letters = (places: readonly TlsPlace[]): string => places.map(({ relay }) => relay[0]).join('') || 'none'
  const resort = createLastResort({
    clock,
    client: {
      hold: (places) => void log.push(`hold ${letters(places)}`),
      want: (peer, places) => void log.push(`want ${peer[0]} ${letters(places)}`),
      of: () => state.open.map((endpoint) => ({ via: R.relay, endpoint })),
      joined: () => [],
      failures: (relay) => failing.get(relay) ?? 0,
      networkChanged: () => undefined,
      close: () => void log.push('close'),
    },
    placesFor: () => state.chosen,
    all: () => state.all,
    hasUdp: () => state.udp,
    isBlocked: () => state.blocked,
    mayAsk: () => state.may,
    onChange: (peer) => void log.push(`change ${peer[0]}`),
  })
  const take = (): readonly string[] => log.splice(0)
  return { clock, failing, resort, state, take }
}

test('a relay that binds over UDP in time keeps TLS away', () => {
  const { clock, resort, state, take } = rig()
  resort.want(PEER, true)
  clock.advance(4_900)
  state.udp = true
  clock.advance(600_000)
  assert.equal(take(), [])
})

test('as long as no relay can be asked, their silence says nothing', () => {
  const { clock, resort, state, take } = rig()
  state.may = false
  resort.want(PEER, true)
  clock.advance(60_000)
  state.may = true
  clock.advance(4_000)
  assert.equal(take(), [])
  clock.advance(3_000)
  assert.equal(take(), ['want p sr'])
})

test('none that does: TLS, until UDP works for a minute', () => {
  const { clock, resort, state, take } = rig()
  resort.want(PEER, true)
  clock.advance(4_900)
  assert.equal(take(), [])
  clock.advance(200)
  assert.equal(take(), ['want p sr'])
  clock.advance(600_000)
  state.udp = true
  clock.advance(50_000)
  state.udp = false
  clock.advance(5_000)
  state.udp = true
  clock.advance(59_000)
  assert.equal(take(), [])
  clock.advance(3_000)
  assert.equal(take(), ['want p none'])
})

test('where UDP is blocked there is nothing to wait for, and two relays are held for whoever calls', () => {
  const { clock, failing, resort, state, take } = rig()
  state.blocked = true
  resort.look()
  assert.equal(take(), ['hold rs'])
  resort.want(PEER, true)
  assert.equal(take(), ['want p sr'])
  failing.set(R.relay, 3)
  clock.advance(1_000)
  assert.equal(take(), ['hold st'], 'one that can’t be reached gives way')
  resort.want(PEER, false)
  state.blocked = false
  clock.advance(70_000)
  assert.equal(take(), ['want p none', 'hold none'])
  assert.is(clock.untilNext(), Number.POSITIVE_INFINITY, 'nothing is left to do')
})

test('what opens and closes is told of the peers that it is another for', () => {
  const { clock, resort, state, take } = rig()
  state.blocked = true
  resort.want(PEER, true)
  take()
  state.open = ['127.0.0.1:40000' as Endpoint]
  resort.changed()
  resort.changed()
  assert.equal(take(), ['change p'])
  assert.equal(resort.of(PEER), [{ via: R.relay, endpoint: '127.0.0.1:40000' }])
  state.chosen = [R]
  clock.advance(1_000)
  assert.equal(take(), ['want p r'])
  resort.close()
  assert.equal(take(), ['close'])
})

test.run()
