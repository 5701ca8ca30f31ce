// The suggestion as people read it: evidence above each rule, and nothing that others wrote gets out of its comment.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../address/cidr.ts'
import { parseDocuments } from '../intent/yaml.ts'
import { about, addresses, type Draft, dealing, self, today } from './suggest.fake.ts'
import { suggest } from './suggest.ts'
import { suggestionYaml } from './suggest-yaml.ts'

const first: Draft = {
  other: addresses[0] as Address,
  direction: 'ingress',
  protocol: 6,
  port: 502,
  answered: 2,
  verdict: 'accept',
}

test('who used the same ports is one rule; evidence stands above it; what was not learned is said', () => {
  const dealings = [
    dealing(first),
    dealing({ ...first, other: parseAddress('10.7.0.4') }),
    dealing({ ...first, other: parseAddress('192.0.2.9'), port: 80 }),
    dealing({ ...first, other: parseAddress('10.7.0.6'), answered: 0, port: 22 }),
  ]
  assert.is(
    suggestionYaml(suggest({ dealings, self, today }), about),
    `# Learned by plc from its own flows that were accepted and answered, 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
# Read it before you apply it: what did not happen in that time is not allowed.
# Nothing was learned of whom it calls: egress is left as it is.
# Not learned from 3 accepted flows: nobody answered, nothing was said, or it looked like a scan (plain → plc TCP 22)

apiVersion: holdfast.dev/v1alpha1
kind: Policy
metadata:
  name: least
spec:
  network: default
  subject:
    node: plc
  policyTypes:
    - Ingress
  ingress:
    # 2 flows, first 1970-01-01T00:00:01Z, last 1970-01-01T00:00:02Z, from 192.0.2.9
    - from:
        - ipBlock:
            cidr: 192.0.2.9/32
            except: []
      ports:
        - protocol: TCP
          port: 80
    # 4 flows, first 1970-01-01T00:00:01Z, last 1970-01-01T00:00:02Z, from hmi-1, hmi-3
    - from:
        - nodeSelector:
            matchLabels:
              role: hmi
              site: x
        - nodeSelector:
            matchLabels:
              role: hmi
              site: y
      ports:
        - protocol: TCP
          port: 502
`,
  )
})

test('a name on record does not get out of its comment', () => {
  const was = dealing(first)
  const evil = {
    ...was,
    source: { ...was.source, address: parseAddress('10.7.0.99'), name: 'x\nspec: {}', labels: { a: 'b' } },
  }
  const text = suggestionYaml(suggest({ dealings: [evil], self, today }), about)
  assert.ok(text.includes('x?spec: {}'))
  assert.is(parseDocuments(text).length, 1)
})

test('labels that YAML could take for something else come back as they are', () => {
  for (const value of [
    'true',
    'null',
    '1',
    '1e3',
    '0x10',
    '0o7',
    '1.0',
    'yes',
    '2026-01-01',
    '',
    'NaN',
    '1_000',
    'Inf',
  ]) {
    const was = dealing(first)
    const labels = { a: value, true: 'x', '1': 'y' }
    const source = { address: parseAddress('10.7.0.99'), name: 'gone', node: 'gone', labels }
    const [policy] = parseDocuments(suggestionYaml(suggest({ dealings: [{ ...was, source }], self, today }), about))
    if (policy?.kind !== 'Policy') throw new TypeError('no policy')
    assert.equal(policy.spec.ingress?.[0]?.from[0]?.nodeSelector?.matchLabels, labels)
  }
})

test.run()
