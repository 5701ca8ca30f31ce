// The whole hub over real HTTPS, as an attacker and a clumsy operator meet it: who is let in, and what is refused.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { httpBodyMax } from '../../shared/limits.ts'
import { type Role, roles } from '../access/access-store.ts'
import { mayCall } from '../api/route.ts'
import { type Answer, createAttacker, type Route } from './attacker.fake.ts'

const attack = suite('attacks on the API')
const world = createAttacker('hf-attack-')
const { call, json, makeToken, routes } = world
interface Documented {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> }
}

/** Guesses are throttled by the minute. */
async function refused(status: number, code: string, route: Route, token?: string): Promise<void> {
  world.pass(60_000)
  const answer = await call(route.method, route.path, token, /P/.test(route.method) ? '{}' : undefined)
  const error = JSON.parse(answer.text) as { code: string; remedy?: string }
  assert.equal([answer.status, error.code], [status, code], `${route.method} ${route.path}: ${answer.text}`)
  assert.ok(error.remedy, `${route.method} ${route.path} says how to mend it`)
}

attack.before(() => world.start())
attack.after(() => world.end())

attack(
  'every route but those that are open by design is closed to nobody, strangers, expired and revoked tokens',
  async () => {
    const expired = await makeToken('expired', 'admin', '60s')
    const revoked = await makeToken('revoked', 'admin')
    world.pass(60_000)
    await json('DELETE', `/api/v1/access/${revoked.id}`, world.admin())
    const open: string[] = []
    for (const route of await routes()) {
      if (route.operation.security.length === 0) {
        open.push(`${route.method} ${route.path}`)
        continue
      }
      await refused(401, 'unauthenticated', route)
      for (const token of [expired.token, revoked.token, `hfa.aaaaaaaa.${'A'.repeat(43)}`, 'x']) {
        await refused(401, 'unauthenticated', route, token)
      }
    }
    assert.equal(open.sort(), [
      'GET /api/v1/enrol/anchor',
      'GET /api/v1/enrol/authority',
      'GET /api/v1/enrol/challenge/x',
      'GET /api/v1/enrol/cluster-challenge/x',
      'GET /api/v1/releases/x',
      'GET /api/v1/session',
      'GET /api/v1/session/oidc',
      'GET /api/v1/session/oidc/callback',
      'GET /healthz',
      'GET /readyz',
      'POST /api/v1/enrol',
      'POST /api/v1/enrol/cluster',
      'POST /api/v1/enrol/leave',
      'POST /api/v1/enrol/renew',
      'POST /api/v1/session',
    ])
  },
)

attack('every route is closed to every role below the one it names', async () => {
  const tokens = new Map<Role, string>()
  for (const role of roles) tokens.set(role, (await makeToken(`low-${role}`, role)).token)
  let checked = 0
  for (const route of await routes()) {
    const needed = /of role (\w+) or higher/.exec(route.operation.description)?.[1] as Role | undefined
    if (needed === undefined) continue
    for (const [role, token] of tokens) {
      if (mayCall(role, needed)) continue
      await refused(403, 'forbidden', route, token)
      checked += 1
    }
  }
  assert.ok(checked > 20, String(checked))
})

