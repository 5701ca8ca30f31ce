// What somebody with root asks for: copy these flows to that interface, for so long. Of this device alone, told to nobody.

import * as v from 'valibot'
import type { Cidr } from '../../shared/address/cidr.ts'
import { cidr, integer, name, text } from '../../shared/intent/field.ts'
import {
  mirrorPacketsPerSMax,
  mirrorSelectedMax,
  overrideDurationMsMax,
  overrideDurationMsMin,
} from '../../shared/limits.ts'
import { overrideBy, overrideByText, overrideReason } from '../../shared/override/override.ts'
import { parseService } from '../../shared/policy/target.ts'

/** Packets a second unless told otherwise: 100 Mbit/s of large ones, and a few percent of a small processor. */
export const defaultPacketsPerS = 10_000

/** As the kernel takes them, without those that a command line or nft would read otherwise. */
const deviceName = v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,14}$/, 'is not the name of an interface'))

function serviceText(word: string): string {
  parseService(word)
  return word
}

function some<T extends v.GenericSchema>(one: T) {
  return v.pipe(v.array(one), v.maxLength(mirrorSelectedMax))
}

const asked = {
  /** The interface that copies go to. */
  to: deviceName,
  /** Nodes, by name. */
  peers: some(name),
  /** Blocks besides; with neither peers nor blocks, whoever it is. */
  cidrs: some(cidr),
  /** `443`, `53/udp`, `icmp`; none: all of them. */
  services: some(text(serviceText, 'service')),
  packetsPerS: integer(1, mirrorPacketsPerSMax),
  reason: overrideReason,
  by: overrideBy,
}

export const mirrorOrder = v.strictObject({
  ...asked,
  durationMs: integer(overrideDurationMsMin, overrideDurationMsMax),
})
export type MirrorOrder = v.InferOutput<typeof mirrorOrder>

/** What ends it. */
export const mirrorEnd = v.strictObject({ by: overrideBy })
export type MirrorEnd = v.InferOutput<typeof mirrorEnd>

const moment = integer(0, Number.MAX_SAFE_INTEGER)

/** As it is kept. Times are milliseconds since the Unix epoch, by the later of the clock and what is known to have passed. */
export const mirrorSchema = v.strictObject({ ...asked, madeAt: moment, expiresAt: moment })
export type Mirror = v.InferOutput<typeof mirrorSchema>

/** As people see it. */
export interface MirrorView extends Mirror {
  /** Why nothing is copied now; absent where it is. */
  readonly waits?: string
  /** Packets since this was put into the kernel, and those beyond the rate, which were not copied; absent while it waits. */
  readonly packets?: { readonly copied: number; readonly spared: number }
}

/** What is selected, in a few words. */
export function selectionText({ cidrs, peers, services }: Pick<Mirror, 'cidrs' | 'peers' | 'services'>): string {
  const ends: readonly (string | Cidr)[] = [...peers, ...cidrs]
  const who = ends.length === 0 ? 'everybody' : ends.join(', ')
  return services.length === 0 ? who : `${who}: ${services.join(', ')}`
}

/** One line, for the status and for health. */
export function mirrorText(mirror: MirrorView): string {
  const { by, expiresAt, reason, to, waits } = mirror
  const state = waits === undefined ? '' : `; waits: ${waits}`
  const until = new Date(expiresAt).toISOString()
  return `${selectionText(mirror)} to ${to} until ${until} by ${overrideByText(by)}: ${reason}${state}`
}
