// Who asks for flows, and how: what is asked is what the hub is asked, and what is wrong is told by its name.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FleetFlowQuery } from '../flows/fleet-flows.ts'
import { errorOf, setup } from './api-world.fake.ts'

function asked() {
  const world = setup()
  const queries: FleetFlowQuery[] = []
  Object.assign(world.hub, {
    flows(query: FleetFlowQuery) {
      queries.push(query)
      return { items: [], lostBefore: [], ledgers: [], newest: 7 }
    },
  })
  return { ...world, queries }
}

test('the hub is asked what was asked, an hour back where nothing is said', async () => {
  const { call, clock, queries } = asked()
  assert.equal(await (await call('GET', '/api/v1/flows', 'viewer')).json(), {
    items: [],
    lostBefore: [],
    ledgers: [],
    newest: 7,
  })
  const words = 'since=2d&node=plc-7&peer=10.7.0.1&denied=true&limit=5&after=9&before=1700000000000-12'
  await call('GET', `/api/v1/flows?${words}`, 'viewer')
  const none = { node: undefined, peer: undefined, before: undefined }
  assert.equal(queries, [
    { ...none, sinceMs: clock.now() - 3_600_000, afterId: 0, denied: false, limit: 1_000 },
    {
      sinceMs: clock.now() - 2 * 86_400_000,
      afterId: 9,
      denied: true,
      node: 'plc-7',
      peer: '10.7.0.1',
      limit: 5,
      before: { at: 1_700_000_000_000, id: 12 },
    },
  ])
})

test('what is wrong is told by its name, and the hub is not asked', async () => {
  const { call, queries } = asked()
  for (const [words, field] of [
    ['since=yesterday', 'since'],
    ['since=', 'since'],
    ['denied=yes', 'denied'],
    ['limit=0', 'limit'],
    ['limit=5001', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1e3', 'limit'],
    ['after=x', 'after'],
    ['after=99999999999999999999', 'after'],
    ['before=12', 'before'],
    ['before=1-2-3', 'before'],
    ['sort=up', 'sort'],
  ] as const) {
    const error = await errorOf(call('GET', `/api/v1/flows?${words}`, 'viewer'))
    assert.equal([error.status, error.code, error.field], [400, 'invalid', field], words)
  }
  assert.is(queries.length, 0)
})

test('to go on with a record that was refused is for an operator', async () => {
  const { call } = asked()
  assert.is((await call('POST', '/api/v1/flows/alice/accept', 'viewer')).status, 403)
  assert.equal(await (await call('POST', '/api/v1/flows/alice/accept', 'operator')).json(), { name: 'alice' })
  assert.is((await call('POST', '/api/v1/flows/nobody/accept', 'operator')).status, 404)
})

test.run()
