// Operations as the agent tells them: a table of policy is thousands of entries in maps, which JSON has no word for. How many
// there are, and until when each holds, is what a reader can use.

import { emptyTable, tableChange } from '../../shared/policy/table.ts'
import type { Op } from '../plan/op.ts'

export interface ShownPolicy {
  readonly op: 'policy-set'
  readonly policy: {
    readonly phases: readonly {
      readonly entries: number
      /** Seconds since the Unix epoch; absent where it has no end. */
      readonly untilS?: number
    }[]
  }
}

export type ShownOp = Exclude<Op, { op: 'policy-set' }> | ShownPolicy

export function showOp(op: Op): ShownOp {
  if (op.op !== 'policy-set') return op
  const phases = op.policy.phases.map(({ table, untilS }) => ({
    entries: tableChange(emptyTable, table).entries.put.size,
    ...(untilS === undefined ? {} : { untilS }),
  }))
  return { op: 'policy-set', policy: { phases } }
}
