// Routes through the real app: what is refused, and what the answers look like.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { httpBodyMax } from '../../shared/limits.ts'
import { errorOf, network, setup } from './api-world.fake.ts'

test('put, get, list and delete', async () => {
  const { call } = setup()
  assert.is((await call('PUT', '/api/v1/networks/default', 'operator', network('default'))).status, 201)
  assert.is((await call('PUT', '/api/v1/networks/default', 'operator', network('default'))).status, 200)
  const got = (await (await call('GET', '/api/v1/networks/default', 'viewer')).json()) as {
    kind: string
    spec: { mtu: number }
    metadata: { resourceVersion: string }
  }
  assert.equal([got.kind, got.spec.mtu, got.metadata.resourceVersion], ['Network', 1_420, '2'])
  const list = (await (await call('GET', '/api/v1/networks', 'viewer')).json()) as { kind: string; items: unknown[] }
  assert.equal([list.kind, list.items.length], ['NetworkList', 1])
  assert.is((await call('DELETE', '/api/v1/networks/default', 'operator')).status, 200)
  assert.is((await errorOf(call('GET', '/api/v1/networks/default', 'viewer'))).code, 'not-found')
  assert.is((await errorOf(call('DELETE', '/api/v1/networks/default', 'operator'))).code, 'not-found')
})

test('what was got can be put back as it is; an older version is a conflict', async () => {
  const { call } = setup()
  await call('PUT', '/api/v1/networks/default', 'operator', network('default'))
  const got = await (await call('GET', '/api/v1/networks/default', 'viewer')).text()
  assert.is((await call('PUT', '/api/v1/networks/default', 'operator', got)).status, 200)
  const error = await errorOf(call('PUT', '/api/v1/networks/default', 'operator', got))
  assert.equal([error.status, error.code, error.field], [409, 'conflict', 'metadata.resourceVersion'])
})

test('a map is narrowed by labels, a bounded number of them', async () => {
  const { call } = setup()
  const get = (query: string) => call('GET', `/api/v1/topology?${query}`, 'viewer')
  assert.is((await get('each=true&label=site%3Dkiel&label=site%3D&label=a%3Db%3Dc')).status, 200)
  for (const [query, field] of [
    ['each=yes', 'each'],
    ['label=kiel', 'label'],
    ['label=%3Dkiel', 'label'],
    [Array.from({ length: 65 }, (_, at) => `label=site%3D${at}`).join('&'), 'label'],
  ] as const) {
    assert.is((await errorOf(get(query))).field, field, query)
  }
})

test('what is as it was is not sent again, and what is not is', async () => {
  const { call } = setup()
  assert.is((await call('PUT', '/api/v1/networks/default', 'operator', network('default'))).status, 201)
  for (const path of ['/api/v1/topology?each=true', '/api/v1/policy/matrix']) {
    const first = await call('GET', path, 'viewer')
    const tag = first.headers.get('etag') ?? ''
    assert.is(first.headers.get('cache-control'), 'no-store')
    assert.ok((await first.text()).startsWith('{'))
    for (const held of [tag, `"other", W/${tag}`]) {
      const again = await call('GET', path, 'viewer', undefined, { 'if-none-match': held })
      assert.equal([again.status, await again.text(), again.headers.get('etag')], [304, '', tag], path)
    }
    for (const held of ['"other"', tag.slice(1, -1), '*,']) {
      const again = await call('GET', path, 'viewer', undefined, { 'if-none-match': held })
      assert.is(again.status, 200, held)
    }
  }
})

test('bad bodies are refused with the field', async () => {
  const { call } = setup()
  const put = (body: unknown) => errorOf(call('PUT', '/api/v1/networks/default', 'operator', body))
  assert.is((await put(network('other'))).field, 'metadata.name')
  assert.is((await put({ ...network('default'), kind: 'Route' })).status, 400)
  assert.is((await put(network('default', { cidr: '10.7.0.0/16', colour: 'red' }))).field, 'spec.colour')
  assert.is((await put(network('default', { cidr: 7 }))).field, 'spec.cidr')
  assert.is((await put(network('default', { cidr: '10.7.0.1/16' }))).field, 'spec.cidr')
  assert.is((await put([network('default')])).status, 400)
  assert.is((await put('')).status, 400)
  assert.is(
    (await errorOf(call('PUT', '/api/v1/networks/default?dryRun=maybe', 'operator', network('default')))).field,
    'dryRun',
  )
})

