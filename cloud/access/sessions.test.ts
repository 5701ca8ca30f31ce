// Sessions end by time, by their owner, and with what opened them; they are bounded; and the database opens none.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sessionIdleMsMax, sessionLifeMsMax, sessionsMax, sessionsPerHolderMax } from '../../shared/dashboard-limits.ts'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { openAccessStore } from './access-store.ts'
import { createApiTokens } from './api-tokens.ts'
import { grantBy, oidcHolder, tokenGrant, tokenHolder } from './grants.ts'
import { openSessionStore } from './session-store.ts'
import { createSessions, type SessionHolder } from './sessions.ts'

function setup(store = openSessionStore(':memory:'), clock = new FakeClock()) {
  const access = openAccessStore(':memory:')
  const tokens = createApiTokens(access, clock, seededEntropy(1))
  const made = tokens.create('ann', 'operator', 30 * 86_400)
  const open = () => createSessions({ store, clock, entropy: seededEntropy(2), grantOf: grantBy(tokens, 'rules-1') })
  const holder: SessionHolder = {
    holder: tokenHolder(made.id),
    grant: tokenGrant(made),
    name: 'ann',
    actor: 'ann',
    role: 'operator',
    endsAt: made.expiresAt,
  }
  return { access, clock, holder, made, open, sessions: open(), store, tokens }
}

test('a session is known by its word alone, and the store has no such word', () => {
  const { holder, sessions, store } = setup()
  const { session, word } = sessions.open(holder)
  assert.equal(sessions.find(word, true), session)
  for (const other of ['', word.slice(1), `${word}A`, word.toLowerCase(), session.hash, session.csrf]) {
    assert.is(sessions.find(other, true), undefined, other)
  }
  assert.not.ok(JSON.stringify(store.all()).includes(word))
  assert.not.ok(JSON.stringify(store.all()).includes(session.csrf))
  assert.is.not(sessions.open(holder).session.csrf, session.csrf)
})

test('it ends when nobody uses it, and after a week of use', () => {
  const { clock, holder, sessions } = setup()
  const idle = sessions.open(holder).word
  clock.advance(sessionIdleMsMax - 1)
  assert.ok(sessions.find(idle, false))
  clock.advance(1)
  assert.is(sessions.find(idle, false), undefined)
  const { session, word } = sessions.open(holder)
  assert.is(session.expiresAt, clock.now() + sessionLifeMsMax)
  for (let left = sessionLifeMsMax; left > sessionIdleMsMax; left -= sessionIdleMsMax / 2) {
    assert.ok(sessions.find(word, true))
    clock.advance(sessionIdleMsMax / 2)
  }
  clock.advance(sessionIdleMsMax)
  assert.is(sessions.find(word, true), undefined)
})

test('to be looked at keeps no session alive', () => {
  const { clock, holder, sessions } = setup()
  const { word } = sessions.open(holder)
  for (let at = 0; at < 10; at++) {
    clock.advance(sessionIdleMsMax / 10)
    sessions.find(word, false)
  }
  assert.is(sessions.find(word, true), undefined)
})

test('it ends with its token: revoked, expired, or worth something else', () => {
  const { access, clock, holder, made, sessions, tokens } = setup()
  const first = sessions.open(holder).word
  const row = access.apiToken(made.id)
  assert.ok(row)
  access.putApiToken({ ...row.row, role: 'admin' }, row.hash)
  assert.is(sessions.find(first, true), undefined)
  access.putApiToken(row.row, row.hash)
  const second = sessions.open(holder).word
  tokens.revoke(made.id)
  assert.is(sessions.find(second, true), undefined)
  const short = tokens.create('guest', 'viewer', 60)
  const guest = { ...holder, holder: tokenHolder(short.id), grant: tokenGrant(short), endsAt: short.expiresAt }
  const third = sessions.open(guest)
  assert.is(third.session.expiresAt, short.expiresAt)
  clock.advance(60_000)
  assert.is(sessions.find(third.word, true), undefined)
})

test('one of a provider ends where its rules are others', () => {
  const { clock, holder, store, tokens } = setup()
  const by = (rules?: string) =>
    createSessions({ store, clock, entropy: seededEntropy(3), grantOf: grantBy(tokens, rules) })
  const { word } = by('rules-1').open({ ...holder, holder: oidcHolder('sub'), grant: 'rules-1' })
  assert.ok(by('rules-1').find(word, true))
  assert.is(by('rules-2').find(word, true), undefined)
  assert.is(by(undefined).find(word, true), undefined)
})

test('its owner ends it, and it is gone from the store', () => {
  const { holder, sessions, store } = setup()
  const { word } = sessions.open(holder)
  assert.ok(sessions.close(word))
  assert.not.ok(sessions.close(word))
  assert.equal([sessions.find(word, true), store.all().length], [undefined, 0])
})

test('a hub that starts again knows them, with when they were used', () => {
  const { clock, holder, open, sessions } = setup()
  const { word } = sessions.open(holder)
  clock.advance(sessionIdleMsMax / 2)
  sessions.find(word, true)
  clock.advance(sessionIdleMsMax / 2)
  assert.is(open().find(word, true)?.name, 'ann')
})

test('so many of one holder and so many in all; those used longest ago make room', () => {
  const { clock, holder, sessions, store } = setup()
  const words = Array.from({ length: sessionsPerHolderMax + 2 }, () => {
    clock.advance(1)
    return sessions.open(holder).word
  })
  assert.equal(
    words.map((word) => sessions.find(word, false) !== undefined),
    words.map((_, at) => at >= 2),
  )
  const one = { ...holder, grant: 'rules-1' }
  for (let at = 0; at < sessionsMax; at++) sessions.open({ ...one, holder: oidcHolder(`s${at}`) })
  assert.equal([sessions.count(), store.all().length], [sessionsMax, sessionsMax])
})

test.run()
