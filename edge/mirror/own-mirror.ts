// The mirror of this agent: started and ended by people on the device, ended by time, put right at each turn. One at a time; a
// new one takes the place of the former.
//
// It is not intent: nobody else can ask for it, and the hub is told of it as of any other condition.

import { type Cidr, hostCidr } from '../../shared/address/cidr.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { overrideByText } from '../../shared/override/override.ts'
import { parseService } from '../../shared/policy/target.ts'
import type { AgentOptions } from '../agent.ts'
import type { KnownTime } from '../apply/known-time.ts'
import { type Lease, leftMs, sliceMs, usedMs } from '../override/lease.ts'
import { renderMirrorTable } from '../plan/nft-mirror.ts'
import type { Health } from '../report/health.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Members } from '../trust/members.ts'
import type { MirrorDriver, MirrorPackets } from './doors.ts'
import { type Mirror, type MirrorEnd, type MirrorOrder, type MirrorView, mirrorText } from './order.ts'
import type { AgentMirror } from './people.ts'
import { forgetMirror, loadMirror, saveMirror } from './shelf.ts'

export interface OwnMirror {
  readonly people: AgentMirror
  /** Reads what the last run left. */
  load(): void
  /** Holds the kernel to it. Resolves once that was tried, and never throws. */
  follow(): Promise<void>
  /** The agent ends; the kernel goes on until the mirror's time is up. */
  close(): void
}

interface Around {
  readonly clock: Clock
  readonly health: Health
  readonly keep: Pick<Keepsakes, 'attempt' | 'journal' | 'raiseFloor' | 'write'>
  readonly members: Members
  readonly time: Pick<KnownTime, 'floor'>
}

interface Entry {
  readonly mirror: Mirror
  readonly lease: Lease
  paidMs: number
}

/** A disk that takes no writes is asked again after so long. */
const RETRY_MS = 60_000

