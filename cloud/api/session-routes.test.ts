// Sign-in through the real app: who gets in, what a browser has to send, and that a stolen click gets nowhere.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8 } from '../../shared/bytes.ts'
import { sessionIdleMsMax } from '../../shared/dashboard-limits.ts'
import { settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { authFailuresPerMinuteMax, eventHeartbeatS } from '../../shared/limits.ts'
import type { Role } from '../access/access-store.ts'
import { errorOf, network, setup } from './api-world.fake.ts'

const own = { origin: 'https://hub.example.org:8443', 'sec-fetch-site': 'same-origin' }
const path = '/api/v1/networks/default'

interface Who {
  readonly role: string
  readonly name: string
  readonly csrf: string
  readonly expiresAt: number
  readonly login: object
}

function world() {
  const made = setup()
  const signIn = (token: unknown, headers: Record<string, string> = own) =>
    made.call('POST', '/api/v1/session', undefined, { token }, headers)
  const signedIn = async (role: Role) => {
    const answer = await signIn(made.words[role])
    const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    const who = (await answer.json()) as Who
    const call = (method: string, at: string, body?: unknown, headers: Record<string, string> = {}) =>
      made.call(method, at, undefined, body, { cookie, ...own, 'x-csrf-token': who.csrf, ...headers })
    return { answer, call, cookie, who }
  }
  return { ...made, signIn, signedIn }
}

test('a token becomes a session that no script can read and no other site can use', async () => {
  const { signedIn, clock } = world()
  const { answer, call, who } = await signedIn('operator')
  assert.is(answer.status, 201)
  const cookie = answer.headers.get('set-cookie') ?? ''
  assert.match(cookie, /^__Host-holdfast=[\w-]{43}; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Strict$/)
  assert.equal([who.role, who.name, who.login], ['operator', 'operator', { token: true }])
  assert.ok(who.expiresAt > clock.now())
  assert.equal(await (await call('GET', '/api/v1/session')).json(), who)
  assert.is((await call('GET', '/api/v1/fleet')).status, 200)
  assert.is((await call('PUT', path, network('default'))).status, 201)
  const error = await errorOf(call('GET', '/api/v1/audit'))
  assert.equal([error.status, error.code], [403, 'forbidden'])
})

test('who is not signed in is told how to', async () => {
  const { call } = world()
  const answer = await call('GET', '/api/v1/session')
  assert.is(answer.status, 401)
  assert.equal(((await answer.json()) as Who).login, { token: true })
  const forged = { cookie: `__Host-holdfast=${'A'.repeat(43)}` }
  const stale = await call('GET', '/api/v1/session', undefined, undefined, forged)
  assert.is(stale.status, 401)
  assert.match(stale.headers.get('set-cookie') ?? '', /Max-Age=0/)
  for (const cookie of [forged.cookie, '__Host-holdfast=', '__Host-holdfast=a=b', 'holdfast=x', ';;;', '%00']) {
    assert.is((await call('GET', '/api/v1/fleet', undefined, undefined, { cookie })).status, 401, cookie)
  }
})

test('a write needs the word of the page and a page of this hub', async () => {
  const { signedIn } = world()
  const { call } = await signedIn('admin')
  const other = await signedIn('admin')
  const refusals: readonly Record<string, string>[] = [
    { 'x-csrf-token': '' },
    { 'x-csrf-token': other.who.csrf },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example.org' },
    { origin: 'https://hub.example.org:9999' },
    { origin: 'http://hub.example.org:8443' },
    { origin: 'null' },
  ]
  for (const headers of refusals) {
    const error = await errorOf(call('PUT', path, network('default'), headers))
    assert.equal([error.status, error.code], [403, 'forbidden'], JSON.stringify(headers))
  }
  assert.is((await call('PUT', path, network('default'))).status, 201)
})

test('a request that no browser of today sends writes nothing, and reads', async () => {
  const { call, signedIn } = world()
  const { cookie, who } = await signedIn('admin')
  const headers = { cookie, 'x-csrf-token': who.csrf }
  assert.is((await call('PUT', path, undefined, network('default'), headers)).status, 403)
  assert.is((await call('GET', '/api/v1/fleet', undefined, undefined, headers)).status, 200)
  const typed = { ...headers, 'sec-fetch-site': 'none' }
  assert.is((await call('GET', '/api/v1/fleet', undefined, undefined, typed)).status, 200)
  assert.is((await call('PUT', path, undefined, network('default'), typed)).status, 403)
  const fromOther = { ...headers, 'sec-fetch-site': 'cross-site' }
  assert.is((await call('GET', '/api/v1/fleet', undefined, undefined, fromOther)).status, 403)
})

test('a bearer token goes on working as ever, whatever cookies come along', async () => {
  const { call, signedIn } = world()
  const { cookie } = await signedIn('admin')
  assert.is((await call('PUT', path, 'operator', network('default'))).status, 201)
  assert.is((await call('PUT', path, 'viewer', network('default'), { cookie })).status, 403)
  assert.is((await call('DELETE', '/api/v1/session', 'admin')).status, 404)
})

test('signing out ends it; signing in anew ends the one before', async () => {
  const { call, signedIn, signIn, words, sessions } = world()
  const first = await signedIn('viewer')
  assert.is((await first.call('DELETE', '/api/v1/session', undefined, { 'x-csrf-token': 'x' })).status, 403)
  const out = await first.call('DELETE', '/api/v1/session')
  assert.is(out.status, 200)
  assert.match(out.headers.get('set-cookie') ?? '', /^__Host-holdfast=; .*Max-Age=0/)
  assert.is((await first.call('GET', '/api/v1/fleet')).status, 401)
  const second = await signedIn('viewer')
  await signIn(words.operator, { ...own, cookie: second.cookie })
  assert.is((await call('GET', '/api/v1/fleet', undefined, undefined, { cookie: second.cookie })).status, 401)
  assert.is(sessions.count(), 1)
})

test('a revoked token takes its sessions along, and time ends them', async () => {
  const { clock, signedIn, tokens } = world()
  const viewer = await signedIn('viewer')
  const operator = await signedIn('operator')
  tokens.revoke(tokens.list().find(({ name }) => name === 'viewer')?.id ?? '')
  assert.is((await viewer.call('GET', '/api/v1/fleet')).status, 401)
  assert.is((await operator.call('GET', '/api/v1/fleet')).status, 200)
  clock.advance(sessionIdleMsMax)
  assert.is((await operator.call('GET', '/api/v1/fleet')).status, 401)
})

test('guesses are throttled by address; sign-in from another site is none', async () => {
  const { clock, signIn, words } = world()
  const forged = await errorOf(signIn(words.admin, { origin: 'https://evil.example.org' }))
  assert.equal([forged.status, forged.code], [403, 'forbidden'])
  const bad: readonly unknown[] = ['', 'x', words.admin.slice(0, -1), `${words.admin.slice(0, -1)}!`, 'Bearer']
  for (const word of bad) assert.is((await errorOf(signIn(word))).status, 401, String(word))
  for (const word of [7, null, 'x'.repeat(201)]) assert.is((await errorOf(signIn(word))).status, 400, String(word))
  for (let at = bad.length; at < authFailuresPerMinuteMax; at++) await signIn(`guess${at}`)
  const error = await errorOf(signIn(words.admin))
  assert.equal([error.status, error.code], [429, 'rate-limited'])
  clock.advance(60_000)
  assert.is((await signIn(words.admin)).status, 201)
})

test('a stream of events ends with its session', async () => {
  const { clock, events, signedIn } = world()
  const { call } = await signedIn('viewer')
  const stream = await call('GET', '/api/v1/events')
  assert.is(stream.status, 200)
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader()
  assert.match(fromUtf8((await reader.read()).value ?? new Uint8Array()), /^: watching/)
  await call('DELETE', '/api/v1/session')
  await settle()
  clock.advance(eventHeartbeatS * 1_000)
  assert.ok((await reader.read()).done)
  assert.is(events.watchers(), 0)
})

test('who signs in, and what is done then, stands in the audit log with where it came from', async () => {
  const { hub, signedIn, call } = world()
  const { call: asked, who } = await signedIn('operator')
  await asked('PUT', path, network('default'))
  await asked('DELETE', '/api/v1/session')
  const answer = await call('GET', '/api/v1/audit?actor=operator&limit=2', 'admin')
  const { items, next } = (await answer.json()) as { items: readonly Record<string, unknown>[]; next: number }
  assert.equal(
    items.map(({ verb, whence }) => [verb, whence]),
    [
      ['sign-out', 'session local'],
      ['put', 'session local'],
    ],
  )
  const page = await (await call('GET', `/api/v1/audit?actor=operator&limit=2&before=${next}`, 'admin')).json()
  assert.match(JSON.stringify(page), /"verb":"sign-in","target":"session\/[0-9a-f]{12}"/)
  assert.not.match(JSON.stringify([items, page]), new RegExp(who.csrf))
  for (const bad of ['before=x', 'since=-1', 'until=99999999999999999', 'limit=0', 'colour=red']) {
    assert.is((await call('GET', `/api/v1/audit?${bad}`, 'admin')).status, 400, bad)
  }
  Object.assign(hub, {
    note: () => {
      throw new HoldfastError('failed', 'the disk is full')
    },
  })
  const { answer: refused, cookie } = await signedIn('operator')
  assert.equal([refused.status, cookie], [500, ''], 'what is not written down opens nothing')
})

test.run()
