// The store in memory that other tests use does what a real API server does.

import { test } from 'uvu'
import { defineClusterStore } from './cluster-store.conformance.fake.ts'
import { FakeCluster } from './cluster-store.fake.ts'

const cluster = new FakeCluster()
defineClusterStore(test, () => cluster.open())
test.run()
