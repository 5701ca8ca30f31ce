// How sparing a node has to be with what it sends while nobody uses it, so that the day's budget lasts the day. Pure.
//
// Thinned in this order, from what is missed the least:
//   1  looks from outside (STUN) every two hours and not every half hour; counters are no reason to report
//   2  one relay to rest at instead of two
// Never thinned are the refreshes of that one relay and the hub's link: by them the node is reached.

export type Thrift = 0 | 1 | 2

export interface Spending {
  /** Bytes a day; undefined where they cost nothing. */
  readonly budget: number | undefined
  readonly spent: number
  /** Of the day, 0 to 1. */
  readonly elapsed: number
}

/** Of what is left for each hour, in shares of what an hour may cost; below it, the level is entered. */
const FIRST_BELOW = 1
/** The sparest level has to fit into it. */
const SECOND_BELOW = 0.9
/** A level is left again when there is so much more: what is thinned must not come and go. */
const RETURN = 0.15
/** A start costs more than its share of the day. */
const GRACE_SHARE = 0.05

export function thriftOf({ budget, elapsed, spent }: Spending, before: Thrift): Thrift {
  if (budget === undefined) return 0
  const left = Math.max(0, budget * (1 + GRACE_SHARE * (1 - elapsed)) - spent)
  const due = budget * Math.max(1 - elapsed, 0.001)
  const share = left / due
  if (share < SECOND_BELOW + (before === 2 ? RETURN : 0)) return 2
  if (share < FIRST_BELOW + (before > 0 ? RETURN : 0)) return 1
  return 0
}
