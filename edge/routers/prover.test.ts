// Asking routers at their pace: what becomes of one that stops to forward, how soon, and that nobody is asked in vain.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import type { Echo } from './echoes.ts'
import { type Asked, createProver } from './prover.ts'

const used: Asked = { at: parseAddress('10.77.0.2'), id: 7, everyMs: 400, isUsed: true }
const other: Asked = { at: parseAddress('10.77.0.3'), id: 7, everyMs: 10_000, isUsed: false }

/** `dead` holds the addresses that lead nowhere. */
function bench() {
  const clock = new FakeClock()
  const dead = new Set<string>()
  const asked: Echo[] = []
  let changes = 0
  const prover = createProver({
    clock,
    ask(echo) {
      asked.push(echo)
      if (!dead.has(echo.at)) clock.after(20, () => prover.heard(echo))
    },
    onChange: () => void (changes += 1),
  })
  const state = (one: Asked): string | undefined => prover.proof(one)?.state
  return { asked, changes: () => changes, clock, dead, prover, state }
}

test('both are asked at once, then each at its pace', () => {
  const { asked, clock, prover, state } = bench()
  prover.follow([used, other])
  clock.advance(50)
  assert.equal([state(used), state(other)], ['proven', 'proven'])
  clock.advance(4_000)
  const count = (one: Asked): number => asked.filter(({ at }) => at === one.at).length
  assert.is(count(used), 11)
  assert.is(count(other), 1)
})

test('one that forwards no more is known for it within 1.5 s, and by then whoever stands by is proven anew', () => {
  const { asked, changes, clock, dead, prover, state } = bench()
  prover.follow([used, other])
  clock.advance(1_000)
  dead.add(used.at)
  asked.length = 0
  const before = changes()
  clock.advance(1_500)
  assert.equal([state(used), state(other)], ['failing', 'proven'])
  assert.is(changes(), before + 1)
  assert.ok(
    asked.some(({ at }) => at === other.at),
    'the other one was asked out of turn',
  )
  asked.length = 0
  clock.advance(60_000)
  const count = asked.filter(({ at }) => at === used.at).length
  assert.ok(count > 5 && count < 40, `${count} echoes in a minute`)
  dead.clear()
  clock.advance(10_000)
  assert.is(state(used), 'proven')
})

test('a late answer proves as well; one that nobody waits for, or of somebody else, proves nothing', () => {
  const clock = new FakeClock()
  const asked: Echo[] = []
  const prover = createProver({ clock, ask: (echo) => void asked.push(echo), onChange: () => undefined })
  prover.follow([used])
  clock.advance(600)
  assert.ok(asked.length >= 2)
  const [first] = asked
  assert.ok(first)
  prover.heard({ ...first, seq: 999 })
  prover.heard({ ...first, at: other.at })
  prover.heard({ ...first, id: 8 })
  assert.is(prover.proof(used)?.state, 'unasked')
  prover.heard(first)
  assert.is(prover.proof(used)?.state, 'proven')
  prover.heard(first)
  assert.is(prover.proof(used)?.misses, 0)
})

test('what is at rest is left alone and keeps what was known; what is no more is forgotten', () => {
  const { asked, clock, prover, state } = bench()
  prover.follow([used])
  clock.advance(100)
  prover.follow([{ ...used, everyMs: undefined }])
  asked.length = 0
  clock.advance(60_000)
  assert.equal([asked.length, state(used)], [0, 'proven'])
  prover.follow([used])
  clock.advance(10)
  assert.is(asked.length, 1)
  prover.follow([])
  assert.is(state(used), undefined)
  clock.advance(60_000)
  assert.is(asked.length, 1)
})

test.run()
