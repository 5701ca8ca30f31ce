// `holdfast update` as a person calls it: what it says, and what it refuses before anything is touched. The lab plays it to
// its end.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { fakeAgent } from '../agent.fake.ts'
import { noUpdate } from '../update/case.ts'
import type { AgentUpdates } from '../update/update.ts'
import type { UpdateView } from '../update/view.ts'
import { withCli } from './cli-rig.fake.ts'
import { updateText } from './update-text.ts'

const last = { outcome: 'taken-back', version: '2.0.0', from: '1.0.0', at: 0 } as const
const failed = { check: 'hub', detail: 'the link to the hub is lost' } as const

function updates(view: UpdateView | undefined, busy?: string): AgentUpdates {
  return {
    home: '/opt/holdfast',
    runs: { slot: 'a', version: '1.0.0' },
    begin: () => Promise.reject(new HoldfastError('failed', 'it was begun')),
    busy: () => busy,
    kept: () => noUpdate,
    view: () => view,
    order: () => undefined,
    leave: () => assert.unreachable(),
  }
}

const agentWith = (said: AgentUpdates | undefined) => fakeAgent({ status: () => ({}) as never, updates: () => said })

test('how an update stands, as words', () => {
  for (const [view, expected] of [
    [{}, 'none yet'],
    [
      { trial: { version: '2.0.0', from: '1.0.0', since: 0, secondsLeft: 12 } },
      'to 2.0.0 is on trial: 12 s to go, else back to 1.0.0',
    ],
    [
      { trial: { version: '2.0.0', from: '1.0.0', since: 0, secondsLeft: 0 } },
      'to 2.0.0 is on trial: something that was lost is waited for, else back to 1.0.0',
    ],
    [{ last: { ...last, outcome: 'confirmed' } }, '2.0.0 has proven itself, in place of 1.0.0, 3m ago'],
    [{ last: { ...last, outcome: 'interrupted' } }, 'to 2.0.0 was interrupted before it began; 1.0.0 runs on, 3m ago'],
    [
      { last: { ...last, failed, certain: true } },
      'to 2.0.0 was taken back, 1.0.0 runs again; check hub: the link to the hub is lost, 3m ago',
    ],
    [
      { last: { ...last, failed, certain: false } },
      'to 2.0.0 was taken back, 1.0.0 runs again; check hub: the link to the hub is lost (whether the update was to blame is not proven), 3m ago',
    ],
  ] as const satisfies readonly (readonly [UpdateView, string])[]) {
    assert.is(updateText(view, 180_000), expected)
  }
})

test('--status says from which slot it runs, and what became of the last', async () => {
  await withCli(agentWith(updates({ last: { ...last, failed, certain: true } })), async (call) => {
    const { code, out } = await call('update', '--status')
    assert.is(code, 0)
    assert.match(out, 'runs      1.0.0, from slot a of /opt/holdfast\nupdate    to 2.0.0 was taken back')
    const json = JSON.parse((await call('update', '--status', '--json')).out)
    assert.equal([json.runs.version, json.update.last.failed.check], ['1.0.0', 'hub'])
  })
})

test('what is no order is refused', async () => {
  await withCli(agentWith(updates(undefined)), async (call) => {
    assert.match((await call('update')).notes, 'update needs FILE, or --status')
    const { code, notes } = await call('update', '/bin/true', '--sha256', '65feac')
    assert.is(code, 2)
    assert.match(notes, '--sha256 is not 64 hexadecimal digits')
  })
})

test('an agent that no starter started, and none at all, are told apart', async () => {
  await withCli(agentWith(undefined), async (call) => {
    assert.match((await call('update', '--status')).notes, 'not started in a way in which it could be updated')
  })
  await withCli(undefined, async (call) => {
    assert.match((await call('update', '--status')).notes, 'the agent is not running')
  })
})

test.run()
