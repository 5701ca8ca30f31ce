// Which objects devices do not follow because they stand in the very network themselves, as they report it. Pure.

import type { Name } from '../../shared/ids.ts'
import { refusedIn } from '../../shared/intent/overlap.ts'
import type { FleetNode } from '../hub.ts'

/** By `Route/plant`: who does not follow it, by name. */
export function refusalsIn(fleet: readonly Pick<FleetNode, 'name' | 'health'>[]): ReadonlyMap<string, readonly Name[]> {
  const found = new Map<string, Name[]>()
  for (const { health, name } of fleet) {
    const detail = health.find(({ code }) => code === 'address-conflict')?.detail ?? ''
    for (const subject of new Set(refusedIn(detail))) found.set(subject, [...(found.get(subject) ?? []), name])
  }
  for (const names of found.values()) names.sort()
  return found
}
