// Whatever people of a cluster write into objects of the Gateway API: the hub goes on, nothing is opened that it does not
// understand, and as many as there may be are planned.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clusterGatewaysMax, clusterRoutesMax } from '../cluster-limits.ts'
import { edge, gateway, inputsOf, look, object, options, route, service, tcp, tls } from './gateway-world.fake.ts'
import { planGateways } from './plan.ts'
import { statusWrites } from './status.ts'

/** Every place in `value`, from the outermost. */
function placesIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, one]) => placesIn(one, [...path, key]))]
}

/** `value` with something else at that place. */
function bent(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined || typeof value !== 'object' || value === null) return to
  if (Array.isArray(value))
    return value.map((one, index) => (String(index) === key ? bent(one, rest, to) : (one as unknown)))
  return { ...value, [key]: bent((value as Readonly<Record<string, unknown>>)[key], rest, to) }
}

const whole = [
  edge,
  gateway('shop/edge', [tcp, tls, { name: 'udp', protocol: 'UDP', port: 53 }]),
  service('shop/db'),
  object('Namespace', 'shop', {}),
  object('ReferenceGrant', 'shop/let', {
    from: [{ group: 'gateway.networking.k8s.io', kind: 'TCPRoute', namespace: 'shop' }],
    to: [{ group: '', kind: 'Service' }],
  }),
  route('TCPRoute', 'shop/db'),
  route('TLSRoute', 'shop/web', { hostnames: ['a.example.com'] }),
  route('UDPRoute', 'shop/log'),
  route('HTTPRoute', 'shop/http'),
]

const anything = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom('', 'TLS', 'UDP', 'Terminate', '*.example.com', 'constructor', -1, 1.5, 65_536, [], {}, undefined),
)
const places = whole.flatMap((one, index) => placesIn(one.spec).map((path) => ({ index, path })))
const bends = fc.array(fc.record({ place: fc.constantFrom(...places), to: anything }), { minLength: 1, maxLength: 3 })
const statuses = fc.oneof(
  fc.jsonValue(),
  fc.record({ parents: fc.array(fc.jsonValue()), listeners: fc.jsonValue(), conditions: fc.array(fc.jsonValue()) }),
  fc.constant({ parents: [{ controllerName: 'holdfast.dev/gateway' }, { parentRef: 1.5 }], conditions: [null] }),
)

test('no object of people keeps the hub from its turn', () => {
  let [opened, closed] = [0, 0]
  fc.assert(
    fc.property(bends, fc.array(statuses, { minLength: whole.length, maxLength: whole.length }), (all, told) => {
      const specs = whole.map(({ spec }) => spec)
      for (const { place, to } of all) specs[place.index] = bent(specs[place.index], place.path, to)
      const objects = whole.map((one, index) => ({ ...one, spec: specs[index], status: told[index] }))
      const plan = planGateways(inputsOf(...objects), options)
      const count = plan.routes.filter(({ resources }) => resources.length > 0).length
      if (count < 2) closed += 1
      else opened += 1
      const writes = statusWrites(plan, () => undefined, 0)
      // What is once told in full is not told again.
      const after = objects.map((one) => {
        const status = writes.find(({ input }) => input.kind === one.kind && input.name === one.name)?.status
        const held: object = typeof one.status === 'object' && one.status !== null ? one.status : {}
        return status === undefined ? one : { ...one, status: Object.assign({}, held, status) }
      })
      assert.equal(
        statusWrites(planGateways(inputsOf(...after), options), () => undefined, 60_000),
        [],
      )
    }),
    { numRuns: 600 },
  )
  assert.ok(opened > 0 && closed > 0)
})

test('keys that objects inherit are no annotations, kinds or hostnames', () => {
  const own = JSON.parse('{"gatewayClassName":"edge","listeners":[],"__proto__":{"x":1}}') as object
  const seen = look(inputsOf(edge, object('Gateway', 'shop/edge', own), object('GatewayClass', 'constructor', {})))
  assert.is(seen.gateway('edge')[0], 'Accepted False Invalid')
})

test('as many as there may be are planned, and the rest is told', () => {
  const names = Array.from({ length: clusterRoutesMax + 1 }, (_, index) => `r${index}`)
  const routes = names.map((name) => route('TLSRoute', `shop/${name}`, { hostnames: [`${name}.example.com`] }))
  const seen = look(inputsOf(edge, gateway('shop/edge', [tls]), service('shop/db'), ...routes))
  assert.is(seen.specs.size, clusterRoutesMax)
  assert.is(seen.route('TLSRoute', names.at(-1) ?? '')[0], 'Accepted False UnsupportedValue')
  const gateways = Array.from({ length: clusterGatewaysMax + 1 }, (_, index) =>
    gateway(`shop/g${index}`, [{ ...tcp, port: 1_000 + index }]),
  )
  const many = look(inputsOf(edge, ...gateways))
  assert.is(many.gateway(`g${clusterGatewaysMax - 1}`)[0], 'Accepted True Accepted')
  assert.is(many.gateway(`g${clusterGatewaysMax}`)[0], 'Accepted False NoResources')
})

test('the order in which objects are heard makes no difference', () => {
  const same = { annotations: { 'holdfast.dev/created-at': '2026-01-01T00:00:00Z' } }
  const place = { 'holdfast.dev/gateway-nodes': 'role=gateway', ...same.annotations }
  const listeners = [tcp, tls]
  const all = [
    edge,
    service('shop/db'),
    ...['a', 'b'].map((name) => gateway(`shop/${name}`, listeners, { annotations: place })),
    ...['a', 'b', 'c', 'd'].flatMap((name) => {
      const [first, second] = [`${name}.example.com`, 'shared.example.com']
      const [own] = [route('TLSRoute', `shop/${name}`, { hostnames: [first, second], parentRefs: [{ name: 'a' }] })]
      const plain = route('TCPRoute', `shop/${name}`, { parentRefs: [{ name: 'a' }, { name: 'b' }] })
      return [own, plain].map((one) => ({ ...one, ...same }))
    }),
  ]
  const text = (objects: typeof all): string => JSON.stringify(planGateways(inputsOf(...objects), options).routes)
  const wanted = text(all)
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (objects) => assert.is(text(objects), wanted)),
    { numRuns: 20 },
  )
})

test.run()
