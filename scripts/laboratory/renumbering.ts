// The steps of a renumbering, taken at the hub and awaited there.

import type { Fleet } from './fleet.ts'
import { holds, waitFor } from './wait.ts'

const PATIENCE_MS = 90_000

/** The hub says that this is the next step: everybody has the one before. */
export function nextIs({ hub }: Fleet, step: 'switch' | 'finish'): Promise<unknown> {
  const look = async () => {
    const said = await hub.cli(['renumber', 'status'])
    return holds(said.includes(`next: holdfast-hub renumber ${step}`), said.trim())
  }
  return waitFor(`renumber ${step} is next`, look, { timeoutMs: PATIENCE_MS, everyMs: 100 })
}
