// Overrides laid over the policies of one node, before they are compiled to its table. Pure, and nothing but policies goes in:
// what an override can't change (members, keys, routes, other nodes) it can't because this function returns them as they came.

import type { Name } from '../ids.ts'
import type { OverridePolicy } from '../override/override.ts'
import type { ParsedRecords } from '../record/parsed.ts'
import type { BodyOf } from '../record/record.ts'
import type { Direction } from './decision.ts'
import { selectsNode, speaksOf } from './subject.ts'
import { unheardIn } from './unheard.ts'

export interface Overlay {
  readonly id: Name
  readonly policies: readonly OverridePolicy[]
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

type Node = BodyOf<'node'>
type Policies = ParsedRecords['policies']

/** No policy of intent can have such a name, and it sorts before all of them: where priorities tie, the override wins. */
function nameIn({ id }: Overlay, { name }: OverridePolicy): Name {
  return `+${id}/${name}` as Name
}

/** `records` with the policies of `overlays` among their own; the very same object where there are none. */
export function withOverlays(records: ParsedRecords, overlays: readonly Overlay[]): ParsedRecords {
  if (overlays.length === 0) return records
  const more = overlays.flatMap((overlay) =>
    overlay.policies.map((policy) => ({ name: nameIn(overlay, policy), spec: policy.spec })),
  )
  return { ...records, policies: [...more, ...records.policies] }
}

/** What is left of a policy whose time is over: what it opens, or passes by what closes, is gone; what it closes stays. */
function lapsed(policy: OverridePolicy): OverridePolicy {
  const { action: common, egress, ingress, ...rest } = policy.spec
  const closes = ({ action = common }: { readonly action?: typeof common | undefined }): boolean => action === 'Deny'
  const spec = {
    ...rest,
    action: common,
    ...(ingress === undefined ? {} : { ingress: ingress.filter(closes) }),
    ...(egress === undefined ? {} : { egress: egress.filter(closes) }),
  }
  return { ...policy, spec }
}

export interface RecordsUntil {
  readonly records: ParsedRecords
  /** Seconds since the Unix epoch; the last has no end. */
  readonly untilS?: number
}

/**
 * What holds under overlays while nobody ends them, in the order of time: each lapses by itself, because whoever would end it
 * may be gone.
 */
export function overTime(records: ParsedRecords, overlays: readonly Overlay[]): readonly RecordsUntil[] {
  const endOf = ({ expiresAt }: Overlay): number => Math.ceil(expiresAt / 1_000)
  const ends = [...new Set(overlays.map(endOf))].sort((a, b) => a - b)
  const after = (pastS: number): ParsedRecords =>
    withOverlays(
      records,
      overlays.map((one) => (endOf(one) > pastS ? one : { ...one, policies: one.policies.map(lapsed) })),
    )
  const before = ends.map((untilS, at) => ({ untilS, records: after(ends[at - 1] ?? 0) }))
  return [...before, { records: after(ends.at(-1) ?? 0) }]
}

const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[]

function isHeard({ spec }: OverridePolicy, self: Node): boolean {
  if (spec.mode !== 'Enforce' || !selectsNode(spec.subject, self)) return false
  return DIRECTIONS.some((way) => speaksOf(spec, way) && (spec.tier === 'Standard' || (spec[way] ?? []).length > 0))
}

/** Why a policy would change nothing on this node, or not all it says; undefined where it works. */
export function overlayFault(self: Node, policy: OverridePolicy): string | undefined {
  const { namespaceSelector, podSelector } = policy.spec.subject
  if (podSelector !== undefined || namespaceSelector !== undefined) return 'speaks of pods; an override is of this node'
  if (!isHeard(policy, self)) return 'changes nothing on this node'
  const unheard = unheardIn(policy.spec, self)
  return unheard.length === 0 ? undefined : unheard.join('; ')
}

function isIsolated(policies: Policies, self: Node, way: Direction): boolean {
  return policies.some(
    ({ spec }) =>
      spec.mode === 'Enforce' && spec.tier === 'Standard' && selectsNode(spec.subject, self) && speaksOf(spec, way),
  )
}

/** What people easily overlook: a Standard policy closes what was open because nobody spoke of it. */
export function overlayWarnings(records: ParsedRecords, self: Node, overlay: Overlay): readonly string[] {
  const after = withOverlays(records, [overlay]).policies
  const isOpen = (way: Direction): boolean => way === 'egress' || records.network?.spec.defaultPolicy === 'Allow'
  return DIRECTIONS.filter(
    (way) => isOpen(way) && !isIsolated(records.policies, self, way) && isIsolated(after, self, way),
  ).map((way) => `no policy spoke of ${way} here: from now on only what policies accept passes`)
}
