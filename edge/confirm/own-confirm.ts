// The watch over revisions of this agent, made of its parts.

import type { AgentOptions } from '../agent.ts'
import type { Parts } from '../agent-parts.ts'
import type { Turns } from '../apply/turn.ts'
import type { HubLink } from '../link/hub-link.ts'
import { type Confirm, createConfirm } from './confirm.ts'
import { createLooks, type Looks } from './looks.ts'

type OwnTurns = Pick<Turns, 'due' | 'isProgrammed' | 'local'>

/** Undefined where nobody looks at what works. */
export function createOwnLooks(
  { confirm: doors }: AgentOptions,
  { clock, paths, peers }: Parts,
  turns: OwnTurns,
  link: () => HubLink | undefined,
): Looks | undefined {
  if (doors === undefined) return undefined
  const relays = () => paths.mapping().relays
  const isPhysical = (link_: string): boolean =>
    turns.local().addresses.some((one) => one.physical && one.interface === link_)
  const { due, isProgrammed } = turns
  return createLooks({ doors, clock, due, link, peers, relays, isPhysical, isProgrammed })
}

/** Undefined where each revision is taken at its word. `onFollow`: another set is followed now. */
export function createOwnConfirm(
  { confirm: doors, identity, log, store }: AgentOptions,
  { clock, health, holding, keep }: Parts,
  turns: OwnTurns,
  looks: Looks | undefined,
  onFollow: () => void,
): Confirm | undefined {
  if (doors === undefined || looks === undefined) return undefined
  const { watchMs } = doors
  const local = () => turns.local().addresses
  const rest = { local, onFollow, self: identity.nodeId, store, watchMs }
  return createConfirm({ clock, health, holding, keep, log, looks, ...rest })
}
