// ServiceImports beside a cluster that has none of the kind yet, refuses them, or has somebody else who writes them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../../shared/effects.fake.ts'
import { HoldfastError } from '../../../shared/errors.ts'
import { admin, createWorld, resource } from '../../hub-world.fake.ts'
import { FakeCluster } from '../cluster.fake.ts'
import { createController } from '../controller.ts'
import type { InputObject } from '../input.ts'
import { importLabel } from './plan.ts'

const SETTLE_MS = 20_000
const MINUTE_MS = 60_000
const shop = { kind: 'Namespace', namespace: '', name: 'shop' } as const
const web = { kind: 'ServiceImport', namespace: 'shop', name: 'web' } as const

const exported = (cluster: string, port = 80, service = 'web') =>
  resource('Service', `${cluster}-${service}`, {
    ports: [{ port }],
    export: { cluster, namespace: 'shop', service },
    backends: { matchLabels: { a: 'b' } },
  })

async function open(before: (cluster: FakeCluster) => void = () => undefined) {
  const world = createWorld()
  const { clock, hub } = world
  await world.start()
  const cluster = new FakeCluster()
  const lines: Parameters<typeof memoryLog>[0] = []
  before(cluster)
  const derive = { clusterName: 'kube', network: 'default' }
  const controller = createController({ hub, cluster, clock, derive, log: memoryLog(lines) })
  controller.start()
  const settle = (ms = SETTLE_MS) => clock.advanceAsync(ms)
  await settle()
  const held = (name = 'web'): InputObject | undefined => {
    const list = cluster.inputs().ServiceImport
    return Array.isArray(list) ? list.find((one: InputObject) => one.name === name) : undefined
  }
  return {
    cluster,
    hub,
    controller,
    settle,
    held,
    ports: () => (held()?.spec as { ports: readonly { port: number }[] } | undefined)?.ports.map(({ port }) => port),
    said: (words: string) => lines.filter(({ message }) => message.includes(words)),
    /** As people do: the cluster counts. */
    async drop(service: string) {
      await cluster.remove('Service', service)
      await settle()
    },
    async put(...services: readonly ReturnType<typeof exported>[]) {
      for (const one of services) hub.put(one, admin)
      await settle()
    },
  }
}

const served = (cluster: FakeCluster): void => cluster.apply(shop, {})

test('it comes with the first export, changes with the next, goes with the last, and at rest nothing is written', async () => {
  const one = await open(served)
  await one.put(exported('north'))
  const addresses = one.hub.get('Service', 'north-web')?.status['addresses'] as readonly string[]
  assert.is(addresses.length, 2)
  assert.equal(one.held()?.spec, {
    type: 'ClusterSetIP',
    sessionAffinity: 'None',
    ips: addresses.toSorted((a) => (a.includes(':') ? 1 : -1)),
    ports: [{ protocol: 'TCP', port: 80 }],
  })
  assert.equal(
    [one.held()?.labels, one.held()?.status],
    [{ [importLabel]: 'default' }, { clusters: [{ cluster: 'north' }] }],
  )
  const uid = one.held()?.uid
  await one.put(exported('south', 81))
  assert.equal([one.ports(), one.held()?.uid], [[80, 81], uid])
  assert.equal(one.held()?.status, { clusters: [{ cluster: 'north' }, { cluster: 'south' }] })
  const writes = one.cluster.importWrites
  await one.settle(10 * MINUTE_MS)
  assert.is(one.cluster.importWrites, writes)
  await one.drop('north-web')
  assert.equal([one.ports(), one.held()?.status], [[81], { clusters: [{ cluster: 'south' }] }])
  await one.drop('south-web')
  assert.is(one.held(), undefined)
  await one.controller.stop()
})

test('a cluster that does not know the kind hears nothing of it, until it does; a namespace that comes gets its own', async () => {
  const one = await open((cluster) => cluster.unserved.add('ServiceImport'))
  await one.put(exported('north'))
  assert.equal([one.cluster.importWrites, one.said('ServiceImport')], [0, []])
  one.cluster.unserved.clear()
  one.cluster.hear()
  await one.settle()
  assert.is(one.cluster.importWrites, 0)
  one.cluster.apply(shop, {})
  await one.settle()
  assert.equal(one.ports(), [80])
  await one.controller.stop()
})

test('one of somebody else stays as it is and is told of once; when it goes, ours is in its place', async () => {
  const one = await open((cluster) => {
    served(cluster)
    cluster.apply(web, { type: 'Headless', ports: [] })
  })
  await one.put(exported('north'))
  await one.settle(10 * MINUTE_MS)
  assert.equal(one.held()?.spec, { type: 'Headless', ports: [] })
  assert.equal([one.cluster.importWrites, one.said('of somebody else').length], [0, 1])
  one.cluster.delete(web)
  await one.settle()
  assert.equal([one.ports(), one.held()?.labels], [[80], { [importLabel]: 'default' }])
  one.cluster.apply({ ...web, name: 'other' }, {})
  await one.drop('north-web')
  assert.equal([one.held(), one.held('other')?.spec], [undefined, {}])
  await one.controller.stop()
})

test('a hand on it is set back, and one that never lets go is no race', async () => {
  const one = await open(served)
  await one.put(exported('north'))
  one.cluster.apply(web, { ...(one.held()?.spec as object), ips: [] })
  await one.settle()
  assert.is((one.held()?.spec as { ips: readonly string[] } | undefined)?.ips.length, 2)
  const put = one.cluster.putImport.bind(one.cluster)
  let updates = 0
  one.cluster.putImport = async (write) => {
    await put(write)
    if (write.verb !== 'update') return
    updates += 1
    one.cluster.apply(web, { type: 'Headless' })
  }
  one.cluster.apply(web, { type: 'Headless' })
  await one.settle(10 * MINUTE_MS)
  assert.ok(updates >= 10 && updates <= 61, `${updates} writes in ten minutes`)
  await one.controller.stop()
})

test('one that the cluster refuses is told once, tried seldom, and keeps no other waiting', async () => {
  const one = await open(served)
  const put = one.cluster.putImport.bind(one.cluster)
  let refusals = 0
  let isBarred = true
  one.cluster.putImport = (write) => {
    if (write.name !== 'web' || !isBarred) return put(write)
    refusals += 1
    return Promise.reject(new HoldfastError('forbidden', 'may not'))
  }
  await one.put(exported('north'), exported('north', 81, 'zone'))
  await one.settle(30 * MINUTE_MS)
  assert.ok(one.held('zone') !== undefined)
  assert.ok(refusals >= 3 && refusals <= 8, `${refusals} tries in half an hour`)
  assert.is(one.said('refuses a ServiceImport').length, 1)
  isBarred = false
  await one.settle(10 * MINUTE_MS)
  assert.equal(one.ports(), [80])
  await one.controller.stop()
})

test.run()
