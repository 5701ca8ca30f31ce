// The API of a hub that shares its state: what changes something waits for the state, and what only reads waits for nothing.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { ReplicaStatus } from '../replica/keeping.ts'
import { errorOf, network, setup } from './api-world.fake.ts'

const status: ReplicaStatus = {
  name: 'hub-a',
  leader: 'hub-a',
  leads: true,
  generation: 12,
  isSettled: false,
  transitions: 3,
}

function world() {
  const settled = Promise.withResolvers<void>()
  let refusal: HoldfastError | undefined
  const replica = {
    admit() {
      if (refusal !== undefined) throw refusal
    },
    settled: () => settled.promise,
    status: () => status,
  }
  return { ...setup(undefined, replica), settled, refuse: (error: HoldfastError) => void (refusal = error) }
}

test('a change is answered once the next leader would know it', async () => {
  const { call, settled } = world()
  let answered = false
  const put = call('PUT', '/api/v1/networks/default', 'operator', network('default'))
  void Promise.resolve(put).then(() => (answered = true))
  await settle()
  assert.is(answered, false)
  assert.is((await call('GET', '/api/v1/networks/default', 'viewer')).status, 200, 'who reads waits for nothing')
  settled.resolve()
  assert.is((await put).status, 201)
})

test('a change that can’t be kept is no success, and a refusal of its own is told as it is', async () => {
  const { call, settled } = world()
  settled.reject(new HoldfastError('unreachable', 'the cluster has not taken it', { remedy: 'Look.' }))
  const failed = await errorOf(call('PUT', '/api/v1/networks/default', 'operator', network('default')))
  assert.equal([failed.status, failed.code, failed.remedy], [503, 'unreachable', 'Look.'])
  assert.is((await errorOf(call('PUT', '/api/v1/networks/default', 'viewer', network('default')))).status, 403)
  assert.is((await errorOf(call('PUT', '/api/v1/networks/other', 'operator', network('default')))).status, 400)
})

test('nothing is taken in by a hub that can’t say whether it leads; what it has it shows', async () => {
  const { call, hub, refuse, settled } = world()
  settled.resolve()
  refuse(new HoldfastError('unreachable', 'the API server is away', { remedy: 'Wait.' }))
  assert.is((await errorOf(call('POST', '/api/v1/tokens', 'operator', {}))).status, 503)
  assert.is((await errorOf(call('POST', '/api/v1/enrol', undefined, {}))).status, 503)
  assert.equal(hub.list('Network'), [])
  assert.is((await call('GET', '/api/v1/fleet', 'viewer')).status, 200)
})

test('status and metrics say who leads', async () => {
  const { call } = world()
  const told = (await (await call('GET', '/api/v1/status', 'viewer')).json()) as { replica: ReplicaStatus }
  assert.equal(told.replica, status)
  const lines = (await (await call('GET', '/metrics', 'viewer')).text()).split('\n')
  for (const line of [
    'holdfast_hub_leads{name="hub-a"} 1',
    'holdfast_hub_state_generation 12',
    'holdfast_hub_state_settled 0',
    'holdfast_hub_lease_transitions 3',
  ]) {
    assert.ok(lines.includes(line), line)
  }
  const alone = setup()
  assert.not.match(await (await alone.call('GET', '/metrics', 'viewer')).text(), /holdfast_hub_leads/)
})

test.run()
