// The one line of status that systemd shows.

import type { Clock } from '../../shared/effects.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { Agent } from '../agent.ts'
import type { Notifier } from './systemd.ts'

/** How often the line is looked at; systemd is told only what changed. */
const STATUS_MS = 10_000

export function statusLine(agent: Pick<Agent, 'status'>): string {
  const { mode, modeSince, network, peers, revision } = agent.status()
  const { applied, quarantine, trial } = revision
  const reachable = peers.filter((peer) => peer.path !== 'none').length
  const open = quarantine === undefined ? '' : ` (${formatVersion(quarantine.version)} taken back: ${quarantine.check})`
  const proving = trial === undefined ? open : ' (on trial)'
  const since = mode === 'online' ? '' : ` since ${new Date(modeSince).toISOString().slice(0, 16)}Z`
  return `${network}: ${mode}${since}, revision ${formatVersion(applied)}${proving}, ${reachable} of ${peers.length} peers`
}

/** Until the returned function is called. */
export function keepTelling(agent: Pick<Agent, 'status'>, notifier: Notifier, clock: Clock): () => void {
  const again = (): ReturnType<Clock['after']> =>
    clock.after(STATUS_MS, () => {
      notifier.status(statusLine(agent))
      timer = again()
    })
  let timer = again()
  return () => timer.cancel()
}
