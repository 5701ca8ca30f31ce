// The turns of this agent, put together.

import type { AgentOptions } from '../agent.ts'
import type { Parts } from '../agent-parts.ts'
import type { OwnFlows } from '../flows/own-flows.ts'
import type { Lan } from '../lan/lan.ts'
import type { OwnOverrides } from '../override/own-overrides.ts'
import { createOwnRouters, type RouterStatus } from '../routers/own-routers.ts'
import { createTurns, type Turns } from './turn.ts'
import { createWishes } from './wish.ts'

export interface OwnTurns extends Turns {
  /** By whom subnets are reached that several nodes lead to. */
  routers(): readonly RouterStatus[]
}

export function createOwnTurns(
  options: AgentOptions,
  parts: Parts,
  lan: Lan | undefined,
  overrides: OwnOverrides,
  { driver }: Pick<OwnFlows, 'driver'>,
  onChanged: () => void,
): OwnTurns {
  const { identity, log, settings } = options
  const { clock, facts, health, holding, keyBook, ownKey, paths, peers, pods, services, sizes } = parts
  const keys = { wgKey: () => ownKey.wgKey(), formerKeys: peers.formerKeys }
  const routers = createOwnRouters({ self: identity.nodeId, clock, paths, peers })
  const wishes = createWishes(identity.nodeId, keys, settings, paths, sizes, overrides.book, pods, services, routers)
  const keysRevision = (): number => keyBook.revision()
  const nudge = options.paths?.nudge
  const doors = {
    driver,
    holding,
    peers,
    facts,
    endpoints: paths,
    lan,
    services,
    wishes,
    health,
    log,
    keysRevision,
    nudge,
  }
  return { ...createTurns({ ...doors, onChanged }), routers: () => routers.status() }
}
