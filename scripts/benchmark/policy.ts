// What policy costs on a large fleet: 10,000 rules compiled to the table of one node; one node that gets another label, and one
// policy other ports, each as a difference; and TCP between two nodes with that table against none.

import { systemClock } from '../../shared/host/clock.ts'
import { type Compilation, compileTable } from '../../shared/policy/compile.ts'
import { emptyTable, tableChange } from '../../shared/policy/table.ts'
import type { World } from '../../shared/policy/world.ts'
import { type Bench, type BenchContext, type Figures, median } from './bench.ts'
import { largeWorld, nodeAt, policyAt, sites } from './large-world.ts'
import { throughput } from './policy-throughput.ts'

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

async function measure({ say }: BenchContext): Promise<Figures> {
  const figures = compiling()
  say('compiled')
  return { ...figures, ...(await throughput(say)) }
}

export const policy: Bench = {
  about: '10,000 rules for 1,000 nodes: compiled, changed, and in the way of TCP through the mesh',
  runs: 3,
  budgets: { compileMs: '≤ 1000', relabelMs: '≤ 10', throughputRatio: '≥ 0.97' },
  measure,
}
