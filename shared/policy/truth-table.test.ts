// Every policy of the enumerated set, every pair of pods, two ports, three protocols and both ends: the table says what the
// oracle says, and the set is one in which both verdicts are found.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileTable } from './compile.ts'
import { reasonKey } from './decision.ts'
import { judge } from './oracle.ts'
import { lookUp } from './table.ts'
import { type Case, truthTable } from './truth-table.fake.ts'

function differences({ name, world }: Case, count: Record<'accept' | 'drop', number>): readonly string[] {
  const { table } = compileTable(world, 'a')
  const pods = world.endpoints.filter(({ kind }) => kind === 'pod')
  const found: string[] = []
  for (const subject of pods) {
    for (const { addresses } of pods) {
      const [local, other] = [subject.addresses[0], addresses[0]]
      assert.ok(local && other)
      for (const direction of ['ingress', 'egress'] as const) {
        for (const protocol of ['TCP', 'UDP', 'SCTP'] as const) {
          for (const port of [80, 81]) {
            const said = judge({ subject, direction, other, protocol, port }, world)
            const looked = lookUp(table, { local, direction, other, protocol, port })
            count[said.verdict]++
            if (looked?.verdict === said.verdict && reasonKey(looked.reason) === reasonKey(said.reason)) continue
            found.push(`${name}: ${subject.name} ${direction} ${other} ${protocol} ${port}`)
          }
        }
      }
    }
  }
  return found
}

test('no difference in the whole enumerated set', () => {
  const cases = truthTable()
  assert.ok(cases.length >= 250, String(cases.length))
  const count = { accept: 0, drop: 0 }
  for (const one of cases) assert.equal(differences(one, count), [])
  assert.ok(count.accept > 30_000 && count.drop > 30_000, JSON.stringify(count))
})

test.run()
