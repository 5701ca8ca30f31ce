// The conditions that follow from the state of the link to the hub.

import type { LinkState } from '../link/hub-link.ts'
import type { Health } from './health.ts'

/** A link that is back within this is no news. */
export const linkFlapMs = 10_000

export function tellLink(health: Health, { failure, hubOnline, up }: LinkState): void {
  const code = up ? undefined : failure?.code
  if (code === 'unauthenticated' || code === 'forbidden') {
    health.raise('hub-refused', failure?.reason, { afterMs: linkFlapMs })
  } else health.clear('hub-refused')
  if (code === 'untrusted') health.raise('hub-untrusted', failure?.reason)
  else health.clear('hub-untrusted')
  const reason = up ? 'the broker is connected, but the hub is not there' : (failure?.reason ?? 'not connected yet')
  if (up && hubOnline) health.clear('hub-unreachable')
  else health.raise('hub-unreachable', reason, { afterMs: linkFlapMs })
}