const header = { apiVersion: 'holdfast.dev/v1alpha1', metadata: { name: 'x' }, spec: {} }
const nothing = (): string => ''
for (const [what, method, path, body, status, expected] of [
  ['a body without end', 'POST', '/api/v1/apply', () => 'x'.repeat(httpBodyMax + 1), 413, /larger than.*Split/],
  ['no UTF-8', 'POST', '/api/v1/tokens', () => Uint8Array.of(0xff, 0xfe), 400, /not UTF-8/],
  ['no JSON', 'POST', '/api/v1/tokens', () => '{', 400, /not JSON.*Send one JSON object/],
  ['deep JSON', 'POST', '/api/v1/tokens', () => '['.repeat(1e5) + ']'.repeat(1e5), 413, /nests deeper/],
  ['deep YAML', 'POST', '/api/v1/apply', () => '['.repeat(1e5), 413, /nests deeper.*Split or simplify/],
  [
    'a thousand laughs',
    'POST',
    '/api/v1/apply',
    () =>
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${Array.from('bcdefghi', (c, i) => `${c}: &${c} [${`*${'abcdefghi'.charAt(i)},`.repeat(8)}x]\n`).join('')}`,
    413,
    /aliases.*Write repeated parts out|aliases.*Split/,
  ],
  ['a million words', 'POST', '/api/v1/apply', () => '[a,'.padEnd(900_000, 'a,'), 413, /words and signs.*Split/],
  [
    'ten thousand documents',
    'POST',
    '/api/v1/apply',
    () => '---\n'.repeat(10_000),
    413,
    /more than 5000 documents.*Split/,
  ],
  [
    'a wrong version',
    'POST',
    '/api/v1/apply',
    () => JSON.stringify({ ...header, apiVersion: 'v1', kind: 'Node' }),
    400,
    /"apiVersion".*Use holdfast\.dev/,
  ],
  [
    'a wrong kind',
    'POST',
    '/api/v1/apply',
    () => JSON.stringify({ ...header, kind: 'Pod' }),
    400,
    /"kind".*Use Network or Canary or AgentUpdate or Node/,
  ],
  ['a bad name in the path', 'GET', '/api/v1/nodes/%00..%2f', nothing, 404, /holdfast-hub get nodes/],
  ['a path that does not decode', 'GET', '/api/v1/nodes/%E0%A4%A', nothing, 404, /holdfast-hub get nodes/],
  ['a network that is not there', 'POST', '/api/v1/tokens', () => '{"network":"lost"}', 404, /"network".*get networks/],
  [
    'a copy of what was deleted',
    'PUT',
    '/api/v1/nodes/x',
    () => JSON.stringify({ ...header, kind: 'Node', metadata: { name: 'x', resourceVersion: '1' } }),
    409,
    /deleted it meanwhile.*resourceVersion.*remove metadata\.resourceVersion/,
  ],
  ['a name of the hub', 'POST', '/api/v1/access', () => '{"name":"hub","role":"viewer"}', 400, /the hub uses itself/],
] as const) {
  attack(`${what} is refused with the field and the remedy`, async () => {
    const from = process.cpuUsage()
    const answer = await call(method, path, world.admin(), method === 'GET' ? undefined : body())
    assert.is(answer.status, status, answer.text)
    assert.match(answer.text, expected)
    const { user } = process.cpuUsage(from)
    assert.ok(user < 2_000_000, `and at little cost: ${user} µs`)
  })
}

attack('a fresh hub takes every example of its own document', async () => {
  const { paths } = await json<{ paths: Record<string, Record<string, Documented>> }>(
    'GET',
    '/api/v1/openapi.json',
    world.admin(),
  )
  let taken = 0
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      for (const { example } of Object.values(requestBody?.content ?? {})) {
        if (example === undefined) continue
        const body = typeof example === 'string' ? example : JSON.stringify(example)
        const answer = await call(method.toUpperCase(), path.replace('{name}', 'example'), world.admin(), body)
        assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`)
        taken += 1
      }
    }
  }
  assert.is(taken, 15)
})

attack('optimistic concurrency: of two who read the same, the second is told to read again', async () => {
  const path = '/api/v1/nodes/shared'
  const put = (resource: object): Promise<Answer> => call('PUT', path, world.admin(), JSON.stringify(resource))
  assert.is((await put({ ...header, kind: 'Node', metadata: { name: 'shared' } })).status, 201)
  const read = await json<{ metadata: { resourceVersion: string } }>('GET', path, world.admin())
  assert.is((await put({ ...read, spec: { labels: { by: 'one' } } })).status, 200)
  const second = await put({ ...read, spec: { labels: { by: 'two' } } })
  assert.is(second.status, 409)
  assert.match(second.text, /metadata\.resourceVersion.*Get it again/)
  const late = await call('DELETE', `${path}?resourceVersion=${read.metadata.resourceVersion}`, world.admin())
  assert.is(late.status, 409)
  assert.equal((await json<{ spec: { labels: object } }>('GET', path, world.admin())).spec.labels, { by: 'one' })
})

attack.run()
