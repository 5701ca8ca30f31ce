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
  /** It is no member any more; what of its words is still under way goes unheard. */
  cut?: true
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
  /** Ends what the node has open; nothing it sent before that and was not read yet counts, nor does its will. */
  cut(node: NodeId): void
  /** Lets nobody in as the node, or again. */
  suspend(node: NodeId, suspended: boolean): void
}

export function createAdmission(store: Pick<AccessStore, 'credential'>, clock: Clock): Admission {
  const peers = new Map<NodeId, Set<Peer>>()
  const suspended = new Set<NodeId>()
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
      // Told apart only before who knows the password; no guess, so it is not counted as one.
      if (suspended.has(member.node)) return { why: 'the node is disabled', code: 5 }
      const fault = connectFault(member.node, logIn.clientId, logIn.clean)
      const badWill = peer.will === undefined ? undefined : willFault(member, peer.will)
      if (fault !== undefined || badWill !== undefined) return { why: fault ?? badWill ?? '', code: 5 }
      if (!connects.take(member.node)) return { why: 'connects too often: is its identity copied?', code: 3 }
      peer.member = member
      peers.set(member.node, (peers.get(member.node) ?? new Set()).add(peer))
      return undefined
    },
    forget(peer) {
      if (peer.member === undefined) return
      const { node } = peer.member
      const mine = peers.get(node)
      mine?.delete(peer)
      if (mine?.size === 0) peers.delete(node)
    },
    cut(node) {
      for (const peer of peers.get(node) ?? []) {
        peer.cut = true
        peer.stream.destroy()
      }
    },
    suspend(node, yes) {
      if (yes) suspended.add(node)
      else suspended.delete(node)
    },
  }
}
