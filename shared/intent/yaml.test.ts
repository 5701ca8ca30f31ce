// YAML in and out: the line of each mistake, and the round trip.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { describeError } from '../errors.ts'
import { faultOf, hostileText, refusesPolitely } from '../fuzz.fake.ts'
import { type AnyResource, apiVersion, parseResource } from './resource.ts'
import { formatYaml, parseConfig, parseDocuments } from './yaml.ts'

const stream = `# A comment
apiVersion: ${apiVersion}
kind: Network
metadata:
  name: default
spec:
  cidr: 10.7.0.0/16
---
apiVersion: ${apiVersion}
kind: Policy
metadata:
  name: web
  labels:
    example.org/team: shops
spec:
  subject:
    nodeSelector: {matchLabels: {role: web}}
  ingress:
    - ports:
        - protocol: TCP
          port: 80
        - port: 443
---
# nothing here
---
{"apiVersion": "${apiVersion}", "kind": "Node", "metadata": {"name": "shop-1"}, "spec": {}}
`

test('a stream of YAML and JSON, with comments and empty documents', () => {
  const found = parseDocuments(stream)
  assert.equal(
    found.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    ['Network/default', 'Policy/web', 'Node/shop-1'],
  )
  assert.equal(parseDocuments(''), [])
  assert.equal(parseDocuments('---\n---\n# only words\n'), [])
  assert.equal(parseDocuments(stream.replaceAll('\n', '\r\n')), found)
  assert.equal(parseDocuments(`\uFEFF${stream}`), found)
})

for (const [what, from, to, line, field, message] of [
  ['an unknown field', 'cidr: 10', 'colour: red\n  cidr: 10', 7, 'spec.colour', /not a known field/],
  ['an unknown field deep inside', '- port: 443', '- prot: 443', 22, 'spec.ingress[0].ports[1].prot', /not a known/],
  ['a wrong value deep inside', 'port: 80', 'port: 0', 21, 'spec.ingress[0].ports[0].port', /0/],
  [
    'a wrong value in a flow map',
    '{role: web}',
    '{role: "web "}',
    17,
    'spec.subject.nodeSelector.matchLabels.role',
    /label value/,
  ],
  [
    'a wrong value under a key with dots',
    'team: shops',
    'team: "a b"',
    14,
    'metadata.labels.example.org/team',
    /label value/,
  ],
  ['a missing field, at its parent', '  cidr: 10.7.0.0/16', '  mtu: 1420', 7, 'spec.cidr', /is missing/],
  ['a wrong type in JSON', '"spec": {}', '"spec": {"labels": []}', 26, 'spec.labels', /a list where an object/],
  ['a key given twice', '  name: web', '  name: web\n  name: shop', 13, undefined, /"name" is given twice/],
  [
    'an object given twice',
    '"kind": "Node", "metadata": {"name": "shop-1"}',
    '"kind": "Policy", "metadata": {"name": "web"}',
    26,
    'spec.subject',
    /is missing/,
  ],
  ['a tag', 'name: web', 'name: !secret web', 12, undefined, /Unresolved tag/],
  ['a tag of YAML 1.1', 'name: web', 'name: !!binary d2Vi', 12, undefined, /Unresolved tag/],
  [
    'a key every object has',
    'name: web',
    'name: web\n  __proto__: {polluted: yes}',
    13,
    'metadata.__proto__',
    /cannot be a key/,
  ],
  ['an alias of nothing', 'name: web', 'name: *web', 12, undefined, /refers to nothing above it/],
  ['bad indentation', '  name: web', ' \tname: web', 12, undefined, /not valid YAML/],
  ['a quote left open', 'name: web', 'name: "web', 12, undefined, /not valid YAML/],
  ['text instead of an object', '{"apiVersion"', 'hello {"apiVersion"', 26, undefined, /./],
] as const) {
  test(`the line of ${what}`, () => {
    const text = stream.replace(from, to)
    assert.is.not(text, stream)
    const fault = faultOf(() => parseDocuments(text))
    assert.is(fault.code, 'invalid')
    assert.match(fault.message, message)
    assert.is(fault.field, field)
    assert.is(fault.line, line)
  })
}

