// Flows of devices as metrics of the hub: sums by network, and by name only those whose record is behind or refused.

import { tallyFamilies } from '../../shared/flows/tally.ts'
import { counter, type Family, gauge, type Sample } from '../../shared/metrics-text.ts'
import type { FleetFlowFigures } from '../flows/flow-figures.ts'
import type { ExportFigures } from '../otlp/flow-export.ts'

/** Nodes that are named, those with most to bring. */
const NAMED_MAX = 100

function outcomes({ delivered, dropped, offered }: ExportFigures): readonly Sample[] {
  return [
    [{ outcome: 'offered' }, offered],
    [{ outcome: 'delivered' }, delivered],
    [{ outcome: 'dropped' }, dropped],
  ]
}

export function flowMetrics(figures: FleetFlowFigures | undefined): readonly Family[] {
  if (figures === undefined) return []
  const { exported, failing, ledgers, store, tallies } = figures
  const behind = ledgers
    .filter(({ count, told }) => told > count)
    .sort((a, b) => b.told - b.count - (a.told - a.count))
    .slice(0, NAMED_MAX)
  const refused = ledgers.filter(({ fault }) => fault !== undefined).slice(0, NAMED_MAX)
  return [
    ...tallyFamilies(
      'holdfast',
      tallies.map(([network, tally]) => [{ network }, tally]),
    ),
    gauge('holdfast_flow_store_batches', 'Batches of flows that are stored.', store.batches),
    gauge('holdfast_flow_store_bytes', 'Bytes of them, packed.', store.bytes),
    counter('holdfast_otlp_records_total', 'Flows for the OpenTelemetry collector, and what became of them.', [
      ...(exported === undefined ? [] : outcomes(exported)),
    ]),
    gauge(
      'holdfast_otlp_failing',
      '1 while the collector takes none.',
      exported === undefined ? undefined : Number(exported.failing),
    ),
    gauge('holdfast_flow_store_failing', '1 while flows cannot be stored.', Number(failing)),
    gauge(
      'holdfast_flow_ledger_behind_batches',
      'Batches that a node has on record and the hub does not have yet.',
      behind.map(({ count, name, network, told }): Sample => [{ network, node: name }, told - count]),
    ),
    gauge(
      'holdfast_flow_ledger_refused',
      'Nodes whose record of flows is refused, and why.',
      refused.map(({ fault, name, network }): Sample => [{ network, node: name, code: fault?.code ?? '' }, 1]),
    ),
  ]
}
