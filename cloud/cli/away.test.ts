// What the command line says of devices that are away.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../shared/ids.ts'
import type { Presented, ShownNode } from '../api/answers.ts'
import type { Away } from '../hub.ts'
import { awayTable, nodeTable } from './columns.ts'

const NOW = 1_800_000_000_000
const version = (revision: number) => ({ epoch: 1, revision })
const heardOf = { by: parseName('beta'), at: NOW - 40_000, path: 'relay' } as const
const [name, network] = [parseName('alpha'), parseName('default')]

test('the summary says since when, what it ran, and who reached it last', () => {
  const away: Away = { name, network, since: NOW - 7_200_000, lastSeen: NOW - 7_200_000, applied: version(12), heardOf }
  const silent: Away = { name: parseName('gamma'), network, since: NOW - 60_000 }
  assert.equal(awayTable([away, silent], () => version(15), NOW).rows, [
    ['alpha', '2027-01-15T06:00:00Z (2h)', '12 of 15', '2h ago', 'beta 40s ago (relay)'],
    ['gamma', '2027-01-15T07:59:00Z (60s)', '-', 'never', 'nobody'],
  ])
})

test('the list of nodes tells of who is away only', () => {
  const item = {
    metadata: { name: 'alpha' },
    spec: { network: 'default', labels: {} },
    status: { conditions: [] },
  } as unknown as Presented
  const cellOf = (row: object): unknown =>
    nodeTable([item], [{ name, network, since: 1, health: [], ...row } as unknown as ShownNode], NOW).rows[0]?.[4]
  assert.is(cellOf({ state: 'online', lastSeen: NOW }), '-')
  assert.is(cellOf({ state: 'offline', lastSeen: NOW - 60_000 }), '60s ago')
  assert.is(cellOf({ state: 'offline', lastSeen: NOW - 600_000, heardOf }), '10m ago, beta 40s ago')
  assert.is(cellOf({ state: 'offline', lastSeen: NOW - 5_000, heardOf }), '5s ago')
  assert.is(cellOf({ state: 'never-seen' }), 'never')
})

test.run()
