// The cluster in memory does what a real one does.

import { test } from 'uvu'
import { HoldfastError } from '../../shared/errors.ts'
import { FakeCluster } from './cluster.fake.ts'
import { type ConformanceWorld, defineClusterConformance, defineStatusConformance } from './cluster-conformance.fake.ts'

const cluster = new FakeCluster()
const there = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web' } as const
cluster.apply(there, { podSelector: {} })
cluster.apply({ kind: 'Namespace', namespace: '', name: 'shop' }, {})

const world = (): ConformanceWorld => ({
  cluster,
  there,
  away: { ...there, name: 'away' },
  async heard(what, look) {
    const found = look()
    if (found === undefined) throw new HoldfastError('failed', `not heard: ${what}`)
    return found
  },
})
defineClusterConformance(test, world)
defineStatusConformance(test, world)

test.run()
