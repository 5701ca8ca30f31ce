// 10,000 rules compiled to the table of one node; one node that gets another label, and one policy other ports, each as a
// difference. A program of its own, started by the policy benchmark under the flags of an agent: they decide about half of it.

import { systemClock } from '../../shared/host/clock.ts'
import { type Compilation, compileTable } from '../../shared/policy/compile.ts'
import { emptyTable, tableChange } from '../../shared/policy/table.ts'
import type { World } from '../../shared/policy/world.ts'
import { type Figures, median } from './bench.ts'
import { largeWorld, nodeAt, policyAt, sites } from './large-world.ts'

const CHANGES = 15

function timed<T>(work: () => T): { readonly result: T; readonly ms: number } {
  const before = systemClock.monotonic()
  const result = work()
  return { result, ms: systemClock.monotonic() - before }
}

/** Median time for a world to become the next one, the difference included. */
function stepMs(first: Compilation, worldAt: (change: number) => World): number {
  let held = first
  const times = Array.from({ length: CHANGES }, (_, change) => {
    const world = worldAt(change)
    const { ms, result } = timed(() => {
      const next = compileTable(world, 'n0', held)
      tableChange(held.table, next.table)
      return next
    })
    held = result
    return ms
  })
  return median(times)
}

function compiling(): Figures {
  const world = largeWorld()
  const { ms: compileMs, result: first } = timed(() => compileTable(world, 'n0'))
  const entries = tableChange(emptyTable, first.table).entries.put.size
  const relabelMs = stepMs(first, (change) => ({
    ...world,
    endpoints: world.endpoints.with(500, nodeAt(500, (change + 1) % sites)),
  }))
  const anew = compileTable(world, 'n0')
  const policyMs = stepMs(anew, (change) => ({
    ...world,
    policies: world.policies.with(4, policyAt(4, 40_000 + 100 * change)),
  }))
  return { compileMs, relabelMs, policyMs, entries }
}

process.stdout.write(JSON.stringify(compiling()))
