// The overrides of this device: set by people on it, laid over its policy, ended by time, by hand, or by the word of the hub.
//
// Nothing here fires an order of its own: what is in force follows anew from what is kept, the time, and the signed set. So an
// accepted override gives way in the very turn that brings the policies it became, and comes back if that revision is undone.

import type { Clock, Log, Sha256, Signer, Timer, Verify } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import { overridesActiveMax, overridesKeptMax } from '../../shared/limits.ts'
import {
  type OverrideBy,
  type OverrideEndWhy,
  type OverridePolicy,
  type OverrideSpeaker,
  overrideByText,
  sealOverride,
  sealOverrideEnd,
} from '../../shared/override/override.ts'
import { encodeOverrides, type OverrideView, type ToldOverride, viewOverride } from '../../shared/override/report.ts'
import type { Overlay } from '../../shared/policy/overlay.ts'
import { leadBy } from '../../shared/record/device-link.ts'
import { compareVersion, noVersion, type Version } from '../../shared/record/head.ts'
import type { KnownTime } from '../apply/known-time.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'
import type { Holding } from '../trust/holding.ts'
import { type Lease, leftMs, sliceMs, usedMs } from './lease.ts'
import { encodeShelf, loadShelf, saveShelf } from './shelf.ts'
import { verdictOn } from './verdict.ts'

export interface OverrideOrder {
  readonly policies: readonly OverridePolicy[]
  readonly durationMs: number
  readonly reason: string
  readonly by: OverrideBy
}

export interface OverrideBook {
  /** Reads the store and judges what it finds. */
  load(): void
  /** Signs, keeps and puts in force. `kept` is false where the disk took no write: a restart would end it. */
  set(order: OverrideOrder): { readonly view: OverrideView; readonly kept: boolean }
  /** Ends one early. Without an id the only one; a beginning of it will do. */
  restore(id: string | undefined, by: OverrideBy): OverrideView
  /** Judges anew: time has passed, or the set in force has changed. */
  look(): void
  /** In force now. */
  overlays(): readonly Overlay[]
  /** Rises whenever `overlays` changes. */
  revision(): number
  /** Those that hold first, then the last that ended. */
  views(): readonly OverrideView[]
  /** For the hub; undefined before there was any. */
  report(): Uint8Array | undefined
  /** The device key is another: the hub goes by that alone. */
  signAnew(): void
  /** The agent ends: what was paid for and not used is given back. */
  close(): void
}

export interface OverrideBookOptions {
  readonly network: NetworkId
  readonly node: NodeId
  readonly signer: Signer
  readonly sha256: Sha256
  readonly verify: Verify
  readonly speaker: OverrideSpeaker
  /** What leads to the key of `signer`, in front of the report. */
  readonly links: () => readonly Uint8Array[]
  readonly store: Pick<Store, 'get' | 'set'>
  readonly keep: Pick<Keepsakes, 'attempt' | 'journal' | 'raiseFloor' | 'write'>
  readonly time: Pick<KnownTime, 'floor'>
  readonly holding: Pick<Holding, 'held' | 'followed'>
  /** The newest version that is in the kernel and stays there. */
  readonly settled: () => Version
  readonly clock: Clock
  readonly log: Log
  /** What is in force has changed. */
  readonly onChange: () => void
}

interface Entry {
  told: ToldOverride
  lease: Lease
  paidMs: number
}

/** A disk that takes no writes is asked again after so long. */
const RETRY_MS = 60_000

const WORDS: Readonly<Record<OverrideEndWhy, string>> = {
  expired: 'has expired',
  restored: 'was ended by hand',
  accepted: 'was accepted into intent by the hub',
  dropped: 'was dropped by the hub',
}

