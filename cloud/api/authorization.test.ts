// Who may call what: every route of the table is refused to everybody who lacks its role.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { roles } from '../access/access-store.ts'
import { errorOf, setup } from './api-world.fake.ts'
import { apiRoutes } from './app.ts'
import { mayCall } from './route.ts'

const open = new Set([
  '/healthz',
  '/readyz',
  '/api/v1/enrol/anchor',
  '/api/v1/enrol/authority',
  '/api/v1/enrol',
  '/api/v1/enrol/challenge/:node',
  '/api/v1/enrol/renew',
  '/api/v1/enrol/leave',
  '/api/v1/enrol/cluster',
  '/api/v1/enrol/cluster-challenge/:node',
  '/api/v1/releases/:sha256',
  'POST /api/v1/session',
  'GET /api/v1/session',
  '/api/v1/session/oidc',
  '/api/v1/session/oidc/callback',
])
const concrete = (path: string): string => path.replaceAll(/:\w+/g, 'x')

test('without a token every route is closed, except those that are open by design', async () => {
  const { call } = setup()
  for (const { method, path, role } of apiRoutes) {
    assert.is(role === 'public', open.has(path) || open.has(`${method} ${path}`), `${path} is ${role}`)
    if (role === 'public') continue
    const error = await errorOf(call(method, concrete(path)))
    assert.equal([error.status, error.code], [401, 'unauthenticated'], `${method} ${path}`)
  }
})

test('with too low a role every route is closed', async () => {
  const { call } = setup()
  for (const { method, path, role } of apiRoutes) {
    for (const held of roles) {
      if (mayCall(held, role)) continue
      const error = await errorOf(call(method, concrete(path), held))
      assert.equal([error.status, error.code], [403, 'forbidden'], `${held} ${method} ${path}`)
    }
  }
})

test('a write needs more than a viewer, and secrets need an administrator', () => {
  for (const { method, path, role } of apiRoutes) {
    // Anybody may end their own session.
    if (path === '/api/v1/session') continue
    if (method !== 'GET' && role !== 'public') assert.not.ok(mayCall('viewer', role), `${method} ${path}`)
    if (path.startsWith('/api/v1/access') || path === '/api/v1/audit') assert.is(role, 'admin', path)
  }
})

test('unknown paths and methods are closed, whoever asks', async () => {
  const { call } = setup()
  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/api/v1/secrets'],
    ['GET', '/api/v1/nodes/x/../../audit/x'],
  ] as const) {
    assert.is((await call(method, path, 'admin')).status, 404, path)
  }
})

test('guessing tokens is throttled, also for the right one', async () => {
  const { call, clock } = setup()
  for (let i = 0; i < 20; i++) {
    const guess = await call('GET', '/api/v1/nodes', undefined, undefined, { authorization: `Bearer guess${i}` })
    assert.is(guess.status, 401)
  }
  const error = await errorOf(call('GET', '/api/v1/nodes', 'admin'))
  assert.equal([error.status, error.code], [429, 'rate-limited'])
  clock.advance(60_000)
  assert.is((await call('GET', '/api/v1/nodes', 'admin')).status, 200)
})

test('API tokens: a new viewer can look, until revoked', async () => {
  const { call } = setup()
  const made = await call('POST', '/api/v1/access', 'admin', { name: 'grafana', role: 'viewer', ttl: '7d' })
  const { id, token } = (await made.json()) as { id: string; token: string }
  const look = () => call('GET', '/metrics', undefined, undefined, { authorization: `Bearer ${token}` })
  assert.is((await look()).status, 200)
  assert.not.match(await (await call('GET', '/api/v1/access', 'admin')).text(), new RegExp(token.split('.')[2] ?? '-'))
  assert.is((await call('DELETE', `/api/v1/access/${id}`, 'admin')).status, 200)
  assert.is((await look()).status, 401)
})

test('who is given and who loses an API token stands in the audit log, without the token', async () => {
  const { call, hub, tokens } = setup()
  const made = await call('POST', '/api/v1/access', 'admin', { name: 'grafana', role: 'viewer' })
  const { id, token } = (await made.json()) as { id: string; token: string }
  await call('DELETE', `/api/v1/access/${id}`, 'admin')
  const { items } = (await (await call('GET', '/api/v1/audit', 'admin')).json()) as { items: object[] }
  const by = { at: 1, actor: 'admin', target: `access/${id}`, detail: 'viewer grafana', whence: 'token local' }
  assert.equal(items, [
    { id: 2, verb: 'revoke', ...by },
    { id: 1, verb: 'create', ...by },
  ])
  assert.not.match(JSON.stringify(items), new RegExp(token.split('.')[2] ?? '-'))
  const before = tokens.list().length
  Object.assign(hub, {
    note: () => {
      throw new HoldfastError('failed', 'the disk is full')
    },
  })
  const refused = await call('POST', '/api/v1/access', 'admin', { name: 'ghost', role: 'admin' })
  assert.equal([refused.status, tokens.list().length], [500, before], 'what is not written down is not given out')
})

test.run()
