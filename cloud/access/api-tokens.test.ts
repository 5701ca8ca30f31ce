// Tokens identify their holder, expire, can be revoked, and are not to be found in the database.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { openAccessStore } from './access-store.ts'
import { createApiTokens } from './api-tokens.ts'

function setup() {
  const clock = new FakeClock()
  const store = openAccessStore(':memory:')
  return { clock, store, tokens: createApiTokens(store, clock, seededEntropy(3)) }
}

test('a token says who holds it, and only that word does', () => {
  const { tokens } = setup()
  const { token, id } = tokens.create('ci', 'operator')
  assert.equal(tokens.identify(token), { name: 'ci', role: 'operator' })
  const other = tokens.create('other', 'operator').token
  const mixed = `hfa.${id}.${other.split('.')[2]}`
  for (const word of ['', 'Bearer', token.slice(0, -1), `${token}A`, mixed, token.toUpperCase()]) {
    assert.is(tokens.identify(word), undefined, word)
  }
})

test('expired and revoked tokens are nobody’s', () => {
  const { clock, tokens } = setup()
  const short = tokens.create('guest', 'viewer', 60)
  const long = tokens.create('boss', 'admin')
  clock.advance(59_999)
  assert.ok(tokens.identify(short.token))
  clock.advance(1)
  assert.is(tokens.identify(short.token), undefined)
  assert.ok(tokens.revoke(long.id))
  assert.not.ok(tokens.revoke(long.id))
  assert.is(tokens.identify(long.token), undefined)
})

test('a name is one token’s until it is revoked or has expired; what expired long ago is forgotten', () => {
  const { clock, tokens } = setup()
  const first = tokens.create('ci', 'operator', 60)
  assert.throws(() => tokens.create('ci', 'viewer'), new RegExp(first.id))
  clock.advance(60_000)
  const second = tokens.create('ci', 'viewer')
  assert.throws(() => tokens.create('ci', 'viewer'), new RegExp(second.id))
  tokens.revoke(second.id)
  tokens.create('ci', 'viewer')
  assert.is(tokens.list().length, 2)
  clock.advance(7 * 86_400_000)
  tokens.create('more', 'viewer')
  assert.equal(
    tokens.list().map(({ name }) => name),
    ['ci', 'more'],
  )
})

test('lists show no secret', () => {
  const { tokens } = setup()
  const { token } = tokens.create('ci', 'admin')
  assert.not.ok(JSON.stringify(tokens.list()).includes(token.split('.')[2] as string))
})

test.run()
