// Replicas that want the same lease, on clocks of their own, with an API server that comes and goes.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { FakeCluster } from './cluster-store.fake.ts'
import { createElector, type Elector } from './elector.ts'
import { leaseTimes } from './lease.ts'

interface Replica extends Elector {
  readonly clock: FakeClock
  readonly told: string[]
  mayLead: boolean
}

function replica(cluster: FakeCluster, me: string): Replica {
  const clock = new FakeClock(1_700_000_000_000 + me.charCodeAt(0) * 86_400_000)
  const told: string[] = []
  const own = { mayLead: true, clock, told }
  const elector = createElector({
    me,
    times: leaseTimes(15),
    store: cluster.open(),
    clock,
    entropy: seededEntropy(me.charCodeAt(0)),
    log: memoryLog(),
    mayLead: () => own.mayLead,
    generation: () => 5,
    onSeen: () => undefined,
    onLead: () => void told.push('leads'),
    onLost: (reason) => void told.push(`lost: ${reason}`),
  })
  return Object.assign(own, elector)
}

async function pass(ms: number, ...replicas: readonly Replica[]): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    for (const { clock } of replicas) await clock.advanceAsync(Math.min(500, left))
  }
}

test('one of two leads, and goes on leading', async () => {
  const cluster = new FakeCluster()
  const [a, b] = [replica(cluster, 'a'), replica(cluster, 'b')]
  for (const one of [a, b]) one.start()
  await pass(120_000, a, b)
  assert.equal([a.told, b.told], [['leads'], []])
  assert.equal([a.standing(), b.standing()], ['leads', 'follows'])
  assert.is(cluster.lease?.transitions, 0)
  assert.is(cluster.lease?.generation, 5)
})

test('who stops in order is followed at once; who falls silent when its lease has run out', async () => {
  const cluster = new FakeCluster()
  const [a, b, c] = [replica(cluster, 'a'), replica(cluster, 'b'), replica(cluster, 'c')]
  a.start()
  await pass(500, a)
  b.start()
  await pass(500, b)
  await a.stop()
  assert.is(cluster.lease?.holder, '')
  await pass(1, b)
  assert.equal(b.told, ['leads'], 'woken by the change itself')
  c.start()
  // Nobody renews for b from now on.
  await pass(14_000, c)
  assert.equal(c.told, [])
  await pass(3_000, c)
  assert.equal(c.told, ['leads'])
  await pass(500, b)
  await pass(3_000, b)
  assert.is(b.told.length, 2)
  assert.match(b.told[1] ?? '', /^lost: another hub has taken the lease: c$/)
  assert.is(b.standing(), 'lost')
})

test('without the API server the holder is unsure after its deadline, and leads again when it is heard', async () => {
  const cluster = new FakeCluster()
  const a = replica(cluster, 'a')
  a.start()
  await pass(2_000, a)
  cluster.isAway = true
  await pass(9_000, a)
  assert.is(a.standing(), 'leads')
  await pass(3_000, a)
  assert.is(a.standing(), 'unsure')
  await pass(600_000, a)
  cluster.isAway = false
  await pass(2_500, a)
  assert.is(a.standing(), 'leads')
  assert.equal(a.told, ['leads'])
})

test('an API server that takes calls and answers none is one that is away', async () => {
  const cluster = new FakeCluster()
  const a = replica(cluster, 'a')
  a.start()
  await pass(2_000, a)
  cluster.isSilent = true
  await pass(13_000, a)
  assert.is(a.standing(), 'unsure')
  cluster.isSilent = false
  await pass(8_000, a)
  assert.is(a.standing(), 'leads')
})

test('who could not take over leaves the lease to others', async () => {
  const cluster = new FakeCluster()
  const [a, b] = [replica(cluster, 'a'), replica(cluster, 'b')]
  a.mayLead = false
  for (const one of [a, b]) one.start()
  await pass(5_000, a, b)
  assert.equal([a.told, b.told], [[], ['leads']])
  await b.stop()
  await pass(60_000, a)
  assert.equal(a.told, [])
  a.mayLead = true
  await pass(2_500, a)
  assert.equal(a.told, ['leads'])
})

test('a lease that was deleted under its holder ends it: who knows who led meanwhile', async () => {
  const cluster = new FakeCluster()
  const a = replica(cluster, 'a')
  a.start()
  await pass(500, a)
  cluster.lease = undefined
  await pass(3_000, a)
  assert.match(a.told[1] ?? '', /it is free, or gone/)
})

test.run()
