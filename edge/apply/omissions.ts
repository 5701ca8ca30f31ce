// What the planner leaves out, as people are told of it.

import type { NodeId } from '../../shared/ids.ts'
import type { Omission } from '../plan/desired.ts'
import type { Health } from '../report/health.ts'

const CODES = [
  'address-conflict',
  'address-overlap',
  'not-a-member',
  'intent-unsupported',
  'not-published',
  'exit-not-taken',
] as const satisfies Omission['code'][]
/** A neighbour is heard within this after a start; until then it may look like somebody with the same addresses elsewhere. */
const NEIGHBOUR_MS = 40_000

/**
 * `near`: who is heard on a LAN of this device. A network that such a neighbour leads others to is, as far as anybody can
 * tell, the very one: this device needs no route there, and nothing is wrong.
 */
export function tellOmissions(
  health: Pick<Health, 'raise' | 'clear'>,
  omissions: readonly Omission[],
  near: ReadonlyMap<NodeId, unknown> | undefined,
): void {
  for (const code of CODES) {
    const told = omissions.filter((one) => one.code === code)
    const left = told.filter(({ routers }) => routers?.some((one) => near?.has(one)) !== true)
    const waits = near !== undefined && left.every(({ routers }) => routers !== undefined)
    const detail = left.map((one) => one.detail).join('; ')
    if (left.length === 0) health.clear(code)
    else if (waits) health.raise(code, detail, { afterMs: NEIGHBOUR_MS })
    else health.raise(code, detail)
  }
}
