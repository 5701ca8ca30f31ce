// Names of what follows from objects of a cluster: no two are the same, and each says where it comes from.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../../shared/ids.ts'
import { apiVersion, parseResource } from '../../../shared/intent/resource.ts'
import { asLost, derivedMetadata, derivedName, isDerived, isLost, sourceOf } from './derived.ts'

const long = 'a'.repeat(60)

test('a name that fits says all, and any other ends with a hash of all', () => {
  assert.is(derivedName('kube', 'np', ['shop', 'web'], false), 'kube--np--shop--web')
  assert.match(derivedName('kube', 'np', ['shop', 'web'], true), /^kube--np-x--shop-web--[a-z2-7]{10}$/)
  assert.match(derivedName('kube', 'np', ['shop', 'web.v1.2'], false), /^kube--np-x--shop-web-v1-2--[a-z2-7]{10}$/)
  assert.match(derivedName('kube', 'cnp', [`${long}.${long}`], false), /^kube--cnp-x--a{24}--[a-z2-7]{10}$/)
})

test('all of them are names, and no two of them are the same', () => {
  const parts = ['a', 'b', 'a--b', 'b--a', 'a-b', 'a.b', '-', 'np', 'x', long, `${long}b`]
  const paths = parts.flatMap((namespace) => parts.map((name) => [namespace, name]))
  const names = ['kube', 'a', 'np'].flatMap((cluster) => [
    ...paths.flatMap((path) => [derivedName(cluster, 'np', path, false), derivedName(cluster, 'np', path, true)]),
    ...parts.map((part) => derivedName(cluster, 'cnp', [part], false)),
  ])
  for (const name of names) assert.is(parseName(name), name)
  // What is hashed in either case is the same in both.
  const hashed = paths.filter(
    (path) => derivedName('kube', 'np', path, false) === derivedName('kube', 'np', path, true),
  )
  assert.is(new Set(names).size, names.length - 3 * hashed.length)
})

test('it is known by its cluster and its source, and by nothing that people write otherwise', () => {
  const options = { clusterName: 'kube', network: 'default' }
  const source = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web.v1' } as const
  const policy = (metadata: object) =>
    parseResource({ apiVersion, kind: 'Policy', metadata, spec: { subject: { nodeSelector: {} } } })
  const one = policy(derivedMetadata('p', options, source))
  assert.equal(sourceOf(one, 'kube'), source)
  assert.is(sourceOf(one, 'other'), undefined)
  assert.equal([isDerived(one), isLost(one), isLost(asLost(one))], [true, false, true])
  assert.equal(sourceOf(asLost(one), 'kube'), source)
  const guard = { kind: 'ClusterNetworkPolicy', namespace: '', name: 'guard' } as const
  assert.equal(sourceOf(policy(derivedMetadata('p', options, guard)), 'kube'), guard)
  for (const annotations of [undefined, {}, { 'holdfast.dev/source': 'networking.k8s.io/v1 NetworkPolicy shop/web' }]) {
    const own = policy({ name: 'p', ...(annotations === undefined ? {} : { annotations }) })
    assert.equal([isDerived(own), sourceOf(own, 'kube')], [false, undefined])
  }
})

test.run()
