// An override in the first lines of the status: what holds on this device is not what the fleet's intent says.

import { timeText } from '../../shared/cli/words.ts'
import { overrideByText } from '../../shared/override/override.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { ageText } from './words.ts'

export function overrideLine({ by, expiresAt, id, reason }: OverrideView, nowMs: number): string {
  const left = expiresAt > nowMs ? `${ageText((expiresAt - nowMs) / 1_000)} left` : 'past its end'
  return `OVERRIDE  ${id} until ${timeText(expiresAt)} (${left}) by ${overrideByText(by)}: ${reason}`
}
