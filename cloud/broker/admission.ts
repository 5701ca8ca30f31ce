// Who is let into the embedded broker, and which streams belong to whom, so that a revoked node is cut off at once.

import type { Duplex } from 'node:stream'
import type { Clock } from '../../shared/effects.ts'
import { sameSecret, sha256 } from '../../shared/host/crypto.ts'
import type { NodeId } from '../../shared/ids.ts'
import { authFailuresPerMinuteMax, brokerConnectsPerMinuteMax } from '../../shared/limits.ts'
import type { AccessStore } from '../access/access-store.ts'
import { createRateLimit } from '../access/rate-limit.ts'
import { connectFault, type Member, type Publication, willFault } from './rules.ts'

/** What is known of one connection. */
export interface Peer {
  readonly remote: string
  /** The hub itself. */
  readonly privileged: boolean
  readonly stream: Duplex
  member?: Member
  will?: Publication
}

export interface LogIn {
  readonly clientId: string
  readonly clean: boolean
  readonly username: string
  readonly password: Uint8Array
}

/** Return codes of CONNACK, MQTT 3.1.1 §3.2.2.3. */
export interface Refusal {
  readonly why: string
  readonly code: 3 | 4 | 5
}

export interface Admission {
  /** The reason to refuse, or undefined after the peer became a member. */
  admit(peer: Peer, logIn: LogIn): Refusal | undefined
  forget(peer: Peer): void
  streamsOf(node: NodeId): readonly Duplex[]
}

export function createAdmission(store: Pick<AccessStore, 'credential'>, clock: Clock): Admission {
  const streams = new Map<NodeId, Set<Duplex>>()
  const failures = createRateLimit(clock, authFailuresPerMinuteMax)
  const connects = createRateLimit(clock, brokerConnectsPerMinuteMax)

  const identify = ({ username, password }: LogIn): Member | undefined => {
    if (!/^[a-z2-7]{16}$/.test(username)) return undefined
    const held = store.credential(username as NodeId)
    if (held === undefined || !sameSecret(sha256(password), held.passwordHash)) return undefined
    return { node: held.node, network: held.network }
  }

  return {
    admit(peer, logIn) {
      if (peer.privileged) return undefined
      if (failures.exhausted(peer.remote)) return { why: 'too many refused log-ins', code: 3 }
      const member = identify(logIn)
      if (member === undefined) {
        failures.take(peer.remote)
        return { why: 'unknown node or wrong password', code: 4 }
      }
      const fault = connectFault(member.node, logIn.clientId, logIn.clean)
      const badWill = peer.will === undefined ? undefined : willFault(member, peer.will)
      if (fault !== undefined || badWill !== undefined) return { why: fault ?? badWill ?? '', code: 5 }
      if (!connects.take(member.node)) return { why: 'connects too often: is its identity copied?', code: 3 }
      peer.member = member
      streams.set(member.node, (streams.get(member.node) ?? new Set()).add(peer.stream))
      return undefined
    },
    forget({ member, stream }) {
      if (member === undefined) return
      const mine = streams.get(member.node)
      mine?.delete(stream)
      if (mine?.size === 0) streams.delete(member.node)
    },
    streamsOf: (node) => [...(streams.get(node) ?? [])],
  }
}
