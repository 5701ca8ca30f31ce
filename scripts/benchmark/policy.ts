// What policy costs on a large fleet: 1,000 nodes that all differ and 10,000 rules, compiled to the table of one node; then one
// node gets another label, and one policy other ports. Medians of several changes, each told to the kernel as a difference.

import { parseAddress } from '../../shared/address/cidr.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { parseName } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { type Compilation, compileTable } from '../../shared/policy/compile.ts'
import { emptyTable, tableChange } from '../../shared/policy/table.ts'
import type { Endpoint, World } from '../../shared/policy/world.ts'
import { type Bench, type Figures, median } from './bench.ts'

const NODES = 1_000
const POLICIES = 500
const RULES = 20
const SITES = 100
const CHANGES = 15
const ROLES = ['till', 'camera', 'plc', 'gateway'] as const

function nodeAt(index: number, site = index % SITES): Endpoint {
  const role = ROLES[index % ROLES.length] ?? 'till'
  return {
    kind: 'node',
    name: `n${index}`,
    node: `n${index}`,
    labels: { role, site: `s${site}`, unit: `u${index}` },
    addresses: [
      parseAddress(`10.${1 + (index >> 8)}.${index & 255}.1`),
      parseAddress(`fd77::${(index + 1).toString(16)}`),
    ],
    ports: [],
  }
}

/** Every rule lets one site in at one port; some name the block of a machine room with a hole in it. */
function policyAt(index: number, firstPort: number): World['policies'][number] {
  const ingress = Array.from({ length: RULES }, (_, rule) => ({
    from: [
      { nodeSelector: { matchLabels: { site: `s${(index * RULES + rule) % SITES}` } } },
      ...(rule === 0
        ? [{ ipBlock: { cidr: `192.168.${index % 256}.0/24`, except: [`192.168.${index % 256}.64/26`] } }]
        : []),
    ],
    ports: [{ port: firstPort + rule }, { protocol: 'UDP', port: 9_000, endPort: 9_000 + rule }],
  }))
  const order = index % 10 === 0 ? { tier: 'Admin', priority: index } : {}
  const spec = parseWith(specs.Policy, { ...order, subject: { nodeSelector: {} }, ingress })
  return { name: parseName(`p${index}`), spec }
}

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

async function measure(): Promise<Figures> {
  const world: World = {
    defaultPolicy: 'Deny',
    services: [],
    endpoints: Array.from({ length: NODES }, (_, index) => nodeAt(index)),
    policies: Array.from({ length: POLICIES }, (_, index) => policyAt(index, 1_000 + 20 * index)),
  }
  const { ms: compileMs, result: first } = timed(() => compileTable(world, 'n0'))
  const entries = tableChange(emptyTable, first.table).entries.put.size
  const relabelMs = stepMs(first, (change) => ({
    ...world,
    endpoints: world.endpoints.with(500, nodeAt(500, (change + 1) % SITES)),
  }))
  const anew = compileTable(world, 'n0')
  const policyMs = stepMs(anew, (change) => ({
    ...world,
    policies: world.policies.with(4, policyAt(4, 40_000 + 100 * change)),
  }))
  return { compileMs, relabelMs, policyMs, entries }
}

export const policy: Bench = {
  about: 'compiling 10,000 rules for 1,000 nodes, and what a changed label and a changed policy cost',
  runs: 3,
  budgets: { compileMs: '≤ 1000', relabelMs: '≤ 10' },
  measure,
}
