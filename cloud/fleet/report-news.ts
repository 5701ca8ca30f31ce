// What a device's report says that was not so before. Pure.

import { encodeCanonicalText } from '../../shared/record/canonical.ts'
import { compareVersion, noVersion } from '../../shared/record/head.ts'
import type { StatusReport } from '../../shared/wire/report.ts'
import type { HubEvent } from '../hub.ts'
import { type Device, stateOf } from './device.ts'

/** What people and schedulers see of it besides: how good its way out is, what it publishes, and what is wrong. */
function saidOf(report: StatusReport | undefined): string {
  return encodeCanonicalText([report?.uplink ?? {}, report?.health ?? [], report?.published ?? []])
}

export function newsOf(before: StatusReport | undefined, now: StatusReport, device: Device): readonly HubEvent[] {
  const { name } = device.enrolment
  const { applied } = now.revision
  const isAcknowledged = compareVersion(applied, before?.revision.applied ?? noVersion) !== 0
  const isOther = saidOf(before) !== saidOf(now)
  return [
    ...(isAcknowledged ? [{ type: 'acknowledged' as const, name, version: applied }] : []),
    ...(isOther ? [{ type: 'node' as const, name, state: stateOf(device) }] : []),
  ]
}
