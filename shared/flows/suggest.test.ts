// The policy that is suggested, held against the oracle: it accepts all that was learned, nothing of it is spare, and whatever
// it accepts besides has the labels of somebody who was learned at that very port.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../address/cidr.ts'
import { parseName } from '../ids.ts'
import type { PolicySpec } from '../intent/policy.ts'
import { parseResource } from '../intent/resource.ts'
import { parseDocuments } from '../intent/yaml.ts'
import { judge } from '../policy/oracle.ts'
import type { World } from '../policy/world.ts'
import type { FlowEnd } from './batch.ts'
import type { Dealing } from './dealings.ts'
import { directoryOf } from './ends.ts'
import { protocolOf } from './judge.ts'
import { about, addresses, type Draft, dealing, self, today, world } from './suggest.fake.ts'
import { type Suggestion, suggest } from './suggest.ts'
import { suggestedPolicy, suggestionYaml } from './suggest-yaml.ts'

const draft: fc.Arbitrary<Draft> = fc.record({
  other: fc.constantFrom(...addresses),
  direction: fc.constantFrom('ingress', 'egress'),
  protocol: fc.constantFrom(6, 6, 6, 17, 1),
  port: fc.constantFrom(80, 443, 502, 8080),
  answered: fc.constantFrom(0, 1, 3),
  verdict: fc.constantFrom('accept', 'accept', 'accept', 'drop'),
})
const drafts = fc.array(draft, { maxLength: 30 })
const by: fc.Arbitrary<readonly string[] | undefined> = fc.constantFrom(
  undefined,
  ['role'],
  ['role', 'site'],
  ['other'],
)

function worldWith(spec: PolicySpec): World {
  return { ...world, policies: [{ name: parseName('least'), spec }] }
}

function specOf(suggestion: Suggestion): PolicySpec {
  const [resource] = parseDocuments(suggestionYaml(suggestion, about))
  assert.is(resource?.kind, 'Policy')
  return resource?.spec as PolicySpec
}

function passes(one: Dealing, spec: PolicySpec): boolean {
  const { destination, direction, port = 0, source } = one
  const other = direction === 'ingress' ? source.address : destination.address
  const question = { subject: self, direction, other, protocol: protocolOf(one), port }
  return judge(question, worldWith(spec)).verdict === 'accept'
}

function isLearned({ answered, verdict }: Dealing): boolean {
  return verdict === 'accept' && answered > 0
}

test('it accepts all that was learned', () => {
  fc.assert(
    fc.property(drafts, by, (some, keys) => {
      const dealings = some.map(dealing)
      const spec = specOf(suggest({ dealings, self, today, by: keys }))
      for (const one of dealings.filter(isLearned)) assert.ok(passes(one, spec), JSON.stringify([one, spec]))
    }),
  )
})

test('without any peer or port of any rule, something that was learned is refused', () => {
  fc.assert(
    fc.property(drafts, by, (some, keys) => {
      const dealings = some.map(dealing)
      const spec = specOf(suggest({ dealings, self, today, by: keys }))
      const learned = dealings.filter(isLearned)
      for (const way of ['ingress', 'egress'] as const) {
        const rules = spec[way] ?? []
        for (const [at, rule] of rules.entries()) {
          const peers = 'from' in rule ? rule.from : rule.to
          const less = [
            ...peers.map((_, n) => ({ ...rule, [way === 'ingress' ? 'from' : 'to']: peers.toSpliced(n, 1) })),
            ...rule.ports.map((_, n) => ({ ...rule, ports: rule.ports.toSpliced(n, 1) })),
          ].filter((one) => Object.values(one).every((list) => !Array.isArray(list) || list.length > 0))
          for (const smaller of [undefined, ...less]) {
            const kept =
              smaller === undefined ? rules.toSpliced(at, 1) : rules.map((one, n) => (n === at ? smaller : one))
            assert.ok(!learned.every((one) => passes(one, { ...spec, [way]: kept })))
          }
        }
      }
    }),
  )
})