test('one name twice in a stream', () => {
  const node = formatYaml({ apiVersion, kind: 'Node', metadata: { name: 'a' }, spec: {} })
  const fault = faultOf(() => parseDocuments(`${node}---\n${node}`))
  assert.is(
    describeError(fault),
    'metadata.name: Node/a stands in this file twice (line 10). Keep one of them, or rename it.',
  )
})

test('plain words stay words: no YAML 1.1 surprises', () => {
  const schema = v.record(v.string(), v.unknown())
  const read = parseConfig(
    schema,
    'a: no\nb: on\nc: 1:30\nd: 012\ne: 2001-01-01\nf: ~\ng: 0x10\nh: <<\ni: 1_000\n"<<": x\n',
  )
  assert.equal(read, {
    a: 'no',
    b: 'on',
    c: '1:30',
    d: 12,
    e: '2001-01-01',
    f: null,
    g: 16,
    h: '<<',
    i: '1_000',
    '<<': 'x',
  })
  const fault = faultOf(() => parseConfig(schema, '%YAML 1.1\n---\na: no\n'))
  assert.match(fault.message, /YAML 1\.1 is not read/)
})

test('an alias is what it stands for', () => {
  const schema = v.record(v.string(), v.unknown())
  assert.equal(parseConfig(schema, 'a: &x {k: 1}\nb: *x\nc: [*x]\n'), { a: { k: 1 }, b: { k: 1 }, c: [{ k: 1 }] })
})

test('settings: typed, unknown keys with their line, one document', () => {
  const schema = v.strictObject({
    port: v.optional(v.number(), 1),
    log: v.optional(v.strictObject({ level: v.string() })),
  })
  assert.equal(parseConfig(schema, ''), { port: 1 })
  assert.equal(parseConfig(schema, '# words\n'), { port: 1 })
  assert.equal(parseConfig(schema, 'port: 7\nlog: {level: info}\n'), { port: 7, log: { level: 'info' } })
  const fault = faultOf(() => parseConfig(schema, 'port: 7\n\nlog:\n  level: info\n  levle: debug\n'))
  assert.is(describeError(fault), 'log.levle: is not a known field (line 5). Remove it, or look for a typing error.')
  assert.is(faultOf(() => parseConfig(schema, 'port: 1\n---\nport: 2\n')).code, 'invalid')
  assert.is(faultOf(() => parseConfig(schema, '- port\n')).code, 'invalid')
})

const word = fc.oneof(
  fc.constantFrom(
    '',
    'no',
    'null',
    '~',
    '1e3',
    '0x10',
    '- a',
    'a: b',
    '#',
    '"',
    "'",
    '|',
    '---',
    '\n',
    '&a',
    '*a',
    '!t',
  ),
  fc.string({ unit: 'grapheme' }),
)
const resource: fc.Arbitrary<AnyResource> = fc
  .record({
    name: fc.stringMatching(/^[a-z0-9]{1,9}$/),
    // Keys that the library drops or every object has are refused, and so never come out of a resource.
    annotations: fc.dictionary(
      word.filter((key) => !(key in Object.prototype) && key !== 'prototype'),
      word,
    ),
    labels: fc.dictionary(fc.constantFrom('a', 'example.org/b'), fc.constantFrom('', 'x', '1', 'no', '1.0'), {
      noNullPrototype: true,
    }),
    disabled: fc.boolean(),
  })
  .map(({ name, annotations, labels, disabled }) =>
    parseResource({
      apiVersion,
      kind: 'Node',
      metadata: { name, annotations: { ...annotations } },
      spec: { labels, disabled },
    }),
  )

test('what is printed reads back as the same resource', () => {
  fc.assert(
    fc.property(resource, (one) => assert.equal(parseDocuments(formatYaml(one)), [one])),
    { numRuns: 300 },
  )
  const all = parseDocuments(stream)
  assert.equal(parseDocuments(all.map(formatYaml).join('---\n')), all)
  assert.equal(parseDocuments(all.map((one) => JSON.stringify(one, undefined, 2)).join('\n---\n')), all)
})

test('damaged streams are refused politely', () => {
  refusesPolitely(hostileText(stream), parseDocuments, 400)
  refusesPolitely(
    fc.string({ unit: fc.constantFrom(...'{}[]:,-?&*!|>%@`"\'#\n ab01'.split('')), maxLength: 60 }),
    parseDocuments,
    2_000,
  )
})

test.run()
