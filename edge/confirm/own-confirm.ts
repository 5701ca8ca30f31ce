// The watch over revisions of this agent, made of its parts.

import type { AgentOptions } from '../agent.ts'
import type { Parts } from '../agent-parts.ts'
import type { Turns } from '../apply/turn.ts'
import type { HubLink } from '../link/hub-link.ts'
import { type Confirm, createConfirm } from './confirm.ts'
import { createLooks } from './looks.ts'

/** Undefined where each revision is taken at its word. `onFollow`: another set is followed now. */
export function createOwnConfirm(
  { confirm: doors, identity, log, store }: AgentOptions,
  { clock, health, holding, keep, paths, peers }: Parts,
  turns: Pick<Turns, 'isProgrammed' | 'local'>,
  link: () => HubLink | undefined,
  onFollow: () => void,
): Confirm | undefined {
  if (doors === undefined) return undefined
  const relays = () => paths.mapping().relays
  const isPhysical = (link_: string): boolean =>
    turns.local().addresses.some((one) => one.physical && one.interface === link_)
  const looks = createLooks({ doors, clock, link, peers, relays, isPhysical, isProgrammed: turns.isProgrammed })
  const { watchMs } = doors
  const local = () => turns.local().addresses
  const rest = { local, onFollow, self: identity.nodeId, store, watchMs }
  return createConfirm({ clock, health, holding, keep, log, looks, ...rest })
}
