// The peer that a person means: by name, node id or mesh address.

import { HoldfastError } from '../../shared/errors.ts'
import type { AgentStatus, PeerStatus } from '../agent.ts'

/** Throws `not-found` with what to do. */
export function findPeer(status: AgentStatus, wanted: string): PeerStatus {
  const peer = status.peers.find(
    ({ addresses, name, nodeId }) => name === wanted || nodeId === wanted || addresses.some((own) => own === wanted),
  )
  if (peer !== undefined) return peer
  const own = status.node === wanted || status.nodeId === wanted || status.addresses.some((mine) => mine === wanted)
  throw new HoldfastError('not-found', own ? `${wanted} is this node itself` : `no peer is called ${wanted}`, {
    remedy: 'See `holdfast status` for the peers of this node.',
  })
}
