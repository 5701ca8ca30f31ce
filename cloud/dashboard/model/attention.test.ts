// What needs somebody: the worst first, one entry for the same trouble, and never without a remedy.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../../shared/ids.ts'
import type { HubStatus } from '../../api/answers.ts'
import { attentionOf } from './attention.ts'
import { line, rosterOf } from './roster.fake.ts'

const MINUTE = 60_000
const now = 100 * MINUTE
const status: HubStatus = {
  version: '1',
  url: 'https://hub',
  uptimeS: 1,
  ready: true,
  networks: [],
  nodes: 0,
  online: 0,
  pending: [],
  unsigned: [],
  overrides: [],
  away: [],
}
const heardOf = { by: parseName('b'), at: now - MINUTE, path: 'lan' } as const

test('a fleet that is well needs nobody', () => {
  assert.equal(attentionOf(rosterOf(line('a'), line('b')), status, now), [])
})

test('the same condition on many nodes is one entry, since the first of them', () => {
  const roster = rosterOf(
    line('a', { health: [{ code: 'disk-full', since: 30, detail: 'here' }] }),
    line('b', { health: [{ code: 'disk-full', since: 20 }] }),
    line('c', { health: [{ code: 'no-wireguard', since: 50, detail: 'no module' }] }),
  )
  const [first, second, ...more] = attentionOf(roster, status, now)
  assert.equal(more, [])
  assert.equal([first?.key, first?.severity, first?.detail], ['health/no-wireguard', 'critical', 'no module'])
  assert.equal([second?.nodes, second?.since, second?.detail], [['a', 'b'], 20, undefined])
  assert.ok([first, second].every((one) => (one?.remedy ?? '') !== ''))
})

test('who goes on alone is a warning, who is out of reach is critical, and what they said before is old', () => {
  const away = { state: 'offline', since: now - 9 * MINUTE, health: [{ code: 'disk-full', since: 1 }] } as const
  const stale = { ...heardOf, at: now - 30 * MINUTE }
  const roster = rosterOf(line('a', { ...away, heardOf }), line('b', away), line('c', { ...away, heardOf: stale }))
  assert.equal(
    attentionOf(roster, status, now).map(({ key, nodes, severity }) => [key, severity, nodes]),
    [
      ['presence/unreachable', 'critical', ['b', 'c']],
      ['presence/autonomous', 'warning', ['a']],
    ],
  )
})

test('a hub that serves nobody, a revision that was taken back, and devices at the door', () => {
  const version = { epoch: 1, revision: 41 }
  const takenBack = [
    { name: parseName('a'), version, since: 5, check: 'hub', detail: 'the link is lost', certain: true },
  ]
  const network = { network: parseName('default'), takenBack } as unknown as HubStatus['networks'][number]
  const busy = { ...status, ready: false, reason: 'no broker', networks: [network], pending: ['d'], unsigned: ['e'] }
  const list = attentionOf(rosterOf(line('a')), busy, now)
  assert.equal(
    list.map(({ key, severity }) => `${severity} ${key}`),
    ['critical revision/default', 'critical hub', 'warning door/pending', 'warning door/unsigned'],
  )
  assert.match(list[0]?.title ?? '', 'Revision 41 was taken back by a')
  assert.is(list[1]?.detail, 'no broker')
})

test.run()
