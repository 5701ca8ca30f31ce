// What the agent tells of the ways to its peers: as they are, and as they were of late.

import { HoldfastError } from '../../shared/errors.ts'
import type { PeerHistory } from '../../shared/wire/history.ts'
import type { Agent } from '../agent.ts'
import { paths } from './api.ts'
import { findPeer } from './find-peer.ts'
import type { LocalRoute } from './server.ts'

type Told = Pick<Agent, 'status' | 'paths' | 'history'>

/** Throws `not-found` where no peer is called so. */
function historyOf(agent: Told, wanted: string): PeerHistory {
  const { name, nodeId } = findPeer(agent.status(), wanted)
  const history = agent.history(nodeId)
  if (history !== undefined) return history
  throw new HoldfastError('not-found', `${name} is no peer any more`, { remedy: 'See `holdfast status`.' })
}

export function pathRoutes(agent: Told): readonly LocalRoute[] {
  return [
    { method: 'GET', path: paths.paths, handle: () => agent.paths() },
    { method: 'GET', path: paths.history, handle: (query) => historyOf(agent, query.get('node') ?? '') },
  ]
}
