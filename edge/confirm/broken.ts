// What worked before a change and does not work under it, in words. Pure.
//
// What a revision itself takes away is no damage: a peer that it removes, a relay that it withdraws. And one peer of
// several that falls silent without having been spoken of has lost its power, not its route.

import type { NodeId } from '../../shared/ids.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { nodeIn, type Scope } from './change.ts'
import type { Seen, Working } from './working.ts'

export const checks = ['hub', 'kernel', 'default-route', 'lan', 'relays', 'peers', 'probe', 'restarts'] as const
export type Check = (typeof checks)[number]

/** A check that failed, and the case in a sentence. */
export interface Broken {
  readonly check: Check
  readonly detail: string
  /** It is only that the kernel was not brought to this one yet: another loss than that of the one before. */
  readonly due?: string
}

const NAMED_MAX = 4

function nameSome(names: readonly string[]): string {
  const more = names.length - NAMED_MAX
  return more > 0 ? `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more` : names.join(', ')
}

function namesOf(nodes: readonly NodeId[], records: ParsedRecords): string {
  return nameSome(nodes.map((node) => nodeIn(records, node)?.name ?? node))
}

function lostPeers({ peers }: Working, now: Working, scope: Scope): readonly NodeId[] {
  const expected = peers.filter(scope.stays)
  const lost = expected.filter((node) => !now.peers.includes(node))
  // Of one of them it may be the cable; of several at once it is not.
  if (lost.length === expected.length && lost.length > 1 && scope.host) return lost
  return lost.filter((node) => scope.node(node) || scope.ways)
}

function lostRelays({ relays }: Working, now: Working, scope: Scope): readonly NodeId[] {
  const expected = relays.filter((node) => nodeIn(scope.records, node)?.relay !== undefined)
  if (expected.some((node) => now.relays.includes(node))) return []
  return scope.host ? expected : expected.filter(scope.node)
}

function allGone(before: readonly string[], now: readonly string[]): boolean {
  return before.length > 0 && !before.some((one) => now.includes(one))
}

/** The way out of this host, whatever it leads to. */
function brokenWays(before: Working, now: Working, scope: Scope): readonly Broken[] {
  const found: Broken[] = []
  const lost = (check: Check, detail: string): void => void found.push({ check, detail })
  if (before.hub && !now.hub) lost('hub', 'the link to the hub is lost')
  if (allGone(before.gateways, now.gateways)) lost('default-route', `no way out by ${nameSome(before.gateways)}`)
  if (allGone(before.neighbours, now.neighbours)) lost('lan', `no answer from ${nameSome(before.neighbours)}`)
  return found.length > 0 && scope.host ? found : []
}

function brokenKernel({ due, kernel }: Seen): readonly Broken[] {
  if (kernel) return []
  if (due === undefined) return [{ check: 'kernel', detail: 'the kernel does not take the revision wholly' }]
  const version = formatVersion(due)
  return [{ check: 'kernel', detail: `the kernel is not brought to revision ${version} yet`, due: version }]
}

/** In order of how far they reach; none where everything that worked still does, or fails for reasons of its own. */
export function brokenIn(before: Working, now: Seen, scope: Scope): readonly Broken[] {
  const relays = lostRelays(before, now, scope)
  const peers = lostPeers(before, now, scope)
  const probes = before.probes.filter((probe) => !now.probes.includes(probe))
  const found: readonly (Broken | false)[] = [
    ...brokenWays(before, now, scope),
    ...(before.kernel ? brokenKernel(now) : []),
    relays.length > 0 && { check: 'relays', detail: `no answer from ${namesOf(relays, scope.records)}` },
    peers.length > 0 && { check: 'peers', detail: `no answer from ${namesOf(peers, scope.records)}` },
    probes.length > 0 && { check: 'probe', detail: `no answer from ${nameSome(probes)}` },
  ]
  return found.filter((one) => one !== false)
}
