// A device did what nobody told it: it took a revision back. Told to those who watch, and to the log and the audit.

import type { Clock, Log } from '../../shared/effects.ts'
import { compareVersion, formatVersion } from '../../shared/record/head.ts'
import type { StatusReport } from '../../shared/wire/report.ts'
import type { AuditRow } from '../audit.ts'
import type { HubEvent } from '../hub.ts'
import { type Device, takenBackOf } from './device.ts'

/** One device that goes on like this is written down once in so long. */
export const TELL_EVERY_MS = 3_600_000

interface Ears {
  readonly clock: Clock
  readonly log: Log
  readonly emit: (event: HubEvent) => void
}

/** `before`: what it had taken back by its last word. Returns the line for the audit, if it is time for one. */
export function tellTakenBack(
  device: Device,
  before: StatusReport['revision']['quarantine'],
  { clock, emit, log }: Ears,
): AuditRow | undefined {
  const { report } = device
  const { name } = device.enrolment
  const now = takenBackOf(name, report)
  if (now === undefined) return undefined
  if (before?.certain === now.certain && compareVersion(before.version, now.version) === 0) return undefined
  const { certain, check, detail: why, version } = now
  emit({ type: 'taken-back', name, version, check, certain })
  const at = clock.monotonic()
  if (device.takenBackToldAt !== undefined && at - device.takenBackToldAt < TELL_EVERY_MS) return undefined
  device.takenBackToldAt = at
  const detail = `revision ${formatVersion(version)}, ${check}: ${why}`
  log.warn('a node took a revision back', { node: name, reason: detail })
  return { at: clock.now(), actor: name, verb: 'took-back', target: `node/${name}`, detail }
}
