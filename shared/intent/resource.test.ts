// Every kind of intent: what is accepted, what is filled in, and for each mistake the field that is named.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeError } from '../errors.ts'
import { faultOf } from '../fuzz.fake.ts'
import { apiVersion, kinds, parseResource, plural, specs } from './resource.ts'
import { least, resource, wrong } from './resource-cases.fake.ts'
import { durationS } from './token.ts'

for (const kind of kinds) {
  test(`the least ${kind} is filled with defaults, and reading it again changes nothing`, () => {
    const once = parseResource(resource(kind, least[kind]))
    assert.is(once.kind, kind)
    assert.equal(parseResource(once), once)
    assert.equal(parseResource(structuredClone({ ...once, status: { any: 'thing' } })), once)
  })
  test(`${kind} refuses what it does not know`, () => {
    assert.match(
      describeError(faultOf(() => parseResource(resource(kind, { ...least[kind], colour: 1 })))),
      /^spec\.colour: is not a known field/,
    )
  })
}

test('the tables of kinds agree', () => {
  assert.equal(Object.keys(specs).sort(), [...kinds].sort())
  assert.equal(Object.keys(plural).sort(), [...kinds].sort())
})

test('defaults are those of the design', () => {
  const network = parseResource(resource('Network', least.Network))
  assert.equal(network.spec, {
    cidr: '10.7.0.0/16',
    dnsDomain: 'mesh.internal',
    mtu: 1_420,
    defaultPolicy: 'Deny',
    keepalive: 25,
    failover: 'normal',
    relayPolicy: [],
  })
  const token = parseResource(resource('JoinToken', {}))
  assert.equal(token.spec, { network: 'default', ttl: '1h', uses: 1, labels: {}, autoApprove: true })
  assert.equal([durationS('90s'), durationS('15m'), durationS('24h'), durationS('7d')], [90, 900, 86_400, 604_800])
})

for (const [kind, spec, field, message] of wrong) {
  test(`${kind} ${JSON.stringify(spec).slice(0, 90)}`, () => {
    const fault = faultOf(() => parseResource(resource(kind, spec)))
    assert.is(fault.code, 'invalid')
    assert.is(fault.field, field)
    if (message !== undefined) assert.match(fault.message, message)
  })
}

for (const [what, input, field] of [
  ['no object', 7, undefined],
  ['null', null, undefined],
  ['a list', [], 'apiVersion'],
  ['another version', { ...(resource('Node', {}) as object), apiVersion: 'v1' }, 'apiVersion'],
  ['another kind', { ...(resource('Node', {}) as object), kind: 'Pod' }, 'kind'],
  ['a kind that every object has', { ...(resource('Node', {}) as object), kind: 'constructor' }, 'kind'],
  ['no name', { apiVersion, kind: 'Node', metadata: {}, spec: {} }, 'metadata.name'],
  ['a name that is a path', resource('Node', {}, { name: '../x' }), 'metadata.name'],
  ['an unknown part', { ...(resource('Node', {}) as object), data: 1 }, 'data'],
  ['a member named __proto__', JSON.parse('{"metadata":{"__proto__":{"name":"x"}}}'), 'metadata.__proto__'],
] as const) {
  test(`refused: ${what}`, () => assert.is(faultOf(() => parseResource(input)).field, field))
}

test('a message never repeats a megabyte of input', () => {
  const fault = faultOf(() =>
    parseResource(resource('Network', { cidr: '10.7.0.0/16', failover: 'x'.repeat(1 << 20) })),
  )
  assert.ok(describeError(fault).length < 600)
})

test('nesting beyond any of ours is refused, not followed', () => {
  let deep: unknown = {}
  for (let i = 0; i < 100_000; i++) deep = [deep]
  assert.is(faultOf(() => parseResource(resource('Node', deep))).code, 'too-large')
})

test.run()
