// What gossip did since the start, for people and programs.

import type { Clock } from '../../shared/effects.ts'
import type { Name } from '../../shared/ids.ts'

/** As `holdfast status --json` shows it; counted since the start. */
export interface GossipStatus {
  /** Words in single datagrams, this node's and those of others. */
  readonly said: number
  readonly heard: number
  /** Facts passed on, among them. */
  readonly factsSpread: number
  /** Exchanges that this node began, that others began, and that failed among both. */
  readonly begun: number
  readonly served: number
  readonly failed: number
  /** What was no word, or came from nobody who may. */
  readonly refused: number
  /** Since then words were said and none was heard; absent while they are answered. Milliseconds since the Unix epoch. */
  readonly silentSince?: number
  /** The last exchange that went well; milliseconds since the Unix epoch. */
  readonly last?: { readonly peer: Name; readonly at: number }
}

export interface Tally {
  said(type: 'hello' | 'answer' | 'fact'): void
  heard(peer: Name): void
  began(peer: Name | undefined, fine: boolean): void
  served(peer: Name, fine: boolean): void
  refused(): void
  status(): GossipStatus
}

export function createTally(clock: Clock): Tally {
  const count = { said: 0, heard: 0, factsSpread: 0, begun: 0, served: 0, failed: 0, refused: 0 }
  let last: GossipStatus['last']
  let silentSince: number | undefined
  const note = (peer: Name | undefined, fine: boolean): void => {
    if (!fine) count.failed += 1
    else if (peer !== undefined) last = { peer, at: clock.now() }
    if (fine) silentSince = undefined
  }
  return {
    said(type) {
      count.said += 1
      if (type === 'fact') count.factsSpread += 1
      // Facts and answers are not answered.
      if (type === 'hello') silentSince ??= clock.now()
    },
    heard() {
      count.heard += 1
      silentSince = undefined
    },
    began(peer, fine) {
      count.begun += 1
      note(peer, fine)
    },
    served(peer, fine) {
      count.served += 1
      note(peer, fine)
    },
    refused: () => void (count.refused += 1),
    status: () => ({
      ...count,
      ...(silentSince === undefined ? {} : { silentSince }),
      ...(last === undefined ? {} : { last }),
    }),
  }
}
