// Whose traffic a relay may carry, by the network's relayPolicy. Nodes choose their relays by it and relays hold to it, so
// that data stays where it belongs even if one of the two has older intent or bad intentions; who asks why is told by it. Pure.

import { compareText } from '../bytes.ts'
import { type Labels, selects } from './field.ts'
import type { NetworkSpec } from './network.ts'

type Rules = NetworkSpec['relayPolicy']
type Rule = Rules[number]

interface Labelled {
  readonly labels: Labels
}

interface Named extends Labelled {
  readonly name: string
}

function speaksOf({ nodes }: Rule, node: Labelled): boolean {
  return nodes === undefined || selects(nodes, node.labels)
}

/** True if every rule that speaks of the node lets the relay carry its traffic. */
export function mayCarry(rules: Rules, node: Labelled, relay: Labelled): boolean {
  return rules.filter((rule) => speaksOf(rule, node)).every(({ relays }) => selects(relays, relay.labels))
}

/** A rule that speaks of one end of a pair, or of both. */
export interface ResidencyRule extends Rule {
  /** Its place in `relayPolicy`, from 0. */
  readonly index: number
  /** The ends that it speaks of. */
  readonly of: readonly string[]
}

/** Where the traffic of a pair may go, besides directly. */
export interface Residency {
  /** Those that speak of the pair, in the order of intent: at least one. */
  readonly rules: readonly ResidencyRule[]
  /** Names of relays that all of them let carry it, sorted. */
  readonly allowed: readonly string[]
  /** The rest, sorted by name, and the places of the rules that forbid each. */
  readonly forbidden: readonly { readonly relay: string; readonly by: readonly number[] }[]
}

/** `relays`: all of the network; the ends need none to reach their own peers. Undefined where no rule speaks of either end. */
export function residencyOf(
  rules: Rules,
  ends: readonly [Named, Named],
  relays: readonly Named[],
): Residency | undefined {
  const speaking = rules.flatMap((rule, index): ResidencyRule[] => {
    const of = ends.filter((end) => speaksOf(rule, end)).map(({ name }) => name)
    return of.length === 0 ? [] : [{ ...rule, index, of }]
  })
  if (speaking.length === 0) return undefined
  const judged = relays
    .filter(({ name }) => ends.every((end) => end.name !== name))
    .map((relay) => ({
      relay: relay.name,
      by: speaking.filter(({ relays: wanted }) => !selects(wanted, relay.labels)).map(({ index }) => index),
    }))
    .sort((a, b) => compareText(a.relay, b.relay))
  return {
    rules: speaking,
    allowed: judged.filter(({ by }) => by.length === 0).map(({ relay }) => relay),
    forbidden: judged.filter(({ by }) => by.length > 0),
  }
}

/** Whether a path may be taken at its word: what went by a forbidden relay has ended, however fresh the last answer. */
export function mayBeBy(
  { allowed, forbidden }: Residency,
  { kind, via }: { readonly kind: string; readonly via?: string | undefined },
): boolean {
  if (kind !== 'relay' && kind !== 'tls') return true
  return via === undefined ? allowed.length > 0 : forbidden.every(({ relay }) => relay !== via)
}
