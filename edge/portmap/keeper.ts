// Keeps the lease of an outside port: a pure state machine, events in, at most one action out.
//
// A lease is renewed at half of its life. In between the router is asked now and then whether it still knows: one that
// restarted has forgotten, and nobody would notice before the lease is renewed. What it calls out to its LAN tells sooner.

import { type EpochSight, hasForgotten } from './epoch.ts'
import type { Check, Gateway, Lease, LeaseMemory, Outcome } from './lease.ts'

export type KeeperEvent =
  /** Asked through; undefined where there is none, or no mapping is wanted. */
  | { readonly type: 'gateway'; readonly gateway: Gateway | undefined }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'checked'; readonly check: Check }
  /** The router called out that it starts, or that something changed. */
  | { readonly type: 'announced'; readonly epochS: number | undefined }
  /** A `peer` was lost, or others see another outside `address`: the mapping may be gone, and the router another one. */
  | { readonly type: 'doubt'; readonly about: 'peer' | 'address' }
  | { readonly type: 'time' }

export type KeeperAction =
  | { readonly type: 'ask'; readonly gateway: Gateway; readonly known: LeaseMemory | undefined }
  | { readonly type: 'check'; readonly gateway: Gateway; readonly lease: Lease }

export type KeeperState =
  | { readonly type: 'no-gateway' }
  | { readonly type: 'asking'; readonly gateway: Gateway }
  /** `until`: monotonic milliseconds; Infinity for a lease that ends only when it is given back. */
  | { readonly type: 'held'; readonly gateway: Gateway; readonly lease: Lease; readonly until: number }
  /** `why`: the router's reason; undefined where it says nothing. */
  | {
      readonly type: 'not-offered'
      readonly gateway: Gateway
      readonly why: string | undefined
      readonly againAt: number
    }

export interface Keeper {
  handle(event: KeeperEvent, now: number): KeeperAction | undefined
  /** When `time` is due. */
  dueAt(): number
  state(): KeeperState
}

export interface KeeperOptions {
  /** Uniform in [0, 1): devices that lost the same router do not come back as one. */
  readonly random: () => number
  /** What an earlier run was given; asked for again. */
  readonly remembered: LeaseMemory | undefined
}

/** RFC 6886 §3.3 recommends it, and routers are made for it. */
export const wishedLifetimeS = 7_200
/** RFC 6887 §15 has 120; what is renewed every few seconds is none. Longer ones than a day are not believed. */
const LIFETIME_S_MIN = 20
const LIFETIME_S_MAX = 86_400
/** A lease without end is looked after all the same. */
const ENDLESS_RENEW_MS = 3_600_000
/** How long a restart of the router may go unnoticed where nothing is called out. */
const CHECK_MS = 300_000
/** Peers are lost for other reasons, too. */
const DOUBT_MS = 30_000
/** Never more often than this, whatever happens: RFC 6887 §11.2.1 has 4 s. */
const SPACING_MS = 5_000
/** Where the router does not answer, or refuses: its own start takes a minute, and most that don't offer it never will. */
const BACKOFF_MS_MIN = 60_000
const BACKOFF_MS_MAX = 6 * 3_600_000

/** What UPnP calls 0; the others have no such thing. */
function isEndless({ lifetimeS, protocol }: Lease): boolean {
  return protocol === 'UPnP' && lifetimeS === 0
}

