// A look at a few nodes, laid into what is known of all.

import { compareText } from '../../../shared/bytes.ts'
import type { Roster } from '../../fleet/roster.ts'

/** `asked`: names that were looked at; those of them that did not come back are gone. */
export function mergeRoster(held: Roster | undefined, fresh: Roster, asked: ReadonlySet<string>): Roster {
  const kept = (held?.items ?? []).filter(({ name }) => !asked.has(name))
  return {
    items: [...kept, ...fresh.items].sort((a, b) => compareText(a.name, b.name)),
    meanings: { ...held?.meanings, ...fresh.meanings },
  }
}
