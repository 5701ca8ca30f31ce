// Devices that are away, as people ask for them: since when, what they ran then, and by whom they were last heard of. Pure.

import { compareText } from '../../shared/bytes.ts'
import type { Away, FleetNode } from '../hub.ts'

/** Of a node that is away; undefined for one that is there, was never seen, or is not to be there. */
function awayOf({ heardOf, lastSeen, name, network, report, since, state }: FleetNode): Away | undefined {
  if (state !== 'offline') return undefined
  return {
    name,
    network,
    since,
    ...(lastSeen === undefined ? {} : { lastSeen }),
    ...(report === undefined ? {} : { held: report.revision.held, applied: report.revision.applied }),
    ...(heardOf === undefined ? {} : { heardOf }),
  }
}

/** Who left last comes first. */
export function awayAmong(fleet: readonly FleetNode[]): readonly Away[] {
  return fleet.flatMap((node) => awayOf(node) ?? []).sort((a, b) => b.since - a.since || compareText(a.name, b.name))
}

/** The last sign of life, from the device or of it; milliseconds since the Unix epoch. */
export function lastSignOf({ heardOf, lastSeen }: Away): number | undefined {
  return heardOf === undefined ? lastSeen : Math.max(heardOf.at, lastSeen ?? 0)
}