export function createKeeper({ random, remembered }: KeeperOptions): Keeper {
  let state: KeeperState = { type: 'no-gateway' }
  let known = remembered
  let sight: EpochSight | undefined
  let busy: KeeperAction['type'] | undefined
  let busySince = 0
  let askedAt = Number.NEGATIVE_INFINITY
  let failures = 0
  let renewAt = Number.POSITIVE_INFINITY
  let checkAt = Number.POSITIVE_INFINITY
  /** An answer that is under way comes from before the network changed. */
  let stale = false
  let again = false

  const jittered = (ms: number): number => ms * (0.9 + 0.2 * random())

  const ask = (gateway: Gateway, now: number): KeeperAction | undefined => {
    if (busy !== undefined) {
      again = true
      return undefined
    }
    const fits = known?.gateway === gateway.address && known.local === gateway.local
    busy = 'ask'
    busySince = now
    askedAt = now
    stale = false
    again = false
    if (state.type !== 'held') state = { type: 'asking', gateway }
    return { type: 'ask', gateway, known: fits ? known : undefined }
  }

  const hold = (gateway: Gateway, lease: Lease, now: number): void => {
    const lifeMs = Math.min(LIFETIME_S_MAX, lease.lifetimeS) * 1_000
    const endless = isEndless(lease)
    const until = endless ? Number.POSITIVE_INFINITY : busySince + lease.lifetimeS * 1_000
    state = { type: 'held', gateway, lease, until }
    known = lease
    failures = 0
    sight = lease.epochS === undefined ? undefined : { epochS: lease.epochS, atMs: now }
    renewAt = busySince + jittered(endless ? ENDLESS_RENEW_MS : lifeMs / 2)
    checkAt = now + jittered(CHECK_MS)
  }

  /** The lease in hand is kept to its end, and asked for in ever smaller steps; without one, patience grows. */
  const fail = (gateway: Gateway, outcome: Outcome, now: number): void => {
    if (state.type === 'held' && state.until > now + SPACING_MS && outcome.type === 'silent') {
      const restMs = Math.min(ENDLESS_RENEW_MS, state.until - now)
      renewAt = now + Math.max(SPACING_MS, restMs / 2)
      return
    }
    failures += 1
    const waitMs = outcome.type === 'refused' ? (outcome.waitS ?? 0) * 1_000 : 0
    const backoffMs = Math.max(BACKOFF_MS_MIN * 2 ** Math.min(failures - 1, 16), waitMs)
    const againAt = now + jittered(Math.min(BACKOFF_MS_MAX, backoffMs))
    const why = outcome.type === 'refused' ? outcome.why : undefined
    state = { type: 'not-offered', gateway, why, againAt }
    renewAt = againAt
    checkAt = Number.POSITIVE_INFINITY
  }

  /** True if the router's count shows that it started anew since it was last heard. */
  const restarted = (epochS: number | undefined, now: number): boolean => {
    if (epochS === undefined) return false
    const heard = { epochS, atMs: now }
    const forgot = sight !== undefined && hasForgotten(sight, heard)
    sight = heard
    return forgot
  }

  const enter = (gateway: Gateway | undefined, now: number): KeeperAction | undefined => {
    const current = state.type === 'no-gateway' ? undefined : state.gateway
    const same =
      current?.address === gateway?.address &&
      current?.local === gateway?.local &&
      current?.interface === gateway?.interface
    if (same) return undefined
    stale = busy !== undefined
    failures = 0
    sight = undefined
    renewAt = Number.POSITIVE_INFINITY
    checkAt = Number.POSITIVE_INFINITY
    state = gateway === undefined ? { type: 'no-gateway' } : { type: 'asking', gateway }
    return gateway === undefined ? undefined : ask(gateway, now)
  }

  const answered = (event: KeeperEvent & { type: 'outcome' | 'checked' }, now: number): KeeperAction | undefined => {
    busy = undefined
    if (state.type === 'no-gateway') return undefined
    const { gateway } = state
    const repeat = again
    again = false
    if (stale) {
      stale = false
      return ask(gateway, now)
    }
    if (event.type === 'outcome') {
      const { outcome } = event
      if (outcome.type !== 'granted') fail(gateway, outcome, now)
      else if (isEndless(outcome.lease) || outcome.lease.lifetimeS >= LIFETIME_S_MIN) hold(gateway, outcome.lease, now)
      else fail(gateway, { type: 'refused', why: `it gave a port for ${outcome.lease.lifetimeS} s` }, now)
    } else if (state.type === 'held') {
      const { check } = event
      checkAt = now + jittered(check.type === 'silent' ? CHECK_MS / 5 : CHECK_MS)
      const moved = check.type === 'alive' && check.external !== undefined && check.external !== state.lease.external
      if (check.type === 'lost' || moved || restarted(check.type === 'alive' ? check.epochS : undefined, now))
        renewAt = Math.max(now, askedAt + SPACING_MS)
    }
    if (repeat) renewAt = Math.min(renewAt, now + SPACING_MS)
    return tick(now)
  }

  const tick = (now: number): KeeperAction | undefined => {
    if (busy !== undefined || state.type === 'no-gateway') return undefined
    const { gateway } = state
    if (now >= renewAt) return ask(gateway, now)
    if (state.type !== 'held' || now < checkAt) return undefined
    busy = 'check'
    busySince = now
    stale = false
    return { type: 'check', gateway, lease: state.lease }
  }

  const announced = (epochS: number | undefined, now: number): KeeperAction | undefined => {
    if (state.type === 'no-gateway') return undefined
    // One that holds a lease is believed if its count says so; one that offered nothing may offer it now.
    if (state.type === 'held' && !restarted(epochS, now)) return undefined
    renewAt = Math.min(renewAt, Math.max(now, busySince + SPACING_MS))
    return tick(now)
  }

  const doubt = (about: 'peer' | 'address', now: number): KeeperAction | undefined => {
    if (state.type === 'held') checkAt = Math.min(checkAt, Math.max(now, busySince + DOUBT_MS))
    if (state.type === 'not-offered' && about === 'address') {
      renewAt = Math.min(renewAt, Math.max(now, busySince + BACKOFF_MS_MIN))
    }
    return tick(now)
  }

  return {
    handle(event, now) {
      switch (event.type) {
        case 'gateway':
          return enter(event.gateway, now)
        case 'outcome':
        case 'checked':
          return answered(event, now)
        case 'announced':
          return announced(event.epochS, now)
        case 'doubt':
          return doubt(event.about, now)
        case 'time':
          return tick(now)
      }
    },
    dueAt: () => (busy === undefined ? Math.min(renewAt, checkAt) : Number.POSITIVE_INFINITY),
    state: () => state,
  }
}
