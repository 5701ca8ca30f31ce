// What every cluster must do for the hub, run against the one in memory and against a real API server.

import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import type { AnyResource } from '../../shared/intent/resource.ts'
import { resource } from '../hub-world.fake.ts'
import { type Cluster, type ClusterObject, finalizer } from './cluster.ts'
import { contentOf, keyOf, readObjects } from './cluster-intent.ts'
import { type ImportWrite, importLabel } from './imports/plan.ts'
import type { InputObject, InputRef } from './input.ts'

export interface ConformanceWorld {
  readonly cluster: Cluster
  /** A NetworkPolicy that is there from now on, in a namespace that is, and one that is not. */
  readonly there: InputRef
  readonly away: InputRef
  /** Resolves with what `look` finds, as soon as it was heard. */
  readonly heard: <T>(what: string, look: () => T | undefined) => Promise<T>
}

type Define = (name: string, run: () => Promise<void>) => void

const NAME = 'conformance'

function policy(priority: number, annotations: Readonly<Record<string, string>> = {}): AnyResource {
  const spec = { priority, subject: { nodeSelector: { matchLabels: { [`role-${priority}`]: 'x' } } } }
  return resource('Policy', NAME, spec, { annotations: { always: 'a', ...annotations } })
}

async function refusal(write: Promise<unknown>): Promise<string> {
  try {
    await write
    return 'taken'
  } catch (error) {
    return isHoldfastError(error) ? error.code : String(error)
  }
}

/** To be run in order: each goes on where the one before it ended. */
export function defineClusterConformance(define: Define, open: () => ConformanceWorld): void {
  const find = (): ClusterObject | undefined =>
    open()
      .cluster.objects()
      ?.find((one) => keyOf(one) === `Policy/${NAME}`)
  const seen = (what: string, holds: (object: ClusterObject) => boolean): Promise<ClusterObject> =>
    open().heard(what, () => {
      const object = find()
      return object !== undefined && holds(object) ? object : undefined
    })

  define('what is created is heard of, with the finalizer, and says what was written', async () => {
    const { cluster } = open()
    await cluster.create(policy(1, { once: 'b' }))
    const object = await seen('the object', () => true)
    assert.equal([object.finalizers, object.isLeaving], [[finalizer], false])
    assert.equal(readObjects([object]).resources.map(contentOf), [contentOf(policy(1, { once: 'b' }))])
    assert.is(await refusal(cluster.create(policy(2))), 'conflict')
  })

  define('an update makes it say that and nothing of before, and a status changes nothing of that', async () => {
    const { cluster } = open()
    const before = await seen('the object', () => true)
    await cluster.update(policy(7))
    const after = await seen('the update', ({ resourceVersion }) => resourceVersion !== before.resourceVersion)
    assert.equal(readObjects([after]).resources.map(contentOf), [contentOf(policy(7))])
    assert.ok(after.generation > before.generation)
    await cluster.putStatus(after, { observedGeneration: after.generation, programmed: '1/1', conditions: [] })
    const told = await seen('the status', ({ status }) => JSON.stringify(status ?? {}).includes('1/1'))
    assert.is(told.generation, after.generation)
    assert.is(await refusal(cluster.putFinalizers(before, [])), 'conflict')
  })

  define(
    'labels are set beside those of people, are no intent, and go by themselves when they are not named any more',
    async () => {
      const { cluster } = open()
      const first = await seen('the object', () => true)
      const labelsOf = ({ intent }: ClusterObject): object =>
        (intent as { readonly metadata: { readonly labels?: object } }).metadata.labels ?? {}
      await cluster.putLabels(first, { 'holdfast.dev/uplink': 'online', 'holdfast.dev/uplink-mbps': '5' })
      const second = await seen('two labels', (object) => Object.keys(labelsOf(object)).length === 2)
      assert.is(second.generation, first.generation)
      assert.equal(readObjects([second]).resources.map(contentOf), [contentOf(policy(7))])
      await cluster.putLabels(second, { 'holdfast.dev/uplink': 'offline' })
      const third = await seen('one label', (object) => Object.keys(labelsOf(object)).length === 1)
      assert.equal(labelsOf(third), { 'holdfast.dev/uplink': 'offline' })
      await cluster.putLabels(third, {})
      await seen('none', (object) => Object.keys(labelsOf(object)).length === 0)
    },
  )

  define('what is removed stays, leaving, until its finalizers are off', async () => {
    const { cluster } = open()
    assert.ok(await cluster.remove('Policy', NAME))
    const leaving = await seen('that it leaves', ({ isLeaving }) => isLeaving)
    await cluster.putFinalizers(leaving, [])
    await open().heard('that it is gone', () => (find() === undefined ? true : undefined))
    assert.not.ok(await cluster.remove('Policy', NAME))
    assert.is(await refusal(cluster.putFinalizers(leaving, [])), 'not-found')
  })

  define('other objects are heard of, and asked for past all that was heard', async () => {
    const { away, cluster, heard, there } = open()
    const named = await heard('the policy', () => {
      const list = cluster.inputs().NetworkPolicy
      return Array.isArray(list) ? list.find(({ name }) => name === there.name) : undefined
    })
    assert.equal([named.kind, named.namespace], [there.kind, there.namespace])
    assert.ok(named.uid !== '' && named.generation > 0)
    assert.equal([await cluster.isThere(there), await cluster.isThere(away)], [true, false])
    await cluster.tell(named, { reason: 'Tested', action: 'Test', note: 'it’s long '.repeat(400) })
  })

  define('a ServiceImport is made, changed and taken away, and none that is another by now', async () => {
    const { cluster, heard, there } = open()
    const { namespace } = there
    const findImport = (): InputObject | undefined => {
      const list = cluster.inputs().ServiceImport
      return Array.isArray(list) ? list.find(({ name }) => name === NAME) : undefined
    }
    const becomes = (what: string, holds: (one: InputObject) => boolean): Promise<InputObject> =>
      heard(what, () => {
        const one = findImport()
        return one !== undefined && holds(one) ? one : undefined
      })
    const spec = (port: number) =>
      ({
        type: 'ClusterSetIP',
        sessionAffinity: 'None',
        ips: ['100.80.0.7', 'fd00::7'],
        ports: [{ name: 'http', protocol: 'TCP', port }],
      }) as const
    await heard('the kind', () => (Array.isArray(cluster.inputs().ServiceImport) ? true : undefined))
    await heard('the namespace', () => {
      const list = cluster.inputs().Namespace
      return Array.isArray(list) ? list.find(({ name }) => name === namespace) : undefined
    })
    const fresh = { verb: 'create', namespace, name: NAME, network: 'default', spec: spec(80) } as const
    await cluster.putImport(fresh)
    assert.is(await refusal(cluster.putImport(fresh)), 'conflict')
    assert.is(await refusal(cluster.putImport({ ...fresh, namespace: 'nowhere' })), 'not-found')
    const made = await becomes('the import', () => true)
    assert.equal([made.labels[importLabel], made.spec], ['default', spec(80)])
    const { uid } = made
    await cluster.putImport({ ...fresh, verb: 'update', uid, spec: spec(81) })
    await cluster.putImport({ verb: 'status', namespace, name: NAME, uid, clusters: ['north', 'south'] })
    await cluster.putImport({ verb: 'status', namespace, name: NAME, uid, clusters: ['south'] })
    const told = JSON.stringify({ clusters: [{ cluster: 'south' }] })
    const changed = await becomes(
      'both',
      ({ spec: now, status }) => JSON.stringify(now).includes('81') && JSON.stringify(status) === told,
    )
    assert.equal([changed.uid, changed.spec], [uid, spec(81)])
    const of = { namespace, name: NAME, uid: '00000000-0000-4000-8000-000000000000' }
    const others: readonly ImportWrite[] = [
      { ...fresh, ...of, verb: 'update' },
      { ...of, verb: 'status', clusters: [] },
      { ...of, verb: 'delete' },
    ]
    for (const write of others) assert.is(await refusal(cluster.putImport(write)), 'conflict', write.verb)
    await cluster.putImport({ verb: 'delete', namespace, name: NAME, uid })
    await heard('that it is gone', () => (findImport() === undefined ? true : undefined))
    for (const write of others) assert.match(await refusal(cluster.putImport(write)), /^(?:conflict|not-found)$/)
    assert.is(findImport(), undefined)
  })
}