test('a method that a path does not have names those it has', async () => {
  const { call } = setup()
  for (const [method, path, allowed] of [
    ['PATCH', '/api/v1/nodes/x', 'GET, HEAD, PUT, DELETE'],
    ['POST', '/api/v1/nodes', 'GET, HEAD'],
    ['GET', '/api/v1/apply', 'POST'],
    ['DELETE', '/healthz', 'GET, HEAD'],
  ] as const) {
    const answer = await call(method, path)
    assert.equal([answer.status, answer.headers.get('allow')], [405, allowed], `${method} ${path}`)
  }
})

test('a parameter that is not known is refused: a misspelt dryRun must not apply', async () => {
  const { call } = setup()
  const path = '/api/v1/networks/default'
  const error = await errorOf(call('PUT', `${path}?dryrun=true`, 'operator', network('default')))
  assert.equal([error.status, error.field, error.remedy], [400, 'dryrun', 'Use dryRun.'])
  assert.is((await call('GET', path, 'viewer')).status, 404)
  assert.is((await errorOf(call('GET', '/api/v1/fleet?x=1', 'viewer'))).remedy, 'This route has none.')
})

test('an oversized body is cut off, a stranger’s much earlier', async () => {
  const { call } = setup()
  const big = 'x'.repeat(httpBodyMax + 1)
  assert.is((await errorOf(call('POST', '/api/v1/apply', 'operator', big))).status, 413)
  assert.is((await errorOf(call('POST', '/api/v1/enrol', undefined, 'x'.repeat(20_000)))).status, 413)
  const lying = { 'content-length': '1' }
  assert.is((await errorOf(call('POST', '/api/v1/enrol', undefined, 'x'.repeat(20_000), lying))).status, 413)
})

test('apply takes a stream of documents, and a dry run changes nothing', async () => {
  const { call } = setup()
  const yaml = `${JSON.stringify(network('a'))}\n---\n${JSON.stringify(network('b', { cidr: '10.8.0.0/16' }))}\n`
  const count = async () =>
    ((await (await call('GET', '/api/v1/networks', 'viewer')).json()) as { items: unknown[] }).items.length
  assert.is((await call('POST', '/api/v1/apply?dryRun=true', 'operator', yaml)).status, 200)
  assert.is(await count(), 0)
  assert.is((await call('POST', '/api/v1/apply', 'operator', yaml)).status, 200)
  assert.is(await count(), 2)
})

test('join tokens: made, listed without secret, revoked', async () => {
  const { call } = setup()
  const made = await call('POST', '/api/v1/tokens', 'operator', { uses: 3 })
  assert.is(made.status, 201)
  assert.match(((await made.json()) as { token: string }).token, /^hf1\./)
  assert.not.match(await (await call('GET', '/api/v1/tokens', 'viewer')).text(), /secret/)
  assert.is((await call('GET', '/api/v1/tokens/abcdefgh', 'viewer')).status, 200)
  assert.is((await call('DELETE', '/api/v1/tokens/abcdefgh', 'operator')).status, 200)
  assert.is((await call('DELETE', '/api/v1/tokens/abcdefgh', 'operator')).status, 404)
  assert.is((await errorOf(call('POST', '/api/v1/tokens', 'operator', { ttl: 'soon' }))).field, 'ttl')
})

