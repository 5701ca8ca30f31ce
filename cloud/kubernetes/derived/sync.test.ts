// The hub beside a cluster whose store is lost, restored or replaced at a bad moment, or heard of in parts: nothing opens that
// nobody deleted, and nothing stays that somebody did.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../../shared/effects.fake.ts'
import type { Resource } from '../../../shared/intent/resource.ts'
import { recordBytesMax } from '../../../shared/limits.ts'
import { admin, createWorld, emptyPolicy, resource } from '../../hub-world.fake.ts'
import { FakeCluster } from '../cluster.fake.ts'
import { createController } from '../controller.ts'
import type { InputRef } from '../input.ts'

const web = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web' } as const
const guard = { kind: 'ClusterNetworkPolicy', namespace: '', name: 'guard' } as const
const WEB = 'Policy/kube--np--shop--web'
const GUARD = 'Policy/kube--cnp--guard'
const guardSpec = { tier: 'Admin', priority: 1, subject: { namespaces: {} }, ingress: [] }
const SETTLE_MS = 20_000

async function open(cluster = new FakeCluster()) {
  const world = createWorld()
  const { clock, hub } = world
  await world.start()
  const derive = { clusterName: 'kube', network: 'default' }
  const make = () => createController({ hub, cluster, clock, derive, log: memoryLog() })
  let controller = make()
  controller.start()
  const settle = () => clock.advanceAsync(SETTLE_MS)
  await settle()
  return {
    cluster,
    hub,
    settle,
    names: () => hub.list('Policy').map(({ resource: one }) => `Policy/${one.metadata.name}`),
    spec: (key: string) =>
      hub.get('Policy', key.slice('Policy/'.length))?.resource.spec as Resource<'Policy'>['spec'] | undefined,
    isLost: (key: string) =>
      hub.get('Policy', key.slice('Policy/'.length))?.resource.metadata.annotations?.['holdfast.dev/source-lost'] ===
      'true',
    async apply(ref: InputRef, spec: unknown, annotations = {}) {
      cluster.apply(ref, spec, annotations)
      await settle()
    },
    halt: () => controller.stop(),
    async start() {
      controller = make()
      controller.start()
      await settle()
    },
  }
}

test('a deletion is carried out, whether it is heard or found out later', async () => {
  const one = await open()
  await one.apply(web, {})
  await one.apply(guard, guardSpec)
  assert.equal(one.names().sort(), [GUARD, WEB])
  one.cluster.delete(web)
  await one.settle()
  assert.equal(one.names(), [GUARD])
  await one.halt()
  one.cluster.delete(guard)
  await one.start()
  assert.equal([one.names(), one.cluster.object(GUARD)], [[], undefined])
})

test('a store that is restored from before takes nothing away, however the news of it come', async () => {
  for (const isHeardAtOnce of [true, false]) {
    const one = await open()
    const before = one.cluster.backup()
    await one.apply(web, {})
    if (isHeardAtOnce) one.cluster.restore(before)
    else {
      // The mirror is still heard of, and the source is not: only who asks the API server finds both gone.
      one.cluster.delete(web)
      one.cluster.freeze()
      one.cluster.restore(before)
    }
    await one.settle()
    one.cluster.hear()
    await one.settle()
    assert.equal(one.names(), [WEB])
    assert.ok(one.isLost(WEB) && one.cluster.object(WEB) !== undefined, String(isHeardAtOnce))
    await one.apply(web, { podSelector: {}, policyTypes: ['Egress'] })
    assert.equal(one.spec(WEB)?.policyTypes, ['Egress'])
    assert.not.ok(one.isLost(WEB))
    one.cluster.delete(web)
    await one.settle()
    assert.equal(one.names(), [])
  }
})

