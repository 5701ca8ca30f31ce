// What a device measures of its way out, in steps, so that whoever acts on it is not woken by each wavering round trip.

import * as v from 'valibot'
import { integer } from '../intent/field.ts'
import { tolerantPick } from './tolerant.ts'

/** Upper bounds: a round trip takes at most so many milliseconds; the last stands for whatever is longer. */
export const rttStepsMs = [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000] as const
/** Upper bounds, too: of a hundred packets at most so many are lost. */
export const lossStepsPercent = [1, 2, 5, 10, 20, 50, 100] as const
/** Lower bounds: at least so many megabits go out each second. */
export const bandwidthStepsMbps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const

const count = integer(0, 1_000_000)

/** Each is absent where it is not known. */
export const uplinkQuality = v.object({
  /** By the nearest of the nodes and relays that are not on the device's own LAN. */
  rttMs: v.optional(count),
  lossPercent: v.optional(count),
  /** What goes out. */
  bandwidthMbps: v.optional(count),
  /** People said so in the device's settings, or it was seen to carry as much. */
  bandwidthBy: v.optional(tolerantPick(['declared', 'observed'], 'observed')),
  /** As the device's settings say. */
  metered: v.boolean(),
})
export type UplinkQuality = v.InferOutput<typeof uplinkQuality>
