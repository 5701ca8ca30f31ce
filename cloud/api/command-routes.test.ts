// Commands over the API: who may give which, and what is no command.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errorOf, setup } from './api-world.fake.ts'

const path = '/api/v1/nodes/alice/commands'

test('an operator looks, an administrator changes, a viewer does neither', async () => {
  const { call } = setup()
  for (const one of [
    { kind: 'history', peer: 'bob' },
    ...['ping', 'netcheck', 'bundle', 'rotate-key'].map((kind) => ({ kind })),
  ]) {
    const { kind } = one
    const viewer = await errorOf(call('POST', path, 'viewer', one))
    assert.equal([viewer.status, viewer.code], [403, 'forbidden'], kind)
    assert.is((await call('POST', path, 'operator', one)).status, kind === 'rotate-key' ? 403 : 202, kind)
    assert.is((await call('POST', path, 'admin', one)).status, 202, kind)
  }
  assert.is((await errorOf(call('POST', '/api/v1/nodes/bob/commands', 'admin', { kind: 'ping' }))).status, 404)
})

test('what is no command is refused before anybody is asked', async () => {
  const { call } = setup()
  const bodies = [
    { kind: 'reboot' },
    { kind: 'ping', peer: '<script>' },
    { kind: 'ping', count: 0 },
    { kind: 'ping', count: 1e9 },
    { kind: 'bundle', peer: 'bob' },
    { kind: 'history' },
    { kind: 'history', peer: 'bob', count: 2 },
    { kind: 'netcheck', expiresInS: 1 },
    { kind: 'netcheck', expiresInS: 1e6 },
    { kind: 'netcheck', shell: 'rm -rf /' },
    [],
    '',
  ]
  for (const body of bodies) {
    assert.is((await errorOf(call('POST', path, 'admin', body))).status, 400, JSON.stringify(body))
  }
  assert.equal(await (await call('GET', '/api/v1/commands', 'operator')).json(), { items: [] })
})

test('what came of it is read by id; a file is downloaded and never shown', async () => {
  const { call } = setup()
  const given = (await (await call('POST', path, 'operator', { kind: 'bundle' })).json()) as { id: string }
  const asked = (await (await call('GET', `/api/v1/commands/${given.id}`, 'operator')).json()) as { by: string }
  assert.is(asked.by, 'operator')
  const list = (await (await call('GET', '/api/v1/commands?node=alice', 'operator')).json()) as { items: object[] }
  assert.is(list.items.length, 1)
  const file = await call('GET', `/api/v1/commands/${given.id}/result`, 'operator')
  assert.is(file.headers.get('content-disposition'), 'attachment; filename="alice.tar.gz"')
  assert.is(file.headers.get('x-content-type-options'), 'nosniff')
  for (const other of ['x', 'aaaaaaaaaaaaaaaa', '%2e%2e']) {
    assert.is((await call('GET', `/api/v1/commands/${other}`, 'operator')).status, 404, other)
    assert.is((await call('GET', `/api/v1/commands/${other}/result`, 'operator')).status, 404, other)
  }
  assert.match(
    await (await call('GET', '/metrics', 'viewer')).text(),
    /holdfast_hub_commands_total\{state="expired"\} 2/,
  )
})

test.run()
