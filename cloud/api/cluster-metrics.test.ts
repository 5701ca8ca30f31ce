// Clusters as metrics.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatMetrics } from '../../shared/metrics-text.ts'
import { clusterMetrics } from './cluster-metrics.ts'

const north = { name: 'north', network: 'default', podBlocks: [], createdAt: 1, policies: 2, routes: 1, services: 0 }

test('a cluster that is there, and one that never was', () => {
  const lines = formatMetrics(
    clusterMetrics([
      { ...north, state: 'connected', lastContact: 5_000, objects: 7, imports: 3 },
      { ...north, name: 'south', state: 'never-seen', policies: 0, routes: 0 },
      { ...north, name: 'west', state: 'refused', problem: 'another cluster is known as west' },
    ]),
  ).split('\n')
  for (const line of [
    'holdfast_cluster_connected{cluster="north"} 1',
    'holdfast_cluster_connected{cluster="south"} 0',
    'holdfast_cluster_last_contact_timestamp_seconds{cluster="north"} 5',
    'holdfast_cluster_problem{cluster="west"} 1',
    'holdfast_cluster_objects{cluster="north"} 7',
    'holdfast_cluster_imports{cluster="north"} 3',
    'holdfast_cluster_records{cluster="north",kind="policy"} 2',
  ])
    assert.ok(lines.includes(line), line)
  assert.not.ok(lines.some((line) => /(?:contact|objects).*south/.test(line)))
})

test('a hub without clusters has no word of them', () => {
  assert.equal(clusterMetrics([]), [])
})

test.run()