/** Of a cluster whose statuses the hub writes itself; to be run after the rest. */
export function defineStatusConformance(define: Define, open: () => ConformanceWorld): void {
  define('fields of a status are replaced over the version that was read, and none of what is gone', async () => {
    const { cluster, heard, there } = open()
    const { namespace } = there
    const becomes = (what: string, text: string): Promise<InputObject> =>
      heard(what, () => {
        const list = cluster.inputs().ServiceImport
        const one = Array.isArray(list) ? list.find(({ name }: InputObject) => name === NAME) : undefined
        return one !== undefined && JSON.stringify(one.status ?? {}) === text ? one : undefined
      })
    const spec = { type: 'ClusterSetIP', sessionAffinity: 'None', ips: [], ports: [] } as const
    await cluster.putImport({ verb: 'create', namespace, name: NAME, network: 'default', spec })
    const made = await becomes('the import', '{}')
    await cluster.putInputStatus(made, { clusters: [{ cluster: 'east' }] })
    const told = await becomes('its status', '{"clusters":[{"cluster":"east"}]}')
    assert.is(await refusal(cluster.putInputStatus(made, { clusters: [] })), 'conflict')
    await cluster.putImport({ verb: 'delete', namespace, name: NAME, uid: told.uid })
    await heard('that it is gone', () => {
      const list = cluster.inputs().ServiceImport
      return Array.isArray(list) && !list.some(({ name }: InputObject) => name === NAME) ? true : undefined
    })
    assert.is(await refusal(cluster.putInputStatus(told, { clusters: [] })), 'not-found')
  })
}
