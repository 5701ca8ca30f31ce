// The agent's own port inside the mesh: the echo service, and the single words of gossip beside it. Both come to be after the
// agent that uses them, because their addresses are the agent's.

import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import type { Agent } from '../agent.ts'
import type { Sockets } from '../drivers/namespace.ts'
import { createEcho, type Echo } from '../echo/echo.ts'
import type { MeshDatagrams } from '../gossip/doors.ts'
import type { PathDoors } from '../paths/doors.ts'

export interface MeshPortOptions {
  readonly port: number
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly inside?: Pick<Sockets, 'bindUdp'> | undefined
}

export interface MeshPort {
  readonly datagrams: MeshDatagrams
  readonly nudge: PathDoors['nudge']
  /** True if the agent at that mesh address answers. */
  readonly answers: (address: Address) => Promise<boolean>
  /** The echo service of this agent; starts when told to. */
  echoOf(agent: Agent): Echo
}

/** A packet through the tunnel is all that is wanted; whether it is answered is the path engine's own question. */
const NUDGE_MS = 1_000

/** A peer by way of two LTE links. */
const ANSWER_MS = 2_000

export function createMeshPort(options: MeshPortOptions): MeshPort {
  let echo: Echo | undefined
  let hear: Parameters<MeshDatagrams['listen']>[0] | undefined
  return {
    datagrams: {
      listen: (onDatagram) => void (hear = onDatagram),
      send: (bytes, to) => echo?.send(bytes, to),
    },
    answers: async (address) => (await echo?.probe(address, ANSWER_MS)) !== undefined,
    nudge: (address) => void echo?.probe(address, NUDGE_MS).catch(() => undefined),
    echoOf(agent) {
      echo = createEcho({
        ...options,
        addresses: () => agent.addresses(),
        // As the socket writes it, which is the form that is stored.
        isMember: (address) => agent.hasPeerAt(address as Address),
        onOther: (bytes, from) => hear?.(bytes, from),
      })
      return echo
    },
  }
}
