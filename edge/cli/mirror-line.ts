// A mirror in the first lines of the status: whoever looks is to know that somebody reads along.

import { timeText } from '../../shared/cli/words.ts'
import { overrideByText } from '../../shared/override/override.ts'
import { type MirrorView, selectionText } from '../mirror/order.ts'
import { ageText } from './words.ts'

function stateText({ packets, waits }: MirrorView): string {
  if (waits !== undefined) return `nothing now: ${waits}`
  if (packets === undefined) return 'as the agent left it'
  const spared = packets.spared === 0 ? '' : `, ${packets.spared} beyond the rate left out`
  return `${packets.copied}${spared}`
}

export function mirrorLines(mirror: MirrorView, nowMs: number): readonly string[] {
  const { by, expiresAt, packetsPerS, reason, to } = mirror
  const left = expiresAt > nowMs ? `${ageText((expiresAt - nowMs) / 1_000)} left` : 'past its end'
  return [
    `MIRROR    ${selectionText(mirror)} to ${to} until ${timeText(expiresAt)} (${left}) by ${overrideByText(by)}: ${reason}`,
    `          at most ${packetsPerS} packets a second; copied: ${stateText(mirror)}`,
  ]
}
