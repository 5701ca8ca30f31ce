// The node's own capability for relays: asked of the hub when there is none or half of its life is over, kept in the store.
//
// An expired one is kept and shown all the same: a relay that holds the set honours it as long as the node is a member.

import { fromBase64, sameBytes, toBase64 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Sha256, Timer, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { base32, type DeviceKey, type NetworkId, type NodeId } from '../../shared/ids.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import type { Version } from '../../shared/record/head.ts'
import {
  type Capability,
  capabilityEnvelopeMax,
  isHalfLifeReached,
  openCapability,
} from '../../shared/wire/capability.ts'
import { Assembly, encodeRequest, parseChunk } from '../../shared/wire/sync.ts'
import type { Store } from '../store/store.ts'

export interface CapabilityKeeperOptions {
  readonly network: NetworkId
  readonly node: NodeId
  /** The device key by the record of this node: the one that relays ask to be proven. */
  readonly deviceKey: () => DeviceKey
  /** Every key that this device has had of late. */
  readonly deviceKeys: () => readonly DeviceKey[]
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  /** Keys that may sign capabilities now. A capability of a key that is no longer among them is replaced. */
  readonly keys: () => TrustedKeys
  readonly have: () => Version
  readonly store: Pick<Store, 'get' | 'set'>
  readonly send: (payload: Uint8Array) => Promise<void>
}

export interface CapabilityKeeper {
  /** The envelope to show to relays; undefined before the first. */
  current(): Uint8Array | undefined
  hubOnline(): void
  /** The record of this node may name another device key. */
  membersChanged(): void
  /** True if the bytes were meant for a request made here. */
  onReply(bytes: Uint8Array): boolean
  down(): void
}

const KEY = 'capability'
/** A fleet that comes back together asks spread over this. */
const SPREAD_MS = 10_000
const RETRY_MS_MIN = 30_000
/** A node that has none can't use relays: what it asks goes before what can wait. */
const FIRST_SPREAD_MS = 500
const FIRST_RETRY_MS = 1_000
const RETRY_MS_MAX = 6 * 3_600_000
/** How often the age is looked at; also the least time between two capabilities where a clock is far off. */
const LOOK_MS = 3_600_000

export function createCapabilityKeeper(options: CapabilityKeeperOptions): CapabilityKeeper {
  const { clock, entropy, log } = options
  let held: { readonly envelope: Uint8Array; readonly capability: Capability } | undefined
  let assembly: Assembly | undefined
  let timer: Timer | undefined
  let failures = 0
  /** Asked for before its time. */
  let hurried = false

  const open = (envelope: Uint8Array): Capability => {
    const capability = openCapability(envelope, options.keys(), options.verify)
    const { deviceKeys, network, node } = options
    const isOwn = capability.network === network && capability.node === node
    if (!isOwn || !deviceKeys().includes(capability.deviceKey)) {
      throw new HoldfastError('untrusted', 'a capability came that is not for this node')
    }
    return capability
  }

  const load = (): void => {
    try {
      const text = options.store.get(KEY)
      if (text === undefined) return
      const envelope = fromBase64(text)
      held = { envelope, capability: open(envelope) }
    } catch (error) {
      held = undefined
      log.debug('the stored capability is of no use', { reason: describeError(error) })
    }
  }

  const isOfFormerKey = (): boolean => held !== undefined && held.capability.deviceKey !== options.deviceKey()

  const isDue = (): boolean => {
    load()
    return held === undefined || isOfFormerKey() || isHalfLifeReached(held.capability, clock.now())
  }

  const plan = (delayMs: number): void => {
    timer?.cancel()
    timer = clock.after(delayMs, look)
  }

  const planRetry = (): void => {
    const leastMs = held === undefined ? FIRST_RETRY_MS : RETRY_MS_MIN
    const ceilingMs = Math.min(RETRY_MS_MAX, leastMs * 2 ** failures)
    failures += 1
    plan(leastMs / 2 + entropy.fraction() * ceilingMs)
  }

  const look = (): void => {
    assembly = undefined
    hurried = false
    if (!isDue()) return plan(LOOK_MS)
    const id = base32(entropy.bytes(10), 16)
    assembly = new Assembly(id)
    // Planned before it is known whether an answer comes: a hub gives none to a node that is not in the set yet.
    planRetry()
    options.send(encodeRequest({ id, have: options.have(), want: 'capability' })).catch((error: unknown) => {
      log.debug('the request for a capability was not sent', { reason: describeError(error) })
    })
  }

  const take = (deflated: Uint8Array, hash: Uint8Array): void => {
    assembly = undefined
    if (!sameBytes(options.sha256(deflated), hash)) throw new HoldfastError('invalid', 'a reply arrived damaged')
    const envelope = options.inflate(deflated, capabilityEnvelopeMax)
    held = { envelope, capability: open(envelope) }
    failures = 0
    plan(LOOK_MS)
    try {
      options.store.set(KEY, toBase64(envelope))
    } catch (error) {
      log.warn('the capability for relays could not be stored', { reason: describeError(error) })
    }
  }

  return {
    current() {
      if (held === undefined) load()
      return held?.envelope
    },
    hubOnline() {
      failures = 0
      if (held === undefined) load()
      plan(entropy.fraction() * (held === undefined ? FIRST_SPREAD_MS : SPREAD_MS))
    },
    membersChanged() {
      // Away from the hub there is nobody to ask, and one that was asked answers.
      if (timer === undefined || assembly !== undefined || hurried || !isOfFormerKey()) return
      hurried = true
      plan(entropy.fraction() * FIRST_SPREAD_MS)
    },
    onReply(bytes) {
      const chunk = parseChunk(bytes)
      if (assembly === undefined || chunk.id !== assembly.id) return false
      const whole = assembly.add(chunk)
      if (whole !== undefined) take(whole.deflated, whole.hash)
      return true
    },
    down() {
      timer?.cancel()
      timer = undefined
      assembly = undefined
      hurried = false
    },
  }
}
