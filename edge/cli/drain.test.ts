// `holdfast drain` as a person calls it, and as the unit does that runs while the host goes down.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fakeAgent } from '../agent.fake.ts'
import type { AgentStatus } from '../agent.ts'
import { withCli } from './cli-rig.fake.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

function rig() {
  const said: string[] = []
  const status = { node: 'gw', peers: [], health: [] } as unknown as AgentStatus
  const note = (what: string, drains: boolean) => {
    said.push(what)
    return { drains }
  }
  const drain = {
    isOn: () => false,
    set: (on: boolean) => note(on ? 'drain' : 'end', on),
    go: () => note('go', true),
  }
  return { said, agent: fakeAgent({ status: () => status, drain }) }
}

test('until people take it back, or until the agent is started again: the latter is not kept', async () => {
  const { agent, said } = rig()
  await withCli(agent, async (call) => {
    assert.match((await call('drain')).out, /^this device leaves its services and routes: .*\n→ `holdfast drain --end`/)
    assert.match((await call('drain', '--until-start')).out, 'until its agent is started again')
    assert.equal(JSON.parse((await call('drain', '--until-start', '--json')).out), { drains: true })
    assert.is((await call('drain', '--end')).out, 'this device serves again\n')
  })
  assert.equal(said, ['drain', 'go', 'go', 'end'])
})

test('a host that goes down without an agent is not held up; who drains by hand is told', () =>
  withCli(undefined, async (call) => {
    const going = await call('drain', '--until-start')
    assert.equal([going.code, going.out], [0, 'no agent runs: there is nothing to leave\n'])
    assert.equal(JSON.parse((await call('drain', '--until-start', '--json')).out), { drains: false })
    assert.is((await call('drain')).code, 1)
  }))

test('two ends at once are none', async () => {
  const { agent, said } = rig()
  await withCli(agent, async (call) => {
    assert.is((await call('drain', '--end', '--until-start')).code, 2)
  })
  assert.equal(said, [])
})

test.run()
