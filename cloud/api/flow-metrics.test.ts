// Flows as metrics of the hub: by name only who is behind or refused, and not more of them than fit a page.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createFlowTally } from '../../shared/flows/tally.ts'
import { parseName, parseNodeId } from '../../shared/ids.ts'
import { formatMetrics } from '../../shared/metrics-text.ts'
import type { FleetFlowFigures } from '../flows/flow-figures.ts'
import type { LedgerState } from '../flows/flow-store.ts'
import { flowMetrics } from './flow-metrics.ts'

function ledger(n: number, count: number, told: number, more: Partial<LedgerState> = {}): LedgerState {
  const own = { node: parseNodeId('a'.repeat(16)), name: parseName(`node-${n}`), network: parseName('default') }
  return { ...own, count, head: '', told, at: 1, ...more }
}

function textOf(ledgers: readonly LedgerState[], failing = false): string {
  const figures: FleetFlowFigures = { tallies: [], ledgers, store: { batches: 3, bytes: 900 }, failing }
  return formatMetrics(flowMetrics(figures))
}

test('who is behind, by how much; who is refused, and why; how full the store is', () => {
  const fault = { code: 'flow-ledger-cut', since: 1, detail: 'cut' } as const
  const text = textOf([ledger(1, 5, 5), ledger(2, 5, 12), ledger(3, 9, 9, { fault })], true)
  for (const line of [
    'holdfast_flow_ledger_behind_batches{network="default",node="node-2"} 7',
    'holdfast_flow_ledger_refused{network="default",node="node-3",code="flow-ledger-cut"} 1',
    'holdfast_flow_store_batches 3',
    'holdfast_flow_store_bytes 900',
    'holdfast_flow_store_failing 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`)
  }
  assert.not.match(text, /node-1/)
})

test('of a fleet that is behind the worst hundred have names', () => {
  const lines = textOf(Array.from({ length: 1_000 }, (_, n) => ledger(n, 0, n))).split('\n')
  const named = lines.filter((line) => line.startsWith('holdfast_flow_ledger_behind_batches{'))
  assert.is(named.length, 100)
  assert.match(named[0] ?? '', /node-999"} 999/)
})

test('a hub that keeps no flows has none of this; a network without flows has no series', () => {
  assert.equal(flowMetrics(undefined), [])
  const tallies = [[parseName('default'), createFlowTally()]] as const
  const figures: FleetFlowFigures = { tallies, ledgers: [], store: { batches: 0, bytes: 0 }, failing: false }
  assert.not.match(formatMetrics(flowMetrics(figures)), /verdict/)
})

test.run()
