// The watches of an agent over what is new, a revision or a version of itself, and what people may order about them.

import type { Agent, AgentOptions } from './agent.ts'
import type { Running } from './agent-link.ts'
import type { Parts } from './agent-parts.ts'
import type { Turns } from './apply/turn.ts'
import { createOwnConfirm, createOwnLooks } from './confirm/own-confirm.ts'
import { createOwnUpdate } from './update/own-update.ts'

/** `onFollow`: another set is followed now. */
export function openWatches(
  options: AgentOptions,
  parts: Parts,
  turns: Turns,
  running: Running,
  onFollow: () => void,
): void {
  const looks = createOwnLooks(options, parts, turns, () => running.link)
  running.confirm = createOwnConfirm(options, parts, turns, looks, onFollow)
  running.update = createOwnUpdate(options, parts, running, looks)
}

/** What the last run left open goes on; behind `holding.load`. */
export function resumeWatches({ confirm, update }: Running): void {
  confirm?.load()
  update?.load()
}

export function stopWatches({ confirm, update }: Running): void {
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
      return { ...update, home: doors.home, runs: doors.runs, leave: () => doors.restart() }
    },
  }
}
