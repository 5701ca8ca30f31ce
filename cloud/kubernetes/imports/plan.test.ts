// Which ServiceImports are wanted, and what is written for them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName } from '../../../shared/ids.ts'
import type { Resource } from '../../../shared/intent/resource.ts'
import { resource } from '../../hub-world.fake.ts'
import type { InputObject, Inputs } from '../input.ts'
import { type AddressedService, type ImportWrite, importLabel, planImports, wantedImports } from './plan.ts'

interface Port {
  readonly name?: string
  readonly port: number
  readonly protocol?: string
}

const addresses = ['fd00::7', '100.80.0.7']
const MAX = 100

function service(cluster: string, path = 'shop/web', ports: readonly Port[] = [{ port: 80 }], of = addresses) {
  const [namespace = '', name = ''] = path.split('/')
  const spec = {
    ports: ports.map((one) => ({ ...one, targetPort: 30_080 })),
    export: { cluster, namespace, service: name },
    backends: { matchLabels: { a: 'b' } },
  }
  const made = resource('Service', `${cluster}--svc--${namespace}--${name}`, spec)
  return { resource: made as unknown as Resource<'Service'>, addresses: of } satisfies AddressedService
}

const wanted = (...services: readonly AddressedService[]) => wantedImports(services, 'default')

function object(kind: InputObject['kind'], name: string, more: Partial<InputObject> = {}): InputObject {
  const about = { kind, name, namespace: kind === 'Namespace' ? '' : 'shop', uid: `uid-${name}` }
  return { ...about, resourceVersion: '1', generation: 1, annotations: {}, labels: {}, spec: {}, ...more }
}

const shop = object('Namespace', 'shop')
const spec = {
  type: 'ClusterSetIP',
  sessionAffinity: 'None',
  ips: ['100.80.0.7', 'fd00::7'],
  ports: [{ protocol: 'TCP', port: 80 }],
}
const ours = { labels: { [importLabel]: 'default' }, spec, status: { clusters: [{ cluster: 'north' }] } }

function planned(inputs: Inputs, ...services: readonly AddressedService[]) {
  return planImports(wanted(...services), inputs, MAX)
}

const shown = (writes: readonly ImportWrite[]): readonly string[] =>
  writes.map(({ name, namespace, verb }) => `${verb} ${namespace}/${name}`)

test('one without an address is imported as such, and affinity with its time', () => {
  const headless = service('north', 'shop/web', [{ name: 'http', port: 80 }], [])
  const pods = { namespace: parseName('shop'), podSelector: { matchLabels: {}, matchExpressions: [] } }
  const having = (one: AddressedService, more: object): AddressedService => {
    return { ...one, resource: { ...one.resource, spec: { ...one.resource.spec, ...more } } }
  }
  assert.equal(wanted(headless), [], 'not addressed yet')
  const [none] = wanted(having(headless, { headless: true, pods }))
  assert.equal([none?.spec.type, none?.spec.ips, none?.spec.sessionAffinity], ['Headless', [], 'None'])
  const affine = having(service('south'), { clientAffinityS: 60 })
  const [one] = wanted(affine)
  const config = { clientIP: { timeoutSeconds: 60 } }
  assert.equal([one?.spec.sessionAffinity, one?.spec.sessionAffinityConfig], ['ClientIP', config])
  const there = { ...ours, spec: { ...spec, sessionAffinity: 'ClientIP', sessionAffinityConfig: config } }
  const held = object('ServiceImport', 'web', { ...there, status: { clusters: [{ cluster: 'south' }] } })
  assert.equal(planned({ Namespace: [shop], ServiceImport: [held] }, affine).writes, [])
  assert.equal(shown(planned({ Namespace: [shop], ServiceImport: [held] }, service('south')).writes), [
    'update shop/web',
  ])
})

test('a service that several clusters export is one import, with its addresses, all ports and all clusters', () => {
  const north = service('north', 'shop/web', [{ name: 'http', port: 80 }])
  const south = service('south', 'shop/web', [
    { name: 'web', port: 80 },
    { name: 'http', port: 8080 },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ])
  const all = wanted(south, north)
  assert.equal(all, wanted(north, south))
  assert.equal(all, [
    {
      namespace: 'shop',
      name: 'web',
      network: 'default',
      spec: {
        ...spec,
        ports: [
          { name: 'dns', protocol: 'UDP', port: 53 },
          { name: 'http', protocol: 'TCP', port: 80 },
          { protocol: 'TCP', port: 8080 },
        ],
      },
      clusters: ['north', 'south'],
    },
  ])
})