/** `onChange`: it has begun or ended; the next turn is to follow. */
export function createOwnMirror(options: AgentOptions, around: Around, onChange: () => void): OwnMirror {
  const { log, settings, store } = options
  const { clock, health, keep, members, time } = around
  let entry: Entry | undefined
  let found: { readonly packets: MirrorPackets } | { readonly waits: string } | undefined
  let unsaved = false
  let retryAt = 0
  /** Something of ours may be in the kernel. */
  let traces = false
  /** Why it is there still, though it should not be. */
  let stuck: string | undefined
  let opened: MirrorDriver | undefined
  let timer: Timer | undefined
  let last: Promise<unknown> = Promise.resolve()

  const now = (): number => Math.max(clock.now(), time.floor())

  const driver = async (): Promise<MirrorDriver> => {
    if (options.mirror === undefined) throw new HoldfastError('unsupported', 'this agent copies nothing')
    opened ??= await options.mirror()
    return opened
  }

  const save = (): boolean => {
    const kept = keep.write('keep the mirror', () =>
      saveMirror(store, { mirror: entry?.mirror, paidMs: entry?.paidMs ?? 0 }),
    )
    unsaved = !kept
    if (!kept) retryAt = clock.monotonic() + RETRY_MS
    return kept
  }

  const viewOf = ({ mirror }: Entry): MirrorView => ({ ...mirror, ...found })

  const tell = (): void => {
    if (entry !== undefined) health.raise('traffic-mirrored', mirrorText(viewOf(entry)))
    else if (stuck !== undefined)
      health.raise('traffic-mirrored', `it has ended, but may be in the kernel still: ${stuck}`)
    else health.clear('traffic-mirrored')
  }

  const end = (why: 'stopped' | 'expired', whose: string): void => {
    if (entry === undefined) return
    const { mirror } = entry
    entry = undefined
    found = undefined
    save()
    keep.journal(`mirror-${why}`, `to ${mirror.to}${whose}: ${mirror.reason}`)
    log.warn('traffic is mirrored no more', { to: mirror.to, why })
    tell()
  }

  const look = (): void => {
    timer?.cancel()
    timer = undefined
    if (entry !== undefined && leftMs(entry.mirror, entry.lease, now(), clock.monotonic()) <= 0) {
      end('expired', '')
      onChange()
    }
    if (entry !== undefined) {
      const used = usedMs(entry.lease, clock.monotonic())
      if (used >= entry.paidMs) {
        entry.paidMs = used + sliceMs(entry.mirror)
        unsaved = true
      }
      const waitMs = Math.min(leftMs(entry.mirror, entry.lease, now(), clock.monotonic()), entry.paidMs - used)
      timer = clock.after(Math.max(1, Math.ceil(waitMs)), look)
    }
    if (unsaved && clock.monotonic() >= retryAt) save()
  }

  /** Of the peers that are members now. */
  const blocksOf = ({ cidrs, peers }: Mirror): readonly Cidr[] | undefined => {
    if (cidrs.length === 0 && peers.length === 0) return undefined
    const named = members.all().filter(({ name }) => peers.includes(name))
    return [...cidrs, ...named.flatMap(({ addresses }) => addresses.map(hostCidr))]
  }

  const put = async (mirror: Mirror): Promise<MirrorPackets> => {
    const blocks = blocksOf(mirror)
    const ruleset = renderMirrorTable({
      interface: settings.interface,
      to: mirror.to,
      ...(blocks === undefined ? {} : { blocks }),
      services: mirror.services.map(parseService),
      packetsPerS: mirror.packetsPerS,
      untilS: Math.ceil(mirror.expiresAt / 1_000),
    })
    traces = true
    return await (await driver()).keep({ interface: settings.interface, to: mirror.to, ruleset })
  }

  const remove = async (): Promise<void> => {
    await (await driver()).remove()
    traces = false
    stuck = undefined
  }

  const once = async (): Promise<void> => {
    look()
    const asked = entry
    try {
      if (asked === undefined) {
        if (!traces) return
        await remove()
        keep.write('forget the mirror', () => forgetMirror(store))
      } else {
        const packets = await put(asked.mirror)
        if (entry === asked) found = { packets }
      }
    } catch (error) {
      const why = describeError(error)
      if (asked === undefined) stuck = why
      else if (entry === asked) found = { waits: why }
      log.debug('the mirror is not as it should be', { why })
    }
    tell()
  }

  /** One at a time, in the order in which they are asked for. */
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const next = last.then(run)
    last = next.catch(() => undefined)
    return next
  }

  const checkPeers = ({ peers }: MirrorOrder): void => {
    const unknown = peers.find((peer) => !members.all().some(({ name }) => name === peer))
    if (unknown !== undefined) {
      throw new HoldfastError('not-found', `${unknown} is no node of this network`, {
        remedy: 'See the peers in `holdfast status`; others are named by --cidr.',
      })
    }
    if (members.me() !== undefined && peers.some((peer) => peer === members.me()?.name)) {
      throw new HoldfastError('invalid', 'this node does not talk to itself through the mesh', { field: 'peers' })
    }
  }

  const begin = async ({ durationMs, ...order }: MirrorOrder): Promise<MirrorView> => {
    const madeAt = now()
    const mirror: Mirror = { ...order, madeAt, expiresAt: madeAt + durationMs }
    // Traces at the device of the former are found there, and nowhere else.
    if (entry !== undefined && entry.mirror.to !== mirror.to) await remove()
    const packets = await put(mirror)
    entry = { mirror, paidMs: 0, lease: { spentMs: 0, since: clock.monotonic() } }
    found = { packets }
    keep.raiseFloor(madeAt)
    look()
    const who = overrideByText(mirror.by)
    keep.journal('mirror-started', mirrorText(mirror))
    log.warn('traffic is mirrored, decrypted', {
      to: mirror.to,
      until: new Date(mirror.expiresAt).toISOString(),
      by: who,
    })
    tell()
    return { ...mirror, packets }
  }

  return {
    people: {
      view: () => (entry === undefined ? undefined : viewOf(entry)),
      start: (order) =>
        inTurn(async () => {
          checkPeers(order)
          const mirror = await begin(order)
          const warnings = unsaved ? ['the disk takes no writes: a restart of the agent would end it'] : []
          return { mirror, warnings }
        }),
      stop: ({ by }: MirrorEnd) =>
        inTurn(async () => {
          if (entry === undefined) {
            throw new HoldfastError('not-found', 'no mirror is in force', { remedy: 'There is nothing to end.' })
          }
          const { mirror } = entry
          end('stopped', ` by ${overrideByText(by)}`)
          await once()
          const warnings = [
            ...(traces ? ['it is still in the kernel, and is taken away at the next turn'] : []),
            ...(unsaved ? ['the disk takes no writes: a restart of the agent would bring it back'] : []),
          ]
          return { mirror, warnings }
        }),
    },
    load() {
      keep.attempt('the mirror', () => {
        const kept = loadMirror(store)
        // A database that is new knows nothing of what the kernel has.
        traces = kept !== undefined || (options.mirror !== undefined && options.databaseRebuilt !== undefined)
        if (kept?.mirror === undefined) return
        const { mirror, paidMs } = kept
        entry = { mirror, paidMs, lease: { spentMs: paidMs, since: clock.monotonic() } }
      })
      look()
      tell()
    },
    follow: () => inTurn(once),
    close() {
      timer?.cancel()
      timer = undefined
      if (entry === undefined) return
      entry.paidMs = Math.min(entry.paidMs, usedMs(entry.lease, clock.monotonic()))
      save()
    },
  }
}
