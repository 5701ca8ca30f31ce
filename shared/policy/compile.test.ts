// The table says what the oracle says, reason included, for random policies; a change of whatever comes out as compiling anew.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareText } from '../bytes.ts'
import { type Compilation, compileTable } from './compile.ts'
import { judge, type Question } from './oracle.ts'
import { type Draft, others, ports, protocols, randomDraft, randomPolicy, worldOfDraft } from './policies.fake.ts'
import { emptyTable, type FlatEntry, lookUp, type Table, tableChange } from './table.ts'
import { endpointOf } from './world.fake.ts'
import type { Endpoint, World } from './world.ts'

/** Questions to everybody who is judged on node `a`. */
function questions(world: World): readonly Question[] {
  const subjects = world.endpoints.filter(({ kind, node }) => kind !== 'service' && node === 'a')
  return subjects.flatMap((subject) =>
    (['ingress', 'egress'] as const).flatMap((direction) =>
      others.flatMap((other) =>
        protocols.flatMap((protocol) => ports.map((port) => ({ subject, direction, other, protocol, port }))),
      ),
    ),
  )
}

function agree(table: Table, world: World, question: Question): void {
  const [local] = question.subject.addresses
  assert.ok(local)
  const found = lookUp(table, { ...question, local })
  const said = judge(question, world)
  if (JSON.stringify(found) !== JSON.stringify(said)) {
    const { direction, other, port, protocol, subject } = question
    const asked = { subject: subject.name, direction, other, protocol, port }
    assert.equal(found, said, JSON.stringify({ asked, policies: world.policies }))
  }
}

test('the table equals the oracle, for every packet of a small world', () => {
  fc.assert(
    fc.property(randomDraft, fc.infiniteStream(fc.nat()), (draft, dice) => {
      const world = worldOfDraft(draft)
      const { table } = compileTable(world, 'a')
      const all = questions(world)
      for (let asked = 0; asked < 250; asked++) {
        const question = all[Number(dice.next().value) % all.length]
        if (question !== undefined) agree(table, world, question)
      }
    }),
    { numRuns: 60 },
  )
})

function sorted<V>(map: ReadonlyMap<string, V>): readonly (readonly [string, V])[] {
  return [...map].sort(([a], [b]) => compareText(a, b))
}

/** Nothing but what the table says: not how it came about. */
function plain({ addresses, cells, cookies, locals }: Table): object {
  return { addresses: [...addresses], locals: [...locals], cells: sorted(cells), cookies: sorted(cookies) }
}

function entriesOf(table: Table): Map<string, FlatEntry> {
  return new Map(tableChange(emptyTable, table).entries.put)
}

type Step = (draft: Draft) => Draft
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ name: fc.constantFrom('p0', 'p1', 'p2', 'q'), policy: randomPolicy }).map(
    ({ name, policy }): Step =>
      (draft) => ({ ...draft, policies: { ...draft.policies, [name]: policy } }),
  ),
  fc.constantFrom('p0', 'p1').map(
    (name): Step =>
      (draft) => ({
        ...draft,
        policies: Object.fromEntries(Object.entries(draft.policies).filter(([key]) => key !== name)),
      }),
  ),
  fc.constantFrom('Allow' as const, 'Deny' as const).map(
    (defaultPolicy): Step =>
      (draft) => ({ ...draft, defaultPolicy }),
  ),
)

/** The world with one endpoint relabelled, and all else the same objects. */
function relabelled(world: World, name: string, labels: Endpoint['labels']): World {
  return { ...world, endpoints: world.endpoints.map((one) => (one.name === name ? { ...one, labels } : one)) }
}

/** What did not change between two worlds is the same object in both, as it is where records are parsed. */
function reusing(before: World, after: World): World {
  const same = <T extends { readonly name: string }>(old: readonly T[], next: readonly T[]): T[] =>
    next.map((one) => old.find((held) => JSON.stringify(held) === JSON.stringify(one)) ?? one)
  return {
    ...after,
    policies: same(before.policies, after.policies),
    endpoints: same(before.endpoints, after.endpoints),
  }
}

