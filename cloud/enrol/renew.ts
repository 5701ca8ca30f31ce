// A member comes back by its device key alone, where the broker refuses its credentials: after the hub was restored from
// what devices hold, or its broker lost them. Who was removed or is disabled gets none.
//
// A challenge is nothing that is kept: it carries its end and a code over the node and the credentials it has now, under a key
// that lives as long as the process. So strangers can't fill a memory nor push another's challenge out, and a challenge that
// was used opens nothing any more, because the credentials are others by then.

import { concat, fromBase64, utf8 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Verify } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { hkdf, sameSecret } from '../../shared/host/crypto.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { renewalsPerMinuteMax } from '../../shared/limits.ts'
import { downloadProofBytes } from '../../shared/wire/download.ts'
import { type RenewReply, type RenewRequest, renewProofBytes } from '../../shared/wire/renew.ts'
import { createRateLimit } from '../access/rate-limit.ts'
import type { NodeState } from '../hub.ts'
import type { Enrolment, NetworkState } from '../store/hub-store.ts'
import { giveLogIn, type LogInOptions } from './log-in.ts'
import type { ProofKey } from './proof-key.ts'

export interface RenewalOptions extends LogInOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly verify: Verify
  /** Of the anchor, and of those before, which devices may have joined under. */
  readonly pins: readonly Uint8Array[]
  readonly enrolmentOf: (node: NodeId) => Enrolment | undefined
  readonly proofKey: ProofKey
  readonly stateOf: (name: Name) => NodeState | undefined
  readonly networkOf: (name: Name) => { readonly state: NetworkState } | undefined
  /** Credentials were given. */
  readonly onRenewed: (enrolment: Enrolment) => void
}

export interface Renewal {
  challenge(node: NodeId): Uint8Array
  /** Throws `forbidden` whatever is wrong with the proof, and `rate-limited`. */
  renew(request: RenewRequest): Promise<RenewReply>
  /** The member that asks for a build. Throws `forbidden`. */
  admitDownload(request: RenewRequest): Enrolment
}

/** Signing takes a device a millisecond; the rest is a bad link. */
const LIFE_MS = 120_000
const END_BYTES = 8
const NONCE_BYTES = 16

function refused(): HoldfastError {
  return new HoldfastError('forbidden', 'the device could not prove that it is a member', {
    remedy: 'See `holdfast-hub get nodes`. A device that was removed joins again with a new token.',
  })
}

function barred(name: Name, standing: 'disabled' | 'unsigned'): HoldfastError {
  if (standing === 'disabled') {
    return new HoldfastError('forbidden', `node ${name} is disabled`, {
      remedy: `Enable it: set spec.disabled of Node/${name} to false.`,
    })
  }
  return new HoldfastError('forbidden', `${name} waits for signatures by keys of the membership lock`, {
    remedy: 'See `holdfast-hub lock status`.',
  })
}

function endOf(open: Uint8Array): number {
  return Number(new DataView(open.buffer, open.byteOffset).getBigUint64(0))
}

export function createRenewal(options: RenewalOptions): Renewal {
  const { access, clock, entropy, pins, verify } = options
  const secret = entropy.bytes(32)
  const busy = new Set<NodeId>()
  const given = createRateLimit(clock, renewalsPerMinuteMax)

  const code = (node: NodeId, open: Uint8Array): Uint8Array =>
    hkdf(secret, open, concat(utf8(node), access.credential(node) ?? new Uint8Array(0)), 32)

  const isCurrent = (node: NodeId, challenge: Uint8Array): boolean => {
    if (challenge.length !== END_BYTES + NONCE_BYTES + 32) return false
    const open = challenge.subarray(0, END_BYTES + NONCE_BYTES)
    return sameSecret(challenge.subarray(open.length), code(node, open)) && clock.monotonic() < endOf(open)
  }

  const prove = ({ challenge, links, nodeId, proof }: RenewRequest, signed: typeof renewProofBytes): Enrolment => {
    const enrolment = options.enrolmentOf(nodeId)
    const bytes = fromBase64(challenge)
    const proven =
      enrolment?.state === 'approved' &&
      isCurrent(nodeId, bytes) &&
      pins.some((pin) =>
        verify(fromBase64(options.proofKey(enrolment, links)), signed(nodeId, bytes, pin), fromBase64(proof)),
      )
    if (!proven) throw refused()
    return enrolment
  }

  const admit = (request: RenewRequest, signed: typeof renewProofBytes): Enrolment => {
    const enrolment = prove(request, signed)
    const standing = options.stateOf(enrolment.name)
    if (standing === 'disabled' || standing === 'unsigned') throw barred(enrolment.name, standing)
    return enrolment
  }

  return {
    challenge(node) {
      const open = new Uint8Array(END_BYTES + NONCE_BYTES)
      new DataView(open.buffer).setBigUint64(0, BigInt(Math.ceil(clock.monotonic() + LIFE_MS)))
      open.set(entropy.bytes(NONCE_BYTES), END_BYTES)
      return concat(open, code(node, open))
    },
    admitDownload: (request) => admit(request, downloadProofBytes),
    async renew(request) {
      const enrolment = admit(request, renewProofBytes)
      const { name, network, nodeId } = enrolment
      const state = options.networkOf(network)?.state
      if (state === undefined) throw refused()
      // Two devices with one identity would take the credentials from each other for ever.
      if (!given.take(nodeId)) {
        throw new HoldfastError(
          'rate-limited',
          `${name} asks for credentials more than ${renewalsPerMinuteMax} times a minute`,
          {
            remedy: 'Is its identity on two devices? Let one of them leave and join again.',
          },
        )
      }
      // Until the credentials are others, the challenge would open the door once more.
      if (busy.has(nodeId)) throw refused()
      busy.add(nodeId)
      try {
        const broker = await giveLogIn(options, nodeId, state.id)
        options.onRenewed(enrolment)
        return { state: 'renewed', broker }
      } finally {
        busy.delete(nodeId)
      }
    },
  }
}
