// Who leads, by a Lease of the cluster: what to do next, from what was seen of it and when. Pure.
//
// Times are of the own monotonic clock only. A holder is given up when its lease has not changed for the whole of its duration
// as it was watched from here, so two machines never have to agree on the time of day. A lease alone keeps nobody who was
// stopped for a minute from writing on; the head of the state does that (mirror.ts).

/** What the object says. */
export interface Lease {
  /** Empty where nobody holds it. */
  readonly holder: string
  readonly durationS: number
  /** RFC 3339, for people. */
  readonly acquireTime: string
  readonly renewTime: string
  /** How often it went from one to another. */
  readonly transitions: number
  /** Of the state, as its leader told last; followers look for it when it changes. */
  readonly generation: number
}

export interface SeenLease extends Lease {
  readonly resourceVersion: string
}

/** Milliseconds. */
export interface LeaseTimes {
  readonly leaseMs: number
  /** After so long without a renewal the holder is not sure any more. */
  readonly renewDeadlineMs: number
  readonly retryMs: number
}

/** As in client-go: for a lease of fifteen seconds ten to renew it in, and a try every two. */
export function leaseTimes(leaseS: number): LeaseTimes {
  const leaseMs = leaseS * 1_000
  return { leaseMs, renewDeadlineMs: (leaseMs * 10) / 15, retryMs: (leaseMs * 2) / 15 }
}

export interface LeaseState {
  readonly me: string
  readonly times: LeaseTimes
  /** Undefined before it was read, and where there is none. */
  readonly seen?: { readonly lease: SeenLease; readonly at: number } | undefined
  /** When the last renewal that was taken had been sent. Whoever has led once renews or is out: it never takes a lease anew. */
  readonly renewedAt?: number
}

/** `unsure`: it led, and can't say whether it still does. `lost`: it led, and another one does, or did. */
export type Standing = 'follows' | 'leads' | 'unsure' | 'lost'

export type LeaseStep = 'create' | 'take' | 'renew' | 'wait' | 'leave'

/** After a look at the lease; undefined where there is none. */
export function observed(state: LeaseState, lease: SeenLease | undefined, at: number): LeaseState {
  if (lease === undefined) return { ...state, seen: undefined }
  const since = state.seen?.lease.resourceVersion === lease.resourceVersion ? state.seen.at : at
  return { ...state, seen: { lease, at: since } }
}

/** After a write that was taken; `sentAt` is before it was sent, because others may count from when it arrived. */
export function renewed(state: LeaseState, lease: SeenLease, sentAt: number): LeaseState {
  return { ...state, seen: { lease, at: sentAt }, renewedAt: sentAt }
}

export function standingOf({ me, renewedAt, seen, times }: LeaseState, now: number): Standing {
  if (renewedAt === undefined) return 'follows'
  if (seen?.lease.holder !== me) return 'lost'
  return now - renewedAt < times.renewDeadlineMs ? 'leads' : 'unsure'
}

/** `mayLead`: this replica could take over the state. */
export function nextStep(state: LeaseState, mayLead: boolean, now: number): LeaseStep {
  const { me, seen, times } = state
  if (standingOf(state, now) === 'lost') return 'leave'
  if (seen === undefined) return mayLead ? 'create' : 'wait'
  const { durationS, holder } = seen.lease
  if (holder === me) return 'renew'
  const isFree = holder === '' || now - seen.at >= Math.max(times.leaseMs, durationS * 1_000)
  return isFree && mayLead ? 'take' : 'wait'
}

/** What to write for that step. `at`: RFC 3339. */
export function nextLease(
  { me, seen, times }: LeaseState,
  step: 'create' | 'take' | 'renew',
  at: string,
  generation: number,
): Lease {
  const held = step === 'renew' ? seen?.lease : undefined
  return {
    holder: me,
    durationS: times.leaseMs / 1_000,
    acquireTime: held?.acquireTime ?? at,
    renewTime: at,
    transitions: held?.transitions ?? (seen?.lease.transitions ?? -1) + 1,
    generation,
  }
}

/** What the holder leaves behind who stops in order: whoever waits goes on at once. */
export function releasedLease(held: SeenLease, at: string): Lease {
  return { ...held, holder: '', durationS: 1, renewTime: at }
}

/** Milliseconds until the next look, `fraction` in [0, 1): replicas that started together don't ask together for ever. */
export function waitMs({ retryMs }: LeaseTimes, fraction: number): number {
  return retryMs * (1 - 0.2 * fraction)
}
