// How good this node's way out is, by what is measured anyway: round trips and losses of the paths that leave the LAN, and what
// passes them. Nothing is sent for it. Each uplink is remembered for itself.

import * as v from 'valibot'
import type { Clock } from '../../shared/effects.ts'
import { uplinksMax } from '../../shared/limits.ts'
import { lossStepsPercent, rttStepsMs, type UplinkQuality } from '../../shared/wire/uplink-quality.ts'
import { type Carried, carriedStep, mostCarried, noteCarried, nothingCarried } from './carried.ts'
import { noteFigure, nothingKnown, type Scale, type Standing } from './steps.ts'

export interface QualityOptions {
  readonly clock: Clock
  readonly metered: boolean
  /** What people say of the uplink that the host prefers, in Mbit/s. */
  readonly declaredMbps: number | undefined
}

/** What a look found. */
export interface UplinkSample {
  /** The uplink in use; empty where none is told apart. */
  readonly uplink: string
  /** The host itself goes by it. */
  readonly isPreferred: boolean
  /** The least over the ways that leave the LAN; undefined where none was measured just now. */
  readonly rttMs: number | undefined
  /** The least share that is lost, 0 to 1. */
  readonly loss: number | undefined
  /** Went out by such ways since the last look. */
  readonly sentMbps: number
}

export interface Quality {
  note(sample: UplinkSample): void
  view(): UplinkQuality
  /** Rises when what is worth keeping changes. */
  memoryRevision(): number
  remember(): string
  recall(text: string | undefined): void
}

interface Known {
  readonly rtt: Standing
  readonly loss: Standing
  readonly carried: Carried
}

const MINUTE_MS = 60_000
const PERCENT = 100
/** Where so much is lost, part of what was sent was never carried. */
const CARRIES_WITH_LOSS_MAX = 0.05

/** Devices whose uplink is paid for tell of it more seldom: each report costs. */
function scales(metered: boolean): { readonly rtt: Scale; readonly loss: Scale } {
  const times = metered ? 5 : 1
  const patience = { worseAfterMs: 3 * MINUTE_MS * times, betterAfterMs: 10 * MINUTE_MS * times }
  return { rtt: { steps: rttStepsMs, ...patience }, loss: { steps: lossStepsPercent, ...patience } }
}

const figure = v.pipe(v.number(), v.finite(), v.minValue(0))
const memory = v.record(
  v.string(),
  v.object({
    rtt: v.optional(figure),
    loss: v.optional(figure),
    carried: v.object({ since: figure, mbps: figure, beforeMbps: figure }),
  }),
)

const nothing: Known = { rtt: nothingKnown, loss: nothingKnown, carried: nothingCarried }

function told({ carried, loss, rtt }: Known): string {
  return `${rtt.step} ${loss.step} ${carriedStep(carried.mbps)} ${carriedStep(carried.beforeMbps)}`
}

export function createQuality({ clock, declaredMbps, metered }: QualityOptions): Quality {
  const scale = scales(metered)
  /** By uplink; the one that was used last comes last. */
  const known = new Map<string, Known>()
  let [current, isPreferred, revision] = ['', true, 0]

  const keep = (uplink: string, next: Known): void => {
    known.delete(uplink)
    known.set(uplink, next)
    const [oldest] = known.keys()
    if (known.size > uplinksMax && oldest !== undefined) known.delete(oldest)
  }

  const bandwidth = (carried: Carried): Pick<UplinkQuality, 'bandwidthMbps' | 'bandwidthBy'> => {
    const declared = declaredMbps === undefined || !isPreferred ? undefined : carriedStep(declaredMbps)
    if (declared !== undefined) return { bandwidthMbps: declared, bandwidthBy: 'declared' }
    const observed = carriedStep(mostCarried(carried))
    return observed === undefined ? {} : { bandwidthMbps: observed, bandwidthBy: 'observed' }
  }

  return {
    note({ isPreferred: preferred, loss, rttMs, sentMbps, uplink }) {
      const before = known.get(uplink) ?? nothing
      const at = clock.monotonic()
      const carries = loss !== undefined && loss <= CARRIES_WITH_LOSS_MAX
      const next: Known = {
        rtt: rttMs === undefined ? before.rtt : noteFigure(before.rtt, scale.rtt, rttMs, at),
        loss: loss === undefined ? before.loss : noteFigure(before.loss, scale.loss, loss * PERCENT, at),
        carried: noteCarried(before.carried, carries ? sentMbps : 0, clock.now()),
      }
      current = uplink
      isPreferred = preferred
      if (told(next) !== told(before)) revision += 1
      keep(uplink, next)
    },
    view() {
      const { carried, loss, rtt } = known.get(current) ?? nothing
      return {
        ...(rtt.step === undefined ? {} : { rttMs: rtt.step }),
        ...(loss.step === undefined ? {} : { lossPercent: loss.step }),
        ...bandwidth(carried),
        metered,
      }
    },
    memoryRevision: () => revision,
    remember() {
      const kept = [...known].map(([uplink, { carried, loss, rtt }]) => [
        uplink,
        { rtt: rtt.step, loss: loss.step, carried },
      ])
      return JSON.stringify(Object.fromEntries(kept))
    },
    recall(text) {
      if (text === undefined) return
      const read = Object.entries(v.parse(memory, JSON.parse(text))).slice(-uplinksMax)
      for (const [uplink, { carried, loss, rtt }] of read) {
        keep(uplink, { rtt: { ...nothingKnown, step: rtt }, loss: { ...nothingKnown, step: loss }, carried })
        current = uplink
      }
    },
  }
}
