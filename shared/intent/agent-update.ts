// AgentUpdate: another version of the agent for some devices or all, in waves.

import * as v from 'valibot'
import { releaseVersion } from '../release/version-order.ts'
import { wavesMax } from '../update-limits.ts'
import { integer, labels, selector } from './field.ts'
import { networkRef } from './network.ts'
import { about, rule } from './rule.ts'

/** How many take part once it is open: a share of those that are selected, a number, or everybody with these labels beside. */
const wave = v.pipe(
  v.strictObject({
    percent: about(v.optional(integer(1, 100)), 'Share of those that are selected.'),
    count: about(v.optional(integer(1, 100_000)), 'So many of them.'),
    matchLabels: about(v.optional(labels), 'Those with these labels.'),
  }),
  rule(
    ({ count, matchLabels, percent }) => [count, matchLabels, percent].filter((one) => one !== undefined).length === 1,
    'names one of percent, count and matchLabels, and no more',
    '[has(self.percent), has(self.count), has(self.matchLabels)].filter(one, one).size() == 1',
  ),
)

const clockTime = v.pipe(v.string(), v.regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'is not a time of day such as 01:30'))

/** Of each day; over midnight where it ends before it begins. */
const windowSpec = v.pipe(
  v.strictObject({
    from: about(clockTime, 'Such as 22:00, UTC.'),
    to: about(clockTime, 'Such as 04:00, UTC; over midnight where it is before the other.'),
  }),
  rule(({ from, to }) => from !== to, 'ends when it begins', 'self.from != self.to'),
)

/** Where there is none, always. `nowMs`: milliseconds since the Unix epoch. */
export function isInWindow(window: v.InferOutput<typeof windowSpec> | undefined, nowMs: number): boolean {
  if (window === undefined) return true
  const { from, to } = window
  const now = new Date(nowMs).toISOString().slice(11, 16)
  return from < to ? from <= now && now < to : now >= from || now < to
}

export const agentUpdateSpec = v.strictObject({
  network: networkRef,
  version: about(releaseVersion, 'Of a release that the hub holds.'),
  selector: about(v.optional(selector, {}), 'Who is to have it in the end; every node where absent.'),
  waves: about(
    v.optional(v.pipe(v.array(wave), v.minLength(1), v.maxLength(wavesMax)), [
      { count: 1 },
      { percent: 10 },
      { percent: 100 },
    ]),
    'One after the other. Percent and count are totals, those of the waves before included.',
  ),
  soakS: about(
    v.optional(integer(0, 30 * 86_400), 600),
    'Seconds that a version must have run on all devices of a wave before the next one opens.',
  ),
  maxFailed: about(
    v.optional(integer(0, 100_000), 0),
    'Devices that may take it back, refuse it, or fall silent; one more halts the roll-out.',
  ),
  allowDowngrade: about(v.optional(v.boolean(), false), 'Also where an older version replaces a newer one.'),
  window: about(
    v.optional(windowSpec),
    'Nobody is told, and no wave opened, at other times of the day; who was told by then comes to an end.',
  ),
  paused: about(v.optional(v.boolean(), false), 'Opens no wave, and lets nobody begin who has not begun.'),
})
