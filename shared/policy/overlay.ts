// Overrides laid over the policies of one node, before they are compiled to its rules. Pure, and nothing but policies goes in:
// what an override can't change (members, keys, routes, other nodes) it can't because this function returns them as they came.

import type { Name } from '../ids.ts'
import type { OverridePolicy } from '../override/override.ts'
import type { ParsedRecords } from '../record/parsed.ts'
import type { BodyOf } from '../record/record.ts'
import { type DirectionRules, type NodeRules, rulesFor } from './rules.ts'

export interface Overlay {
  readonly id: Name
  readonly policies: readonly OverridePolicy[]
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

/** No policy of intent can have such a name, and it sorts before all of them: where priorities tie, the override wins. */
function nameIn({ id }: Overlay, { name }: OverridePolicy): Name {
  return `+${id}/${name}` as Name
}

/** `records` with the policies of `overlays` among their own; the very same object where there are none. */
export function withOverlays(records: ParsedRecords, overlays: readonly Overlay[]): ParsedRecords {
  if (overlays.length === 0) return records
  const more = overlays.flatMap((overlay) =>
    overlay.policies.map((policy) => ({
      name: nameIn(overlay, policy),
      spec: policy.spec,
      expiresAt: overlay.expiresAt,
    })),
  )
  return { ...records, policies: [...more, ...records.policies] }
}

function isSilent({ admin, baseline, isolated, standard }: DirectionRules): boolean {
  return !isolated && admin.length === 0 && standard.length === 0 && baseline.length === 0
}

/** The rules of one policy alone. */
function alone(records: ParsedRecords, self: BodyOf<'node'>, policy: OverridePolicy): NodeRules {
  return rulesFor({ ...records, policies: [policy] }, self)
}

/** Why a policy would change nothing on this node, or not all it says; undefined where it works. */
export function overlayFault(records: ParsedRecords, self: BodyOf<'node'>, policy: OverridePolicy): string | undefined {
  const { namespaceSelector, podSelector } = policy.spec.subject
  if (podSelector !== undefined || namespaceSelector !== undefined) return 'speaks of pods; an override is of this node'
  const rules = alone(records, self, policy)
  if (rules.unsupported.length > 0) return rules.unsupported.map((one) => one.replace(/^\S+ /, '')).join('; ')
  if (isSilent(rules.ingress) && isSilent(rules.egress)) return 'changes nothing on this node'
  return undefined
}

/** What people easily overlook: a Standard policy closes what was open because nobody spoke of it. */
export function overlayWarnings(records: ParsedRecords, self: BodyOf<'node'>, overlay: Overlay): readonly string[] {
  const before = rulesFor(records, self)
  const after = rulesFor(withOverlays(records, [overlay]), self)
  return (['ingress', 'egress'] as const)
    .filter((way) => !before[way].isolated && after[way].isolated && before[way].fallback === 'accept')
    .map((way) => `no policy spoke of ${way} here: from now on only what policies accept passes`)
}
