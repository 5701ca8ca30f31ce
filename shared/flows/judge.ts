// A dealing on record, judged by policies other than those of its time: by the oracle, at both ends, with names and labels as
// they were. The record tells what this node said; of the other end it tells at least whether it answered.

import type { Address } from '../address/cidr.ts'
import type { Decision, Direction, Protocol, Reason } from '../policy/decision.ts'
import { judge } from '../policy/oracle.ts'
import { protocolNamed } from '../policy/table.ts'
import type { Endpoint, World } from '../policy/world.ts'
import type { FlowReason } from './batch.ts'
import type { Dealing } from './dealings.ts'
import { type Directory, endpointThen } from './ends.ts'

/** Policies of one moment: as this node judges, its overrides among them, and as all others do. */
export interface Rules {
  readonly here: World
  readonly there: World
}

export interface Verdict {
  readonly verdict: 'accept' | 'drop'
  readonly reason: FlowReason | Reason
  /** Name of the end that decided. */
  readonly at: string
}

/** One of the two ends that judge. */
interface Leg {
  readonly at: Endpoint
  readonly isHere: boolean
  readonly decision: Decision
}

export function protocolOf({ protocol }: Pick<Dealing, 'protocol'>): Protocol {
  return protocolNamed(protocol)
}

/** Several ports are one record: which ones is not known. */
export function hasUnknownPorts(dealing: Pick<Dealing, 'protocol' | 'port'>): boolean {
  const protocol = protocolOf(dealing)
  return dealing.port === undefined && protocol !== 'ICMP' && protocol !== 'other'
}

export interface Scene {
  /** This node, as it is today. */
  readonly self: Endpoint
  readonly today: Directory
}

interface Side {
  readonly subject: Endpoint
  readonly direction: Direction
  readonly other: Address
  readonly isHere: boolean
}

/** Who judges, in the order in which a packet meets them. What lies behind this node is judged as this node. */
function sidesOf(
  dealing: Dealing,
  source: Endpoint | undefined,
  destination: Endpoint | undefined,
  self: Endpoint,
): Side[] {
  const isOwn = (one: Endpoint | undefined): boolean =>
    one !== undefined && one.kind !== 'service' && one.node === self.node
  const sides: Side[] = []
  const sends = dealing.direction === 'egress'
  const from = sends ? (isOwn(source) ? source : self) : isOwn(source) ? undefined : source
  const to = sends ? (isOwn(destination) ? undefined : destination) : isOwn(destination) ? destination : self
  if (from !== undefined && from.kind !== 'service')
    sides.push({ subject: from, direction: 'egress', other: dealing.destination.address, isHere: sends })
  if (to !== undefined && to.kind !== 'service')
    sides.push({ subject: to, direction: 'ingress', other: dealing.source.address, isHere: !sends })
  return sides
}

function legsOf(dealing: Dealing, rules: Rules, { self, today }: Scene, port: number): readonly Leg[] {
  const [source, destination] = [endpointThen(dealing.source, today), endpointThen(dealing.destination, today)]
  const endpoints = [source, destination].filter((one) => one !== undefined)
  const protocol = protocolOf(dealing)
  return sidesOf(dealing, source, destination, self).map(({ direction, isHere, other, subject }) => {
    const world = { ...(isHere ? rules.here : rules.there), endpoints }
    return { at: subject, isHere, decision: judge({ subject, direction, other, protocol, port }, world) }
  })
}

function verdictOf({ at, decision }: Leg): Verdict {
  return { verdict: decision.verdict, reason: decision.reason, at: at.name }
}

export interface Judged {
  /** As it was: what this node said then, and the other end as far as anything tells. */
  readonly was: Verdict
  readonly today: Verdict
  readonly would: Verdict
}

/** `port`: where the dealing has none of its own. */
export function judgeDealing(
  dealing: Dealing,
  { today: rulesToday, would: rulesThen }: { readonly today: Rules; readonly would: Rules },
  scene: Scene,
  port: number,
): Judged | undefined {
  const legsToday = legsOf(dealing, rulesToday, scene, port)
  const legsWould = legsOf(dealing, rulesThen, scene, port)
  const own = (legs: readonly Leg[]): Leg | undefined => legs.find(({ isHere }) => isHere) ?? legs[0]
  const refusing = (legs: readonly Leg[]): Leg | undefined => legs.find(({ decision }) => decision.verdict === 'drop')
  const [ownToday, ownWould] = [own(legsToday), own(legsWould)]
  if (ownToday === undefined || ownWould === undefined) return undefined
  // Where it went out and nobody answered, the other end may have refused it, as it would today.
  const there = legsToday.find(({ isHere }) => !isHere)
  const heard = dealing.direction === 'ingress' || dealing.answered > 0 || dealing.back.packets > 0
  const passedThere = heard || there?.decision.verdict !== 'drop'
  const at = ownToday.at.name
  const was: Verdict =
    dealing.verdict === 'accept' && !passedThere && there !== undefined
      ? verdictOf(there)
      : { verdict: dealing.verdict, reason: dealing.reason, at }
  // Whose word counts where both accept: who would have to change theirs, else this node.
  const deciding = (legs: readonly Leg[], other: readonly Leg[], otherwise: Leg): Leg => {
    const refused = refusing(legs) ?? refusing(other)
    return legs.find((leg) => leg.isHere === refused?.isHere) ?? otherwise
  }
  return {
    was,
    today: verdictOf(deciding(legsToday, legsWould, ownToday)),
    would: verdictOf(deciding(legsWould, legsToday, ownWould)),
  }
}
