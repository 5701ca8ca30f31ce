// Assertions of policy as people write them, and decisions in sentences.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../errors.ts'
import { parseConfig } from '../intent/yaml.ts'
import { type AssertionFile, assertionFile, checkAssertions, type Outcome, withPods } from './assertions.ts'
import { judge } from './oracle.ts'
import { explainFlow, explainLines, outcomeLines } from './reason-text.ts'
import { parseService, parseTarget } from './target.ts'
import { fakeWorld } from './world.fake.ts'
import type { World } from './world.ts'

const web = { subject: { node: 'a' }, ingress: [{ name: 'db', from: [{ node: 'b' }], ports: [{ port: 443 }] }] }

function parse(text: string): AssertionFile {
  return parseConfig(assertionFile, text)
}

function run(text: string, world: World = fakeWorld({ policies: { web } })): Outcome {
  const file = parse(text)
  return checkAssertions(file.assertions, withPods(world, file))
}

function faultOf(text: string): string {
  try {
    run(text)
  } catch (error) {
    if (isHoldfastError(error)) return `${error.line ?? ''} ${error.field ?? ''} ${error.message} ${error.remedy ?? ''}`
  }
  return assert.unreachable() as never
}

test('what holds, holds for every pair and both IP versions', () => {
  const { checked, failed } = run('assertions: [{from: b, mustReach: "a:443", mustNotReach: [c, "a:80", a/icmp]}]')
  assert.is(checked, 8)
  assert.equal(failed, [])
})

test('what does not hold says where and why', () => {
  const outcome = run('assertions: [{from: [b, "c"], mustReach: "a:443"}, {from: b, mustNotReach: "*"}]')
  assert.equal(outcomeLines({ ...outcome, failed: outcome.failed.filter(({ to }) => to.address.includes('.')) }), [
    'c (10.77.0.3) → a (10.77.0.1), TCP 443: must reach it, and does not',
    '  out of c: accepted: no policy decides about its egress, which is open then',
    '  into a: refused: none of the rules accepts it in web, which speaks of its ingress',
    'b (10.77.0.2) → a (10.77.0.1), TCP 443: must not reach it, and does',
    '  out of b: accepted: no policy decides about its egress, which is open then',
    '  into a: accepted by ingress[0] "db" of policy web, tier Standard',
  ])
})

test('nothing at all is nothing: one open port among all is found, wherever it is', () => {
  for (const open of [
    { port: 1 },
    { port: 65_535 },
    { port: 8_000, endPort: 8_999 },
    { protocol: 'SCTP', port: 7 },
    { protocol: 'ICMP' },
  ]) {
    const world = fakeWorld({ policies: { web: { ...web, ingress: [{ ports: [open] }] } } })
    assert.is(run('assertions: [{from: c, mustNotReach: a}]', world).failed.length, 2, JSON.stringify(open))
  }
  assert.equal(run('assertions: [{from: c, mustNotReach: a}]').failed, [])
})

test('pods stand in the file', () => {
  const text = `
namespaces: [{name: shop, labels: {team: sales}}]
pods:
  - {namespace: shop, name: web-0, labels: {app: web}, addresses: [10.42.0.1], ports: [{name: http, port: 8080}]}
  - {namespace: shop, name: web-1, labels: {app: web}, addresses: [10.42.0.2], ports: [{name: http, port: 8081}]}
  - {namespace: ops, name: probe, addresses: [10.42.1.1]}
assertions:
  - {from: shop/*, mustReach: ["shop/web-0:8080", "shop/web-1:8081"]}
  - {from: ops/probe, mustNotReach: [shop/*]}
`
  const teams = { namespaceSelector: { matchLabels: { team: 'sales' } } }
  const named = { subject: teams, ingress: [{ from: [teams], ports: [{ port: 'http' }] }] }
  assert.equal(run(text, fakeWorld({ network: { defaultPolicy: 'Allow' }, policies: { named } })).failed, [])
  const open = fakeWorld({ network: { defaultPolicy: 'Allow' } })
  assert.is(run(text, open).failed.length, 2)
})

test('an assertion of nobody, of nothing, or without a port to reach is a mistake', () => {
  assert.match(faultOf('assertions: [{from: shop-*, mustReach: "a:1"}]'), /"shop-\*" is no node and no pod/)
  assert.match(faultOf('assertions: [{from: b, mustReach: a}]'), /names no port to reach.*a:443/)
  assert.match(faultOf('assertions:\n  - {from: b}'), /^2 assertions\[0\] asserts nothing/)
  assert.match(faultOf('assertions:\n  - {from: b, mustReach: "a:1", may: x}'), /^2 assertions\[0\].may/)
  assert.match(faultOf('assertions: [{from: b, mustReach: ":443"}]'), /names nobody/)
})

for (const [text, expected] of [
  ['hub:443', { who: 'hub', service: { protocol: 'TCP', port: 443 } }],
  ['hub:53/udp', { who: 'hub', service: { protocol: 'UDP', port: 53 } }],
  ['hub/icmp', { who: 'hub', service: { protocol: 'ICMP', port: 0 } }],
  ['shop/web:80', { who: 'shop/web', service: { protocol: 'TCP', port: 80 } }],
  ['shop/web', { who: 'shop/web' }],
  ['10.7.0.9:502', { who: '10.7.0.9', service: { protocol: 'TCP', port: 502 } }],
  ['[fd00::9]:502', { who: 'fd00::9', service: { protocol: 'TCP', port: 502 } }],
  ['fd00::9', { who: 'fd00::9' }],
] as const) {
  test(`an end: ${text}`, () => assert.equal(parseTarget(text), expected))
}

test('a port, with its protocol in front or behind', () => {
  assert.equal(parseService('53/udp'), { protocol: 'UDP', port: 53 })
  assert.equal(parseService('UDP/53'), { protocol: 'UDP', port: 53 })
  for (const bad of ['0', '65536', '80/gre', 'http', '']) assert.throws(() => parseService(bad), /neither a port/)
})

function explain(world: World, from: string, to: string, port: string): string {
  const explained = explainFlow(world, { from, to, service: parseService(port) }, (subject, direction, other, flow) =>
    judge({ subject, direction, other, protocol: flow.protocol, port: flow.port }, world),
  )
  return explainLines(explained).join('\n')
}

test('an explanation names the policy, its tier and the rule, and what Audit would change', () => {
  const audited = { tier: 'Admin', action: 'Deny', mode: 'Audit', subject: { nodeSelector: {} }, ingress: [{}] }
  const world = fakeWorld({ policies: { web, audited } })
  assert.match(explain(world, 'b', '10.77.0.1', '443'), /^b \(10\.77\.0\.2\) → 10\.77\.0\.1, TCP 443: accepted\n/)
  assert.match(
    explain(world, 'b', 'a', '443'),
    /with policies in Audit mode: refused by ingress\[0\] of policy audited, tier Admin/,
  )
  assert.match(explain(world, '192.0.2.1', 'c', 'icmp'), /, ICMP: refused\n {2}into c: refused: no policy .* is Deny/)
  assert.match(explain(world, '192.0.2.1', '192.0.2.2', '1'), /neither end is of this mesh/)
  assert.match(explain(world, 'c', 'b', '51822/udp'), /accepted\n {2}the agents’ own port/)
  assert.throws(() => explain(world, 'a', 'a', '1'), /the same/)
})

test.run()
