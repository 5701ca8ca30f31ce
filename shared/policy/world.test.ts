// Whose pods are believed, and what they are called.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../address/cidr.ts'
import { parseName } from '../ids.ts'
import { fakeRecords } from '../record/parsed.fake.ts'
import { type Endpoint, type Pod, worldOf } from './world.ts'

const records = fakeRecords({
  nodes: [
    { name: 'gate', advertise: ['10.42.0.0/24'] },
    { name: 'plain' },
    { name: 'zeta', advertise: ['10.42.0.0/16'] },
  ],
})

function pod(name: string, ...addresses: readonly string[]): Pod {
  return { namespace: parseName('shop'), name, labels: { app: name }, addresses: addresses.map(parseAddress) }
}

function podsOf(byNode: Readonly<Record<string, readonly Pod[]>>): readonly Endpoint[] {
  const world = worldOf(records, ({ name }) => {
    const pods = byNode[name]
    const namespaces = [{ name: parseName('shop'), labels: { team: 'sales', 'kubernetes.io/metadata.name': 'other' } }]
    return pods === undefined ? undefined : { pods: [...pods], namespaces }
  })
  return world.endpoints.filter(({ kind }) => kind === 'pod')
}

test('a pod is known by its namespace, whose name nobody can change', () => {
  const [web] = podsOf({ gate: [pod('web', '10.42.0.9')] })
  assert.ok(web)
  assert.is(web.name, 'shop/web')
  assert.is(web.node, 'gate')
  assert.equal(web.namespace, { team: 'sales', 'kubernetes.io/metadata.name': 'shop' })
})

test('a node speaks for the addresses behind it alone', () => {
  assert.equal(
    podsOf({ gate: [pod('far', '10.42.1.9'), pod('host', '10.77.0.1'), pod('half', '10.42.0.9', '10.43.0.9')] }),
    [],
  )
  assert.equal(podsOf({ plain: [pod('web', '10.42.0.9')] }), [])
})

test('one address is one pod', () => {
  const both = podsOf({ gate: [pod('web', '10.42.0.9')], zeta: [pod('liar', '10.42.0.9'), pod('own', '10.42.7.1')] })
  assert.equal(
    both.map(({ name, node }) => `${name} on ${node}`),
    ['shop/own on zeta', 'shop/web on gate'],
  )
})

test.run()