test('what nobody exports, what another network does, and what has no address yet is no import', () => {
  const bare = resource('Service', 'shop', { ports: [{ port: 80 }], backends: { matchLabels: { a: 'b' } } })
  const own = { resource: bare as unknown as Resource<'Service'>, addresses }
  assert.equal(wanted(own, service('north', 'shop/late', [{ port: 80 }], [])), [])
  assert.equal(wantedImports([service('north')], 'second'), [])
})

test('one is made where its namespace is, and is left when it says so', () => {
  const inputs = { Namespace: [shop], ServiceImport: [] }
  const { writes } = planned(inputs, service('north'), service('north', 'elsewhere/web'))
  assert.equal(writes, [{ verb: 'create', namespace: 'shop', name: 'web', network: 'default', spec }])
  const there = { Namespace: [shop], ServiceImport: [object('ServiceImport', 'web', ours)] }
  assert.equal(planned(there, service('north')), { writes: [], foreign: [], left: 0 })
})

test('what API servers and others add to it is no difference, and what they change is', () => {
  const held = (more: object, status: object = ours.status): Inputs => ({
    Namespace: [shop],
    ServiceImport: [object('ServiceImport', 'web', { ...ours, spec: { ...spec, ...more }, status })],
  })
  const writes = (inputs: Inputs) => shown(planned(inputs, service('north')).writes)
  const port = { protocol: 'TCP', port: 80, appProtocol: 'http' }
  assert.equal(writes(held({ ipFamilies: ['IPv4'], ports: [port] }, { ...ours.status, conditions: [] })), [])
  for (const more of [{ ips: ['10.0.0.1'] }, { ports: [] }, { ports: 'x' }, { type: 'Headless' }, { ips: undefined }])
    assert.equal(writes(held(more)), ['update shop/web'], JSON.stringify(more))
  assert.equal(writes(held({}, { clusters: [{ cluster: 'west' }] })), ['status shop/web'])
  assert.equal(writes(held({}, { clusters: 7 })), ['status shop/web'])
})

test('of a version with room for one address the first is told', () => {
  const held = object('ServiceImport', 'web', { ...ours, spec: { ...spec, ips: ['100.80.0.7'] } })
  const inputs = (version?: string): Inputs => ({
    Namespace: [shop],
    ServiceImport: [version === undefined ? held : { ...held, version }],
  })
  assert.equal(planned(inputs('v1alpha1'), service('north')).writes, [])
  assert.equal(shown(planned(inputs(), service('north')).writes), ['update shop/web'])
})

test('one of somebody else is left alone, wanted or not', () => {
  const theirs = object('ServiceImport', 'web', { spec: { type: 'Headless' } })
  const inputs = { Namespace: [shop], ServiceImport: [theirs] }
  assert.equal(planned(inputs, service('north')), { writes: [], foreign: [theirs], left: 0 })
  assert.equal(planned(inputs), { writes: [], foreign: [], left: 0 })
})

test('it goes when nobody exports it any more, and by itself with its namespace', () => {
  const held = [object('ServiceImport', 'web', ours)]
  const inputs = { Namespace: [shop], ServiceImport: held }
  assert.equal(planned(inputs).writes, [{ verb: 'delete', namespace: 'shop', name: 'web', uid: 'uid-web' }])
  assert.equal(planned({ Namespace: [], ServiceImport: held }, service('north')).writes, [])
})

test('nothing is written where the kind is not known, or not everything was heard', () => {
  const one = service('north')
  for (const inputs of [
    {},
    { Namespace: [shop] },
    { ServiceImport: [object('ServiceImport', 'gone', ours)] },
    { Namespace: [shop], ServiceImport: 'unserved' as const },
    { Namespace: 'unserved' as const, ServiceImport: [object('ServiceImport', 'gone', ours)] },
  ])
    assert.equal(planned(inputs, one), { writes: [], foreign: [], left: 0 })
})

test('a cluster is given so many, and none of those that it has goes for that', () => {
  const services = ['a', 'b', 'c'].map((name) => service('north', `shop/${name}`))
  const inputs = { Namespace: [shop], ServiceImport: [object('ServiceImport', 'c', ours)] }
  const { left, writes } = planImports(wanted(...services), inputs, 2)
  assert.equal([shown(writes), left], [['create shop/a', 'create shop/b'], 1])
})

test.run()
