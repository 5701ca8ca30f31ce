// The orders to update of this agent, made of its parts.

import type { AgentOptions } from '../agent.ts'
import type { Running } from '../agent-link.ts'
import type { Parts } from '../agent-parts.ts'
import { firstKeyring } from '../trust/keys.ts'
import { createOrders, type Orders } from './orders.ts'

/** Undefined where this agent takes none: it could not be updated, or people will not have it. */
export function createOwnOrders(
  options: AgentOptions,
  { anchors, clock, holding, keep, mode }: Parts,
  { update }: Pick<Running, 'update'>,
  onChange: () => void,
): Orders | undefined {
  const { identity, settings, update: doors } = options
  if (update === undefined || doors?.orders === undefined) return undefined
  return createOrders({
    ...options,
    clock,
    doors: doors.orders,
    network: identity.network.id,
    self: identity.nodeId,
    trusted: () => (holding.held()?.ring ?? firstKeyring(anchors)).keys,
    version: settings.version,
    update,
    isOnline: () => mode.now().mode === 'online',
    journal: (event, detail) => keep.journal(event, detail),
    leave: () => doors.restart(),
    onChange,
  })
}
