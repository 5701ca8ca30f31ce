// JoinToken: leave for devices to enrol. The secret itself is shown once and kept only as a hash.

import * as v from 'valibot'
import { integer, labels } from './field.ts'
import { networkRef } from './network.ts'

/** `90s`, `15m`, `24h` or `7d`, kept in seconds. */
export const duration = v.pipe(
  v.string(),
  v.regex(/^[1-9]\d{0,6}[smhd]$/, 'is not a duration: write it like 90s, 15m, 24h or 7d'),
  v.metadata({ format: 'duration' }),
)
export type Duration = v.InferOutput<typeof duration>

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

export function durationS(text: Duration): number {
  return Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS]
}

export const tokenSpec = v.strictObject({
  network: networkRef,
  ttl: v.optional(duration, '1h'),
  uses: v.optional(integer(1, 100_000), 1),
  labels: v.optional(labels, {}),
  autoApprove: v.optional(v.boolean(), true),
})
export type TokenSpec = v.InferOutput<typeof tokenSpec>
