// The watches of an agent over what is new, a revision or a version of itself, and what people may order about them.

import type { Agent, AgentOptions } from './agent.ts'
import type { Running } from './agent-link.ts'
import type { Parts } from './agent-parts.ts'
import type { Turns } from './apply/turn.ts'
import { createOwnCommands } from './commands/own-commands.ts'
import { createOwnConfirm, createOwnLooks } from './confirm/own-confirm.ts'
import { createOwnOrders } from './update/own-orders.ts'
import { createOwnUpdate } from './update/own-update.ts'

/** `onFollow`: another set is followed now. `onOrder`: an order to update stands otherwise. */
export function openWatches(
  options: AgentOptions,
  parts: Parts,
  turns: Turns,
  running: Running,
  onFollow: () => void,
  onOrder: () => void,
): void {
  const looks = createOwnLooks(options, parts, turns, () => running.link)
  running.confirm = createOwnConfirm(options, parts, turns, looks, onFollow)
  running.update = createOwnUpdate(options, parts, running, looks)
  running.orders = createOwnOrders(options, parts, running, onOrder)
  running.commands = createOwnCommands(options, parts, running)
}

/** What the last run left open goes on; behind `holding.load`. */
export function resumeWatches({ confirm, orders, update }: Running): void {
  confirm?.load()
  update?.load()
  orders?.load()
}

export function stopWatches({ commands, confirm, orders, update }: Running): void {
  commands?.stop()
  orders?.stop()
  confirm?.stop()
  update?.stop()
}

export function watchOrders(
  { update: doors }: AgentOptions,
  running: Running,
): Pick<Agent, 'retry' | 'confirm' | 'updates'> {
  return {
    retry: () => running.confirm?.retry() ?? false,
    confirm: () => running.confirm?.vouch() ?? false,
    updates() {
      const { update } = running
      if (doors === undefined || update === undefined) return undefined
      return {
        ...update,
        home: doors.home,
        runs: doors.runs,
        leave: () => doors.restart(),
        order: () => running.orders?.view(),
      }
    },
  }
}
