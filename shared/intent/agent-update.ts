// AgentUpdate: another version of the agent for some devices or all, in waves.

import * as v from 'valibot'
import { releaseVersion } from '../release/version-order.ts'
import { wavesMax } from '../update-limits.ts'
import { integer, labels, selector } from './field.ts'
import { networkRef } from './network.ts'

/** How many take part once it is open: a share of those that are selected, a number, or everybody with these labels beside. */
const wave = v.pipe(
  v.strictObject({
    percent: v.optional(integer(1, 100)),
    count: v.optional(integer(1, 100_000)),
    matchLabels: v.optional(labels),
  }),
  v.check(
    ({ count, matchLabels, percent }) => [count, matchLabels, percent].filter((one) => one !== undefined).length === 1,
    'names one of percent, count and matchLabels, and no more',
  ),
)

export const agentUpdateSpec = v.strictObject({
  network: networkRef,
  /** Of a release that the hub holds. */
  version: releaseVersion,
  /** Who is to have it in the end; every node where absent. */
  selector: v.optional(selector, {}),
  /** One after the other. Percent and count are totals, those of the waves before included. */
  waves: v.optional(v.pipe(v.array(wave), v.minLength(1), v.maxLength(wavesMax)), [
    { count: 1 },
    { percent: 10 },
    { percent: 100 },
  ]),
  /** Seconds that a version must have run on all devices of a wave before the next one opens. */
  soakS: v.optional(integer(0, 30 * 86_400), 600),
  /** Devices that may take it back, refuse it, or fall silent; one more halts the roll-out. */
  maxFailed: v.optional(integer(0, 100_000), 0),
  /** Also where an older version replaces a newer one. */
  allowDowngrade: v.optional(v.boolean(), false),
  /** Opens no wave, and lets nobody begin who has not begun. */
  paused: v.optional(v.boolean(), false),
})