test('whoever else it accepts has the labels of one that was learned at that port', () => {
  fc.assert(
    fc.property(drafts, draft, by, (some, asked, keys) => {
      const dealings = some.map(dealing)
      const spec = specOf(suggest({ dealings, self, today, by: keys }))
      const question = dealing(asked)
      if (spec[asked.direction] === undefined || !passes(question, spec)) return
      const far = (one: Dealing): FlowEnd => (one.direction === 'ingress' ? one.source : one.destination)
      const picked = ({ address, labels = {}, name }: FlowEnd): readonly (readonly [string, string])[] => {
        const own = Object.entries(labels).filter(([key]) => keys?.includes(key) ?? true)
        return own.length === 0 ? [['', name ?? address]] : own
      }
      const isCovered = dealings.filter(isLearned).some((one) => {
        const same =
          one.direction === question.direction && one.protocol === question.protocol && one.port === question.port
        const has = picked(far(question))
        return same && picked(far(one)).every(([key, value]) => has.some(([k, v]) => k === key && v === value))
      })
      assert.ok(isCovered, JSON.stringify([question, spec]))
    }),
  )
})

test('the order of what is on record does not matter, nor do refused and one-sided flows', () => {
  fc.assert(
    fc.property(drafts, (some) => {
      const dealings = some.map(dealing)
      const { left: _left, ...told } = suggest({ dealings, self, today })
      const { left: _other, ...again } = suggest({ dealings: dealings.toReversed().filter(isLearned), self, today })
      assert.equal(told, again)
    }),
  )
})

const first: Draft = {
  other: addresses[0] as Address,
  direction: 'ingress',
  protocol: 6,
  port: 502,
  answered: 2,
  verdict: 'accept',
}

test('by some labels alone, this node is selected by them, too', () => {
  const dealings = [dealing(first), dealing({ ...first, other: parseAddress('10.7.0.4') })]
  const policy = suggestedPolicy(suggest({ dealings, self, today, by: ['role'] }), about)
  const { spec } = parseResource(policy) as { spec: PolicySpec }
  assert.equal(spec.subject, { nodeSelector: { matchLabels: { role: 'plc' } } })
  assert.equal(spec.ingress?.[0]?.from, [{ nodeSelector: { matchLabels: { role: 'hmi' } } }])
})

test('ends are taken as they are today; one that is gone has its place taken by whoever comes with its labels', () => {
  const was = dealing(first)
  const relabelled = { ...was, source: { ...was.source, labels: { role: 'old' } } }
  const left = { address: parseAddress('10.7.0.99'), name: 'gone', node: 'gone' }
  const gone = { ...was, source: { ...left, labels: { role: 'left' } } }
  const nobody = { ...was, source: { ...left, labels: {} } }
  const { ingress, left: unlearned } = suggest({ dealings: [relabelled, gone, nobody], self, today })
  assert.equal(
    ingress?.flatMap(({ rule }) => ('from' in rule ? rule.from : [])).map((peer) => peer.nodeSelector?.matchLabels),
    [{ role: 'hmi', site: 'x' }, { role: 'left' }],
  )
  assert.equal(
    unlearned.map(({ why }) => why),
    ['gone'],
  )
})

test('other nodes that it speaks of are told', () => {
  const twin = { ...self, name: 'twin', node: 'twin', labels: { role: 'plc' }, addresses: [parseAddress('10.7.0.50')] }
  const known = directoryOf({ endpoints: [...world.endpoints, twin] })
  const dealings = [dealing(first)]
  assert.equal(suggest({ dealings, self, today: known, by: ['role'] }).alsoOf, ['twin'])
  assert.equal(suggest({ dealings, self, today: known }).alsoOf, [])
})

test('answers of a connection that is older than the record teach nothing, and it is said', () => {
  const { ingress, left } = suggest({ dealings: [{ ...dealing(first), answered: 0, backwards: 2 }], self, today })
  assert.is(ingress, undefined)
  assert.equal(
    left.map(({ why }) => why),
    ['backwards'],
  )
})

test('what an override let through is not learned, nor what policy has no word for', () => {
  const reason = { kind: 'rule', policy: '+id/open', tier: 'Admin', direction: 'ingress', index: 0 } as const
  const { ingress, left } = suggest({
    dealings: [{ ...dealing(first), reason }, dealing({ ...first, protocol: 47 })],
    self,
    today,
  })
  assert.is(ingress, undefined)
  assert.equal(
    left.map(({ why }) => why),
    ['override', 'wordless'],
  )
})

test.run()
