// What observers see tells the kind of NAT, and which mapping is worth announcing.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { createReflexive } from './reflexive.ts'

const OWN = new Set(['192.168.1.5', '2001:db8::5'])
const sees = (...pairs: readonly (readonly [string, string])[]) => {
  const reflexive = createReflexive()
  for (const [observer, endpoint] of pairs) reflexive.note(parseEndpoint(observer), parseEndpoint(endpoint), 0)
  return reflexive
}

test('nobody saw anything: nothing is known', () => {
  assert.equal(sees().mapping(OWN), { natType: 'unknown', mapped: [] })
})

test('one observer is worth announcing and proves nothing', () => {
  const mapping = sees(['203.0.113.1:51820', '198.51.100.9:4000']).mapping(OWN)
  assert.equal(mapping, { natType: 'unknown', mapped: ['198.51.100.9:4000'] })
})

test('two observers that agree: the mapping is the same for everybody', () => {
  const reflexive = sees(['203.0.113.1:51820', '198.51.100.9:4000'], ['203.0.113.2:51820', '198.51.100.9:4000'])
  assert.equal(reflexive.mapping(OWN), { natType: 'endpoint-independent', mapped: ['198.51.100.9:4000'] })
})

test('two observers that see different ports: the mapping is of no use to others', () => {
  const reflexive = sees(['203.0.113.1:51820', '198.51.100.9:4000'], ['203.0.113.2:51820', '198.51.100.9:4001'])
  assert.equal(reflexive.mapping(OWN), { natType: 'symmetric', mapped: [] })
})

test('an observer that sees another address: this node goes out elsewhere, and what others saw is history', () => {
  const reflexive = createReflexive()
  const note = (observer: string, endpoint: string) =>
    reflexive.note(parseEndpoint(observer), parseEndpoint(endpoint), 0)
  assert.is(note('203.0.113.1:51820', '198.51.100.9:4000'), 'new')
  assert.is(note('203.0.113.2:51820', '198.51.100.9:4000'), 'new')
  assert.is(note('203.0.113.1:51820', '198.51.100.9:4000'), 'known')
  assert.is(note('203.0.113.1:51820', '198.51.100.9:4001'), 'new')
  assert.is(note('203.0.113.2:51820', '192.0.2.7:4000'), 'moved')
  assert.equal(reflexive.mapping(OWN), { natType: 'unknown', mapped: ['192.0.2.7:4000'] })
})

test('two ports of one host prove that a mapping depends on the destination, never that it does not', () => {
  const same = sees(['203.0.113.1:3478', '198.51.100.9:4000'], ['203.0.113.1:3479', '198.51.100.9:4000'])
  assert.equal(same.mapping(OWN), { natType: 'unknown', mapped: ['198.51.100.9:4000'] })
  const other = sees(['203.0.113.1:3478', '198.51.100.9:4000'], ['203.0.113.1:3479', '198.51.100.9:4001'])
  assert.equal(other.mapping(OWN), { natType: 'symmetric', mapped: [] })
})

test('the newest word of an observer counts', () => {
  const reflexive = sees(['203.0.113.1:3478', '198.51.100.9:4000'], ['203.0.113.1:3478', '198.51.100.9:4001'])
  assert.equal(reflexive.mapping(OWN), { natType: 'unknown', mapped: ['198.51.100.9:4001'] })
})

test('an own address comes back: no NAT', () => {
  assert.equal(sees(['[2001:db8::9]:51820', '[2001:db8::5]:51820']).mapping(OWN), { natType: 'none', mapped: [] })
})

test('each family is judged for itself, and IPv4 names the kind', () => {
  const reflexive = sees(['203.0.113.1:1', '198.51.100.9:4000'], ['[2001:db8::9]:1', '[2001:db8::5]:51820'])
  reflexive.note(parseEndpoint('203.0.113.2:1'), parseEndpoint('198.51.100.9:4001'), 0)
  assert.equal(reflexive.mapping(OWN), { natType: 'symmetric', mapped: [] })
})

test('silence forgets nothing; a newer sight outlives older ones, and new links begin anew', () => {
  const reflexive = sees(['203.0.113.1:51820', '198.51.100.9:4000'])
  reflexive.note(parseEndpoint('203.0.113.2:51820'), parseEndpoint('198.51.100.9:4007'), 120_001)
  assert.equal(reflexive.mapping(OWN), { natType: 'unknown', mapped: ['198.51.100.9:4007'] })
  reflexive.forget()
  assert.equal(reflexive.mapping(OWN).mapped, [])
})

test('the list of observers has a bound', () => {
  const reflexive = createReflexive()
  for (let i = 1; i <= 200; i++) {
    reflexive.note(parseEndpoint(`203.0.113.${i}:1`), parseEndpoint(`198.51.100.9:${4_000 + (i <= 184 ? i : 0)}`), i)
  }
  assert.equal(reflexive.mapping(OWN), { natType: 'endpoint-independent', mapped: ['198.51.100.9:4000'] })
})

test.run()
