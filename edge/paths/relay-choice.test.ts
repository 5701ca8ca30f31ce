// Two ends that know the same facts meet at the same relays, and never at one that may not carry their traffic.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import { chooseRelays, homesOf, type RelayUser } from './relay-choice.ts'

const id = (letter: string): NodeId => parseNodeId(letter.repeat(16))
const relay = (letter: string, labels: Record<string, string> = {}): NodeBody =>
  ({ nodeId: id(letter), labels, relay: { port: 3478, tlsPort: 443 } }) as unknown as NodeBody
const user = (letter: string, reaches?: string, labels: Record<string, string> = {}): RelayUser => ({
  node: { nodeId: id(letter), labels },
  reaches: reaches === undefined ? undefined : reaches.split('').map(id),
})
const relays = [relay('r'), relay('s'), relay('t'), relay('u')]

test('the nearest to both, two of them', () => {
  assert.equal(chooseRelays(user('a', 'rst'), user('b', 'tsr'), relays, []), [id('r'), id('s')])
  assert.equal(chooseRelays(user('a', 'srt'), user('b', 'str'), relays, []), [id('s'), id('r')])
})

test('a relay that one end can’t reach is of no use', () => {
  assert.equal(chooseRelays(user('a', 'r'), user('b', 'st'), relays, []), [])
  assert.equal(chooseRelays(user('a', 'rs'), user('b', 'ts'), relays, []), [id('s')])
})

test('while an end has said nothing, every relay is worth a try', () => {
  assert.equal(chooseRelays(user('a', 'ts'), user('b'), relays, []), [id('t'), id('s')])
  assert.equal(chooseRelays(user('a'), user('b'), relays, []), [id('r'), id('s')])
})

test('a relay is no relay for its own peers', () => {
  assert.equal(chooseRelays(user('r', 'st'), user('b', 'rst'), relays, []), [id('s'), id('t')])
})

test('residency: traffic of a node goes only where every rule about it allows', () => {
  const european = { nodes: { matchLabels: { zone: 'eu' } }, relays: { matchLabels: { zone: 'eu' } } }
  const mixed = [relay('r', { zone: 'us' }), relay('s', { zone: 'eu' })]
  assert.equal(chooseRelays(user('a', 'rs', { zone: 'eu' }), user('b', 'rs'), mixed, [european]), [id('s')])
  assert.equal(chooseRelays(user('a', 'rs'), user('b', 'rs', { zone: 'eu' }), mixed, [european]), [id('s')])
  assert.equal(chooseRelays(user('a', 'rs'), user('b', 'rs'), mixed, [european]), [id('r'), id('s')])
  const nobody = { relays: { matchLabels: { zone: 'none' } } }
  assert.equal(chooseRelays(user('a', 'rs'), user('b', 'rs'), mixed, [nobody]), [])
})

test('each end rests at its nearest two, and one of them is among those of a pair', () => {
  assert.equal(homesOf(user('a', 'utsr'), relays, []), [id('u'), id('t')])
  assert.equal(homesOf(user('a'), relays, []), [id('r'), id('s')])
  assert.equal(homesOf(user('r', 'rs'), relays, []), [id('s')], 'never at itself')
  const order = fc.shuffledSubarray(['r', 's', 't', 'u'], { minLength: 4 })
  fc.assert(
    fc.property(order, order, (x, y) => {
      const [a, b] = [user('a', x.join('')), user('b', y.join(''))]
      const met = chooseRelays(a, b, relays, [])
      assert.ok(
        homesOf(a, relays, []).some((home) => met.includes(home)),
        'a is found',
      )
      assert.ok(
        homesOf(b, relays, []).some((home) => met.includes(home)),
        'b is found',
      )
    }),
  )
})

test('both ends come to the same relays, in the same order', () => {
  const reach = fc.option(fc.shuffledSubarray(['r', 's', 't', 'u']), { nil: undefined })
  fc.assert(
    fc.property(reach, reach, (x, y) => {
      const [a, b] = [user('a', x?.join('')), user('b', y?.join(''))]
      assert.equal(chooseRelays(a, b, relays, []), chooseRelays(b, a, relays.toReversed(), []))
    }),
  )
})

test.run()
