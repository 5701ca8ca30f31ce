// The condition Ready of an Exit: who goes out by whom, and who is blocked.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { wentOut } from './going-out.ts'

const TILL = { role: 'till' }
const EXIT = { role: 'exit' }
const exit = {
  apiVersion: 'holdfast.dev/v1alpha1',
  kind: 'Exit',
  metadata: { name: 'out' },
  spec: parseWith(specs.Exit, { nodes: { matchLabels: TILL }, via: { matchLabels: EXIT }, resolvers: ['9.9.9.9'] }),
} as unknown as Parameters<typeof wentOut>[0]

function member(name: string, labels: Readonly<Record<string, string>>, online = true) {
  return { name: parseName(name), labels, online }
}

function says(name: string, used: readonly string[], code?: string) {
  const blocks = ['0.0.0.0/0', '::/0', '192.168.1.0/24']
  const routes = used.map((one, i) => ({ block: blocks[i], used: one, failing: [] }))
  return { name, health: code === undefined ? [] : [{ code, since: 1 }], report: { routes } } as unknown as Parameters<
    typeof wentOut
  >[2][number]
}

const MEMBERS = [
  member('till-1', TILL),
  member('till-2', TILL),
  member('till-3', TILL),
  member('out-b', EXIT),
  member('out-a', EXIT),
  member('desk', {}),
]

test('who goes by whom: each device once, whatever families it has; others are not counted', () => {
  const fleet = [
    says('till-1', ['out-a', 'out-a']),
    says('till-2', ['out-b', 'out-a', 'gw']),
    says('desk', ['out-a']),
    says('till-3', []),
  ]
  assert.equal(wentOut(exit, MEMBERS, fleet), {
    type: 'Ready',
    status: 'True',
    reason: 'LeadersOnline',
    message: '2 of 2 that lead out are connected; devices go out: 2 by out-a, 1 by out-b',
  })
})

test('who is blocked, who goes by the own uplink, and who by itself, are named', () => {
  const open = wentOut(exit, MEMBERS, [says('till-1', ['out-a']), says('till-2', ['out-a'], 'exit-open')])
  assert.equal([open.status, open.reason], ['False', 'Open'])
  const fleet = [
    says('till-3', ['out-a'], 'exit-closed'),
    says('till-1', ['out-a'], 'exit-closed'),
    says('till-2', [], 'exit-not-taken'),
    says('desk', [], 'exit-closed'),
  ]
  const blocked = wentOut(exit, MEMBERS, fleet)
  assert.equal([blocked.status, blocked.reason], ['False', 'Blocked'])
  assert.match(blocked.message, 'nobody who leads out answers them: till-1, till-3; by themselves')
  assert.not.match(blocked.message, 'devices go out')
})

test('who leads out is away for the hub: that they lead out is not known, and that they do not neither', () => {
  const some = MEMBERS.map((one) => (one.name === 'out-b' ? { ...one, online: false } : one))
  assert.equal([wentOut(exit, some, []).status, wentOut(exit, some, []).reason], ['True', 'SomeOffline'])
  const dark = wentOut(
    exit,
    some.map((one) => ({ ...one, online: false })),
    [],
  )
  assert.equal([dark.status, dark.reason], ['Unknown', 'LeadersOffline'])
  assert.match(dark.message, 'offline: out-a, out-b')
  assert.is(wentOut(exit, [member('till-1', TILL)], []).reason, 'NobodyLeadsOut')
})

test.run()
