// What people are told of uplinks that let nothing through.

import type { UplinkReport } from '../uplinks/report.ts'
import { uplinkSentences } from '../uplinks/words.ts'
import type { Health } from './health.ts'

export function tellUplinks(health: Health, reports: readonly UplinkReport[], nowMs: number): void {
  const sentences = uplinkSentences(reports, nowMs)
  if (sentences.length === 0) health.clear('uplink-silent')
  else health.raise('uplink-silent', sentences.join('; '))
}
