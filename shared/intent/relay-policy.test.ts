// relayPolicy: who may carry what, which rule says so, and the sentences about it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mayBeBy, mayCarry, residencyOf } from './relay-policy.ts'
import { residencyLines } from './residency-text.ts'

const named = (name: string, labels: Readonly<Record<string, string>> = {}) => ({ name, labels })
const select = (labels: Readonly<Record<string, string>>) => ({ matchLabels: labels })

const bern = named('bern', { country: 'ch', grade: 'a' })
const genf = named('genf', { country: 'ch' })
const ulm = named('ulm', { country: 'de', grade: 'a' })
const bank = named('bank', { sector: 'finance', country: 'ch' })
const shop = named('shop', { sector: 'retail' })
const swiss = { nodes: select({ country: 'ch' }), relays: select({ country: 'ch' }) }
const graded = { nodes: select({ sector: 'finance' }), relays: select({ grade: 'a' }) }
const ofVans = { nodes: select({ sector: 'vans' }), relays: select({ country: 'nowhere' }) }
const relays = [ulm, genf, bern]

test('every rule that speaks of either end has to let a relay; each is named that does not', () => {
  assert.equal(residencyOf([ofVans, swiss, graded], [shop, bank], relays), {
    rules: [
      { ...swiss, index: 1, of: ['bank'] },
      { ...graded, index: 2, of: ['bank'] },
    ],
    allowed: ['bern'],
    forbidden: [
      { relay: 'genf', by: [2] },
      { relay: 'ulm', by: [1] },
    ],
  })
})

test('a rule without nodes speaks of both, and a relay is none to itself', () => {
  const found = residencyOf([{ relays: select({ country: 'de' }) }], [shop, ulm], relays)
  assert.equal(found?.rules[0]?.of, ['shop', 'ulm'])
  assert.equal(found?.allowed, [])
  assert.equal(
    found?.forbidden.map(({ relay }) => relay),
    ['bern', 'genf'],
  )
})

test('where no rule speaks of the pair there is nothing to tell', () => {
  assert.is(residencyOf([], [shop, bank], relays), undefined)
  assert.is(residencyOf([ofVans, swiss], [shop, named('bar')], relays), undefined)
})

test('what is told is what is done: allowed are those that may carry the traffic of both ends', () => {
  const ends = [bank, shop, named('van', { sector: 'vans' })]
  const sets = [[swiss], [graded], [swiss, graded], [ofVans, swiss], [{ relays: select({ country: 'de' }) }]]
  for (const rules of sets) {
    for (const a of ends) {
      for (const b of ends) {
        const residency = residencyOf(rules, [a, b], relays)
        const done = relays.filter((relay) => mayCarry(rules, a, relay) && mayCarry(rules, b, relay))
        assert.equal(residency?.allowed ?? relays.map(({ name }) => name).sort(), done.map(({ name }) => name).sort())
      }
    }
  }
})

function told(rules: Parameters<typeof residencyOf>[0], answering: readonly string[], isReached = false): string {
  const residency = residencyOf(rules, [bank, shop], relays)
  assert.ok(residency)
  return residencyLines(residency, { isReached, answers: (name) => answering.includes(name) }).join('\n')
}

test('a pair that has a relay it may use', () => {
  const text = `Relays for this pair are kept by the network’s relayPolicy:
  relayPolicy[0] keeps the traffic of country=ch (here: bank) on relays country=ch
  allowed: bern, genf
  forbidden: ulm (relayPolicy[0])`
  assert.is(told([swiss], ['bern']), text)
  assert.is(told([swiss], [], true), text)
})

test('only forbidden relays are left: said exactly so, with what to do', () => {
  assert.match(
    told([{ relays: select({ country: 'fr' }) }, graded], ['ulm']),
    `
  relayPolicy[0] keeps the traffic of every node (here: bank, shop) on relays country=fr
  relayPolicy[1] keeps the traffic of sector=finance (here: bank) on relays grade=a
  allowed: none of those that are known
  forbidden: bern (relayPolicy[0]), genf (relayPolicy[0], relayPolicy[1]), ulm (relayPolicy[0])
There is no path through a relay, because only forbidden relays are left: no path is better than a forbidden one.
Give a relay that may carry it the labels that relayPolicy[0] and relayPolicy[1] ask for, or change relayPolicy of the Network.`,
  )
})

test('allowed ones are silent while forbidden ones answer', () => {
  assert.match(
    told([swiss], ['ulm']),
    '\nNo relay that may carry it answers, and only forbidden ones are left: no path is better than a forbidden one. See to bern, genf.',
  )
})

test('what goes by a forbidden relay is over, whatever was told of it last', () => {
  const residency = residencyOf([swiss], [bank, shop], relays)
  const nowhere = residencyOf([swiss], [bank, shop], [ulm])
  assert.ok(residency !== undefined && nowhere !== undefined)
  assert.ok(mayBeBy(residency, { kind: 'relay', via: 'bern' }))
  assert.not.ok(mayBeBy(residency, { kind: 'tls', via: 'ulm' }))
  assert.ok(mayBeBy(residency, { kind: 'relay' }))
  assert.not.ok(mayBeBy(nowhere, { kind: 'relay' }))
  assert.ok(mayBeBy(nowhere, { kind: 'direct' }))
})

test('a network without any relay', () => {
  const residency = residencyOf([swiss], [bank, shop], [])
  assert.ok(residency)
  const text = residencyLines(residency, { isReached: false, answers: () => false }).join('\n')
  assert.match(text, '\nNo relay is known to this network. Add one')
  assert.not.match(text, 'forbidden one')
})

test.run()