test('what was lost goes when somebody deletes its mirror', async () => {
  const one = await open()
  const before = one.cluster.backup()
  await one.apply(web, {})
  one.cluster.restore(before)
  await one.settle()
  assert.ok(await one.cluster.remove('Policy', WEB.slice('Policy/'.length)))
  await one.settle()
  assert.equal([one.names(), one.cluster.object(WEB)], [[], undefined])
})

test('while a kind is not heard, nothing that follows from it is touched, though its mirror is deleted', async () => {
  const one = await open()
  await one.apply(web, {})
  await one.halt()
  one.cluster.unheard.add('NetworkPolicy')
  await one.cluster.remove('Policy', WEB.slice('Policy/'.length))
  await one.start()
  assert.equal(one.names(), [WEB])
  assert.ok(one.cluster.object(WEB)?.isLeaving)
  one.cluster.unheard.clear()
  one.cluster.hear()
  await one.settle()
  assert.equal([one.names(), one.cluster.object(WEB)?.isLeaving], [[WEB], false])
})

test('a kind whose definition is lost is no deletion; its objects count again when they are back', async () => {
  const one = await open()
  await one.apply(guard, guardSpec)
  one.cluster.unserved.add('ClusterNetworkPolicy')
  one.cluster.delete(guard)
  await one.settle()
  assert.ok(one.isLost(GUARD))
  one.cluster.unserved.clear()
  one.cluster.hear()
  await one.settle()
  assert.ok(one.isLost(GUARD))
  await one.apply(guard, guardSpec)
  assert.not.ok(one.isLost(GUARD))
})

test('the name of a policy that people made first is theirs; when they give it up, the other moves there and leaves none behind', async () => {
  const one = await open()
  one.hub.put(resource('Policy', WEB.slice('Policy/'.length), emptyPolicy), admin)
  await one.settle()
  await one.apply(web, {})
  assert.equal(one.names().length, 2)
  await one.cluster.remove('Policy', WEB.slice('Policy/'.length))
  await one.halt()
  await one.start()
  await one.settle()
  assert.equal(one.names(), [WEB])
  assert.ok(one.spec(WEB)?.subject.podSelector !== undefined)
})

test('what is too large for the hub is closed, and told', async () => {
  const one = await open()
  const blocks = Array.from({ length: 999 }, (_, i) => ({ ipBlock: { cidr: `10.${i >> 8}.${i & 255}.0/24` } }))
  const rule = { from: blocks, ports: Array.from({ length: 200 }, (_, i) => ({ port: i + 1 })) }
  const count = Math.ceil(recordBytesMax / JSON.stringify(rule).length) + 1
  await one.apply(web, { podSelector: {}, ingress: Array.from({ length: count }, () => rule) })
  assert.equal(one.spec(WEB)?.ingress, [])
  assert.match(
    one.cluster.events.map(({ at, note }) => `${at}: ${note}`).join('\n'),
    /^NetworkPolicy shop\/web: .*at most.*Split it/,
  )
  await one.apply(web, { podSelector: {}, ingress: [{}] })
  assert.is(one.spec(WEB)?.ingress?.length, 1)
})

test('an object that goes to another network leaves the one before', async () => {
  const one = await open()
  one.hub.put(resource('Network', 'second', { cidr: '10.91.0.0/16' }), admin)
  await one.apply(web, {})
  await one.apply(web, {}, { 'holdfast.dev/network': 'second' })
  assert.is(one.spec(WEB)?.network, 'second')
  await one.apply(web, {}, { 'holdfast.dev/network': 'nowhere' })
  assert.is(one.spec(WEB)?.network, 'second')
  assert.match(one.cluster.events.at(-1)?.note ?? '', /Nothing of it was taken/)
})

test('at rest nothing is written', async () => {
  const one = await open()
  await one.apply(web, {})
  await one.apply(guard, { ...guardSpec, mood: 1 })
  const seen = (): unknown => [one.cluster.object(WEB), one.cluster.object(GUARD), one.cluster.events.length]
  const before = seen()
  await one.settle()
  await one.settle()
  assert.equal(seen(), before)
})

test.run()
