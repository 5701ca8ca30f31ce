// The turns of this agent, put together.

import type { AgentOptions } from '../agent.ts'
import type { Parts } from '../agent-parts.ts'
import type { OwnFlows } from '../flows/own-flows.ts'
import type { Lan } from '../lan/lan.ts'
import type { OwnOverrides } from '../override/own-overrides.ts'
import { createTurns, type Turns } from './turn.ts'
import { createWishes } from './wish.ts'

export function createOwnTurns(
  options: AgentOptions,
  parts: Parts,
  lan: Lan | undefined,
  overrides: OwnOverrides,
  { driver }: Pick<OwnFlows, 'driver'>,
  onChanged: () => void,
): Turns {
  const { identity, log, settings } = options
  const { facts, health, holding, keyBook, ownKey, paths, peers, pods, services, sizes } = parts
  const keys = { wgKey: () => ownKey.wgKey(), formerKeys: peers.formerKeys }
  const wishes = createWishes(identity.nodeId, keys, settings, paths, sizes, overrides.book, pods, services)
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
  return createTurns({ ...doors, onChanged })
}