test('step by step it is the same as anew, and what is told of a step leads from one to the other', () => {
  fc.assert(
    fc.property(
      randomDraft,
      fc.array(step, { minLength: 1, maxLength: 6 }),
      fc.constantFrom('b', 'a', 'shop/db'),
      (first, steps, who) => {
        let draft = first
        let world = worldOfDraft(draft)
        let held: Compilation = compileTable(world, 'a')
        for (const [at, next] of steps.entries()) {
          draft = next(draft)
          const fresh = worldOfDraft(draft)
          const labels = at % 2 === 0 ? { role: 'db', app: 'web' } : {}
          world = reusing(world, at % 3 === 2 ? fresh : relabelled(fresh, who, labels))
          const anew = compileTable(world, 'a').table
          const before = held.table
          held = compileTable(world, 'a', held)
          assert.equal(plain(held.table), plain(anew))
          const { addresses, entries } = tableChange(before, held.table)
          const kernel = entriesOf(before)
          for (const key of entries.del) assert.ok(kernel.delete(key))
          for (const [key, entry] of entries.put) kernel.set(key, entry)
          assert.equal(sorted(kernel), sorted(entriesOf(anew)))
          const trie = new Map<string, number>(before.addresses)
          for (const key of addresses.del) assert.ok(trie.delete(key))
          for (const [key, identity] of addresses.put) trie.set(key, identity)
          assert.equal(sorted(trie), sorted(anew.addresses))
        }
      },
    ),
    { numRuns: 50 },
  )
})

test('the order in which policies are given means nothing', () => {
  fc.assert(
    fc.property(randomDraft, (draft) => {
      const world = worldOfDraft(draft)
      const turned = { ...world, policies: world.policies.toReversed() }
      const [one, other] = [compileTable(turned, 'a').table, compileTable(world, 'a').table]
      assert.equal(sorted(one.cells), sorted(other.cells))
      assert.equal(sorted(entriesOf(one)), sorted(entriesOf(other)))
    }),
    { numRuns: 60 },
  )
})

test('a change that matches nobody new tells the kernel nothing but what it changes', () => {
  const web = {
    subject: { node: 'a' },
    ingress: [{ from: [{ nodeSelector: { matchLabels: { role: 'db' } } }], ports: [{ port: 80 }] }],
  }
  const world = worldOfDraft({ defaultPolicy: 'Deny', policies: { web } })
  const held = compileTable(world, 'a')
  const changed = { ...web, ingress: [{ ...web.ingress[0], ports: [{ port: 81 }] }] }
  const next = reusing(world, worldOfDraft({ defaultPolicy: 'Deny', policies: { web: changed } }))
  const { addresses, entries } = tableChange(held.table, compileTable(next, 'a', held).table)
  assert.is(addresses.put.size + addresses.del.length, 0)
  assert.equal(
    [...entries.put.values()].map(({ port, portBits, verdict }) => [port, portBits, verdict]),
    [[81, 16, 'accept']],
  )
  assert.is(entries.del.length, 1)
})

test('a named port is another one at each destination, whoever else the same rules are about', () => {
  const named = { subject: { nodeSelector: {} }, egress: [{ ports: [{ port: 'http' }] }] }
  const world = worldOfDraft({ defaultPolicy: 'Deny', policies: { named } })
  const { table } = compileTable(world, 'b')
  const [local] = endpointOf(world, 'b').addresses
  assert.ok(local)
  for (const [pod, port] of [
    ['shop/web', 81],
    ['default/web', 80],
  ] as const) {
    const [other] = endpointOf(world, pod).addresses
    assert.ok(other)
    const open = [80, 81].filter(
      (asked) =>
        lookUp(table, { local, direction: 'egress', other, protocol: 'TCP', port: asked })?.verdict === 'accept',
    )
    assert.equal(open, [port])
  }
})

test('who is nobody on a node is not judged there', () => {
  const world = worldOfDraft({ defaultPolicy: 'Deny', policies: {} })
  const { table } = compileTable(world, 'b')
  const [pod] = endpointOf(world, 'shop/web').addresses
  assert.ok(pod)
  assert.is(lookUp(table, { local: pod, direction: 'ingress', other: pod, protocol: 'TCP', port: 1 }), undefined)
  assert.is(table.locals.size, 2)
})

test.run()
