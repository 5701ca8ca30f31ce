// The view from outside: relays are asked at two ports, the silent ones are none, and their order wavers with nothing.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Endpoint, parseEndpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import { answerStun } from '../relay/stun-answer.ts'
import { createOutlook, type StunPlace } from './outlook.ts'
import { createStunClient } from './stun.ts'

const id = (letter: string): NodeId => parseNodeId(letter.repeat(16))
const [NEAR, FAR] = [id('n'), id('f')]
const SELF = parseEndpoint('198.51.100.7:4000')
const place = (relay: NodeId, endpoint: string): StunPlace => ({ relay, endpoint: parseEndpoint(endpoint) })
const PLACES = [place(NEAR, '203.0.113.1:3478'), place(NEAR, '203.0.113.1:3479'), place(FAR, '203.0.113.2:3478')]

function rig() {
  const clock = new FakeClock()
  const seen: string[] = []
  const asked: Endpoint[] = []
  /** Milliseconds until a place answers; absent: never. */
  const answersIn = new Map<string, number>()
  let changes = 0
  const outlook = createOutlook({
    stun: createStunClient(clock, seededEntropy(1)),
    clock,
    onSeen: (at, seenAs) => void seen.push(`${at} ${seenAs}`),
    onChange: () => void (changes += 1),
    send(bytes, to) {
      asked.push(to)
      const delayMs = answersIn.get(to)
      const answer = answerStun(bytes, SELF)
      if (delayMs !== undefined && answer !== undefined) clock.after(delayMs, () => outlook.receive(answer, to))
    },
  })
  return { answersIn, asked, changes: () => changes, clock, outlook, seen }
}

test('every place is asked at once, and tells where it sees this node', () => {
  const r = rig()
  for (const { endpoint } of PLACES) r.answersIn.set(endpoint, 10)
  r.outlook.setPlaces(PLACES)
  r.clock.advance(20)
  assert.equal(
    r.seen.toSorted(),
    PLACES.map(({ endpoint }) => `${endpoint} ${SELF}`),
  )
  assert.is(r.outlook.isBlocked(), false)
})

test('the nearest relay comes first, and a round trip that wavers changes no order', () => {
  const r = rig()
  r.answersIn.set('203.0.113.1:3478', 30).set('203.0.113.2:3478', 200)
  r.outlook.setPlaces(PLACES)
  r.clock.advance(10_000)
  assert.equal(r.outlook.relays(), [NEAR, FAR])
  assert.equal(
    [NEAR, FAR].map((relay) => r.outlook.rttMsOf(relay)),
    [30, 200],
  )
  const before = r.changes()
  r.answersIn.set('203.0.113.1:3478', 25)
  r.outlook.lookAgain()
  r.clock.advance(10_000)
  assert.equal(r.outlook.relays(), [NEAR, FAR])
  assert.is(r.changes(), before)
})

test('a relay that is silent at all its ports is no relay; at one of them it still is', () => {
  const r = rig()
  r.answersIn.set('203.0.113.1:3479', 10)
  r.outlook.setPlaces(PLACES)
  r.clock.advance(10_000)
  assert.equal(r.outlook.relays(), [NEAR])
  r.answersIn.clear()
  r.outlook.lookAgain()
  r.clock.advance(10_000)
  assert.equal(r.outlook.relays(), [])
  assert.is(r.outlook.isBlocked(), true)
})

test('silence is asked four times, then more and more rarely; UDP counts as blocked until somebody answers', () => {
  const r = rig()
  r.outlook.setPlaces([PLACES[0] as StunPlace])
  assert.equal([r.outlook.isLooking(), r.outlook.isBlocked()], [true, false])
  r.clock.advance(10_000)
  assert.equal([r.asked.length, r.outlook.isLooking(), r.outlook.isBlocked()], [4, false, true])
  r.clock.advance(24 * 3_600_000)
  const asked = r.asked.length
  r.clock.advance(24 * 3_600_000)
  assert.ok(r.asked.length - asked <= 4 * 48, 'one that never answers costs no more than the usual looks')
  r.answersIn.set('203.0.113.1:3478', 10)
  r.clock.advance(31 * 60_000)
  assert.is(r.outlook.isBlocked(), false)
})

test('a relay that was silent for a moment is one again within seconds, and the others are not asked for it', () => {
  const r = rig()
  for (const { endpoint } of PLACES) r.answersIn.set(endpoint, 10)
  r.outlook.setPlaces(PLACES)
  r.clock.advance(10_000)
  r.answersIn.delete('203.0.113.2:3478')
  r.outlook.lookAgain()
  r.clock.advance(10_000)
  assert.equal(r.outlook.relays(), [NEAR])
  r.answersIn.set('203.0.113.2:3478', 10)
  const before = r.asked.length
  r.clock.advance(5_000)
  assert.equal(r.outlook.relays(), [FAR, NEAR])
  assert.equal(r.asked.slice(before), ['203.0.113.2:3478'])
  r.clock.advance(29 * 60_000)
  assert.is(r.asked.length, before + 1)
})

test('a look that begins anew before it ended takes nothing back: blocked is blocked until somebody answers', () => {
  const r = rig()
  r.outlook.setPlaces([PLACES[0] as StunPlace])
  r.clock.advance(10_000)
  for (let i = 0; i < 5; i++) {
    r.outlook.lookAgain()
    assert.is(r.outlook.isBlocked(), true)
    r.clock.advance(1_000)
  }
  assert.is(r.outlook.isBlocked(), true)
})

test('the same places again cost nothing; without any nothing is blocked', () => {
  const r = rig()
  r.answersIn.set('203.0.113.1:3478', 10)
  r.outlook.setPlaces([PLACES[0] as StunPlace])
  r.clock.advance(100)
  r.outlook.setPlaces([PLACES[0] as StunPlace])
  r.clock.advance(100)
  assert.is(r.asked.length, 1)
  r.outlook.setPlaces([])
  assert.equal([r.outlook.relays(), r.outlook.isBlocked()], [[], false])
})

test('an answer nobody asked for changes nothing', () => {
  const r = rig()
  r.outlook.setPlaces([PLACES[0] as StunPlace])
  const stranger = createStunClient(r.clock, seededEntropy(2)).ask(parseEndpoint('203.0.113.1:3478'))
  const answer = answerStun(stranger, parseEndpoint('192.0.2.66:1')) ?? new Uint8Array(0)
  assert.is(r.outlook.receive(answer, parseEndpoint('203.0.113.1:3478')), false)
  assert.equal(r.seen, [])
})

test.run()
