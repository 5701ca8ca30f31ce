// The record of flows of this node as metrics.

import { tallyFamilies } from '../../shared/flows/tally.ts'
import { type Family, gauge } from '../../shared/metrics-text.ts'
import type { FlowFigures } from '../flows/doors.ts'

export function flowFamilies({ atHub, batches, tally }: FlowFigures): readonly Family[] {
  return [
    ...tallyFamilies('holdfast_agent', [[{}, tally]]),
    gauge('holdfast_agent_flow_batches', 'Batches that the record of flows has ever had.', batches),
    gauge('holdfast_agent_flow_batches_at_hub', 'As many of them the hub has, as far as it has said so.', atHub),
  ]
}