export function createOverrideBook(options: OverrideBookOptions): OverrideBook {
  const { clock, holding, keep, log, node, sha256, signer, speaker, store, time } = options
  let entries: Entry[] = []
  let inForce: readonly Overlay[] = []
  let revision = 0
  let unsaved = false
  let retryAt = 0
  /** Undefined where it has to be made anew. */
  let reported: Uint8Array | undefined
  let timer: Timer | undefined

  /** The latest time that is known to have passed. */
  const now = (): number => Math.max(clock.now(), time.floor())
  const alive = (): readonly Entry[] => entries.filter((entry) => entry.told.end === undefined)

  const save = (): boolean => {
    const kept = keep.write('keep the policy overrides', () =>
      saveShelf(store, encodeShelf(entries.map(({ paidMs, told }) => ({ told, paidMs })))),
    )
    unsaved = !kept
    if (!kept) retryAt = clock.monotonic() + RETRY_MS
    return kept
  }

  const end = (entry: Entry, why: OverrideEndWhy, by?: OverrideBy): void => {
    const { id, override } = entry.told
    const { network } = options
    const body = { network, node, override: id, why, at: now(), ...(by === undefined ? {} : { by }) }
    entry.told = { ...entry.told, end: body, endEnvelope: sealOverrideEnd(body, signer, sha256) }
    unsaved = true
    reported = undefined
    const whose = by === undefined ? '' : ` by ${overrideByText(by)}`
    keep.journal(`override-${why}`, `${id} ${WORDS[why]}${whose}: ${override.reason}`)
    log.warn('a policy override has ended', { override: id, why, reason: override.reason })
  }

  /** True where the set that is followed has taken its place, for now. */
  const isAccepted = ({ told }: Entry): boolean => verdictOn(holding.followed()?.records, told.id, node) === 'accepted'

  const judge = (entry: Entry): void => {
    const { id, override } = entry.told
    const accepted = isAccepted(entry)
    const version = holding.followed()?.version ?? noVersion
    if (verdictOn(holding.held()?.records, id, node) === 'dropped') end(entry, 'dropped')
    else if (accepted && compareVersion(options.settled(), version) >= 0) end(entry, 'accepted')
    else if (leftMs(override, entry.lease, now(), clock.monotonic()) <= 0) end(entry, accepted ? 'accepted' : 'expired')
  }

  /** Pays for the time that comes next, before it is used. */
  const pay = (entry: Entry): void => {
    const used = usedMs(entry.lease, clock.monotonic())
    if (used < entry.paidMs) return
    entry.paidMs = used + sliceMs(entry.told.override)
    unsaved = true
  }

  /** True where what is in force has changed. */
  const follow = (): boolean => {
    const next = alive()
      .filter((entry) => !isAccepted(entry))
      .map(({ told: { id, override } }) => ({ id, policies: override.policies, expiresAt: override.expiresAt }))
    if (next.map(({ id }) => id).join() === inForce.map(({ id }) => id).join()) return false
    inForce = next
    revision += 1
    return true
  }

  const arm = (): void => {
    timer?.cancel()
    timer = undefined
    const monotonic = clock.monotonic()
    const waits = alive().flatMap(({ lease, paidMs, told }) => [
      leftMs(told.override, lease, now(), monotonic),
      paidMs - usedMs(lease, monotonic),
    ])
    if (waits.length > 0) timer = clock.after(Math.max(1, Math.ceil(Math.min(...waits))), look)
  }

  const settle = (): boolean => {
    for (const entry of alive()) judge(entry)
    for (const entry of alive()) pay(entry)
    if (unsaved && clock.monotonic() >= retryAt) save()
    arm()
    return follow()
  }

  const look = (): void => {
    if (entries.length > 0 && settle()) options.onChange()
  }

  /** The oldest that ended make room. */
  const trim = (): void => {
    const ended = entries.filter(({ told }) => told.end !== undefined)
    const spare = new Set(ended.slice(0, Math.max(0, entries.length - overridesKeptMax)))
    if (spare.size > 0) entries = entries.filter((entry) => !spare.has(entry))
  }

  const find = (wanted: string | undefined): Entry => {
    const list = alive()
    const fits = wanted === undefined ? list : list.filter(({ told }) => told.id.startsWith(wanted))
    const [only] = fits
    if (only !== undefined && fits.length === 1) return only
    const what = wanted === undefined ? '' : ` with the id ${wanted.slice(0, 70)}`
    throw new HoldfastError(
      'not-found',
      fits.length === 0 ? `no policy override${what} is in force` : `${fits.length} policy overrides are in force`,
      { remedy: 'See `holdfast policy overrides`, and name one of them.' },
    )
  }

  return {
    load() {
      keep.attempt('policy overrides', () => {
        const bad = (why: string): void => {
          log.error('a stored policy override does not verify and is not used', { reason: why })
          keep.journal('override-refused', why)
        }
        const since = clock.monotonic()
        entries = loadShelf(store, speaker, bad).map(({ paidMs, told }) => {
          return { told, paidMs, lease: { spentMs: paidMs, since } }
        })
      })
      // Nobody is told: the first turn is still to come, and finds it.
      settle()
    },
    set({ by, durationMs, policies, reason }) {
      if (alive().length >= overridesActiveMax) {
        throw new HoldfastError('exhausted', `${overridesActiveMax} policy overrides are in force already`, {
          remedy: 'End one of them first: `holdfast policy restore ID`.',
        })
      }
      const madeAt = now()
      const { network } = options
      const body = { network, node, policies: [...policies], reason, by, madeAt, expiresAt: madeAt + durationMs }
      const told: ToldOverride = sealOverride(body, signer, sha256)
      const twin = alive().find((entry) => entry.told.id === told.id)
      if (twin !== undefined) return { view: viewOverride(twin.told), kept: !unsaved }
      const entry: Entry = { told, paidMs: 0, lease: { spentMs: 0, since: clock.monotonic() } }
      entries.push(entry)
      reported = undefined
      trim()
      pay(entry)
      // What it began at must be known to have passed, or a clock that goes back would give it its time anew.
      keep.raiseFloor(madeAt)
      const kept = save()
      const until = new Date(told.override.expiresAt).toISOString()
      keep.journal('override-set', `${told.id} by ${overrideByText(by)} until ${until}: ${told.override.reason}`)
      log.warn('a policy override is in force', { override: told.id, until, reason: told.override.reason })
      look()
      return { view: viewOverride(entry.told), kept }
    },
    restore(id, by) {
      const entry = find(id)
      end(entry, 'restored', by)
      look()
      return viewOverride(entry.told)
    },
    look,
    overlays: () => inForce,
    revision: () => revision,
    views: () => {
      const views = entries.map(({ told }) => viewOverride(told)).toReversed()
      return [...views.filter(({ state }) => state === 'active'), ...views.filter(({ state }) => state !== 'active')]
    },
    report() {
      if (entries.length > 0) reported ??= leadBy(options.links(), encodeOverrides(entries.map(({ told }) => told)))
      return reported
    },
    signAnew() {
      reported = undefined
      for (const entry of entries) {
        const { end: ended, override } = entry.told
        const told: ToldOverride = sealOverride(override, signer, sha256)
        entry.told =
          ended === undefined ? told : { ...told, end: ended, endEnvelope: sealOverrideEnd(ended, signer, sha256) }
        unsaved = true
      }
    },
    close() {
      timer?.cancel()
      timer = undefined
      const monotonic = clock.monotonic()
      for (const entry of alive()) entry.paidMs = Math.min(entry.paidMs, usedMs(entry.lease, monotonic))
      if (alive().length > 0) save()
    },
  }
}
