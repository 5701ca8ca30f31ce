// This node among its neighbours on the LAN: the beacons of lan.ts with the keys, members and facts of an agent.

import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { AgentOptions } from '../agent.ts'
import { createRate } from '../echo/rate.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Holding } from '../trust/holding.ts'
import { type Anchors, enrolledKeys } from '../trust/keys.ts'
import type { Members } from '../trust/members.ts'
import { createBeaconCodec } from './beacon.ts'
import { createLan, type Lan, type LanOptions } from './lan.ts'

export interface LanSources {
  readonly anchors: Anchors
  readonly clock: Clock
  readonly facts: Pick<FactBook, 'facts' | 'offer'>
  readonly holding: Pick<Holding, 'held'>
  readonly members: Pick<Members, 'keyOf'>
}

/** Turns at once that neighbours bring about; what comes thicker waits the moment that any event does. */
const HURRY = { perSecond: 2, burst: 4, sourcesMax: 1 }

/** What neighbours bring about. */
export interface LanHooks {
  /** A neighbour is new, or said something new. */
  readonly wake: (why: 'event' | 'intent') => void
  /** A newer fact of a neighbour was taken. */
  readonly onFact: (node: NodeId) => void
  /** See `LanOptions`. */
  readonly state: LanOptions['state']
  readonly onState: LanOptions['onState']
}

/** Undefined where this host takes no part. */
export function createOwnLan(
  options: AgentOptions,
  { anchors, clock, facts, holding, members }: LanSources,
  { onFact, onState, state, wake }: LanHooks,
): Lan | undefined {
  const { entropy, identity, lan, log } = options
  if (lan === undefined) return undefined
  const mayHurry = createRate(clock, HURRY)
  const enrolled = [...enrolledKeys(anchors).values()]
  return createLan({
    self: identity.nodeId,
    metered: options.paths?.metered === true,
    codec: createBeaconCodec({ network: identity.network.id, crypto: lan.crypto, entropy }),
    socket: lan.socket,
    clock,
    entropy,
    log,
    keys: () => holding.held()?.ring.keys.values() ?? enrolled,
    isMember: (node) => members.keyOf(node) !== undefined,
    facts: facts.facts,
    offer(node, envelope) {
      const fact = facts.offer(node, envelope)
      if (fact !== undefined) onFact(node)
      return fact
    },
    state,
    onState,
    onNews: () => wake(mayHurry('') ? 'intent' : 'event'),
  })
}