test('enrolment: good, refused, malformed, throttled', async () => {
  const { call } = setup()
  const key = toBase64(new Uint8Array(32).fill(7))
  const request = { tokenId: 'abcdefgh', secret: 'good', labels: {}, wgKey: key, deviceKey: key, proof: 'AAAA' }
  const enrol = (body: unknown) => call('POST', '/api/v1/enrol', undefined, body)
  assert.is((await call('GET', '/api/v1/enrol/anchor')).status, 200)
  assert.is((await enrol(request)).status, 202)
  const stolen = await errorOf(enrol({ ...request, secret: 'stolen' }))
  assert.equal([stolen.status, stolen.remedy], [403, 'Ask for a new one.'])
  const renumbered = { ...request, secret: 'renumbered' }
  const old = await errorOf(enrol(renumbered))
  assert.equal([old.status, old.code, old.remedy], [409, 'conflict', 'Update.'])
  const said = { 'holdfast-understands': 'pools, renumber-step' }
  assert.is((await call('POST', '/api/v1/enrol', undefined, renumbered, said)).status, 202)
  assert.is((await errorOf(enrol({ ...request, wgKey: 'short' }))).field, 'wgKey')
  assert.is((await errorOf(enrol({ ...request, extra: 1 }))).field, 'extra')
  assert.is((await errorOf(enrol('{'))).code, 'invalid')
  assert.is(
    (await call('POST', '/api/v1/enrol/leave', undefined, { nodeId: 'aliceaaaaaaaaaaa', proof: 'AAAA' })).status,
    200,
  )
  let last = 0
  for (let i = 0; i < 130 && last !== 429; i++) last = (await enrol(request)).status
  assert.is(last, 429)
})

test('fleet, roll-out, approval and audit', async () => {
  const { call } = setup()
  const fleet = (await (await call('GET', '/api/v1/fleet', 'viewer')).json()) as { items: { health: unknown[] }[] }
  assert.match(JSON.stringify(fleet.items[0]?.health), /Free some space/)
  assert.is((await call('GET', '/api/v1/fleet/alice', 'viewer')).status, 200)
  assert.is((await call('GET', '/api/v1/fleet/nobody', 'viewer')).status, 404)
  assert.is((await call('GET', '/api/v1/rollout', 'viewer')).status, 200)
  assert.is((await call('POST', '/api/v1/nodes/alice/approve', 'operator')).status, 200)
  assert.is((await call('POST', '/api/v1/nodes/bob/approve', 'operator')).status, 404)
  await call('PUT', '/api/v1/networks/default', 'operator', network('default'))
  assert.match(await (await call('GET', '/api/v1/audit', 'admin')).text(), /Network\/default/)
  assert.is((await errorOf(call('GET', '/api/v1/audit?limit=0', 'admin'))).field, 'limit')
})

test('liveness, readiness and figures', async () => {
  const { call } = setup()
  assert.is(await (await call('GET', '/healthz')).text(), 'ok\n')
  assert.is((await call('GET', '/readyz')).status, 200)
  const away = await setup('the broker is away').call('GET', '/readyz')
  assert.equal([away.status, await away.text()], [503, 'the broker is away\n'])
  const metrics = await (await call('GET', '/metrics', 'viewer')).text()
  for (const line of [
    'holdfast_nodes{network="default",state="online"} 1',
    'holdfast_network_revision{network="default"} 7',
    'holdfast_network_acknowledged{network="default"} 2',
    'holdfast_node_conditions{code="disk-full"} 1',
    'holdfast_broker_connections 5',
  ]) {
    assert.ok(metrics.split('\n').includes(line), line)
  }
})

test('answers are not to be cached, framed or sniffed; failures keep their secrets', async () => {
  const { call, hub } = setup()
  const answer = await call('GET', '/healthz')
  assert.is(answer.headers.get('cache-control'), 'no-store')
  assert.is(answer.headers.get('x-content-type-options'), 'nosniff')
  assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  Object.assign(hub, {
    fleet: () => {
      throw new TypeError('password hunter2')
    },
  })
  const error = await errorOf(call('GET', '/api/v1/fleet', 'viewer'))
  assert.equal([error.status, error.code], [500, 'failed'])
  assert.not.match(JSON.stringify(error), /hunter2/)
})

test.run()
