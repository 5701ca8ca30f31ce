// Where the traffic of a pair may go by the network's relayPolicy, in sentences: on the device and at the hub alike.

import type { Residency, ResidencyRule } from './relay-policy.ts'
import { selectorText } from './selector-text.ts'

const ruleName = (index: number): string => `relayPolicy[${index}]`

function ruleLine({ index, nodes, of, relays }: ResidencyRule): string {
  const whose = nodes === undefined ? 'every node' : selectorText(nodes)
  return `  ${ruleName(index)} keeps the traffic of ${whose} (here: ${of.join(', ')}) on relays ${selectorText(relays)}`
}

/** What to do about it: somebody who may be asked at night has not written the rules. */
function remedy({ forbidden }: Residency): string {
  const rules = [...new Set(forbidden.flatMap(({ by }) => by))].sort((a, b) => a - b).map(ruleName)
  const which = rules.length === 0 ? 'these rules' : rules.join(' and ')
  return `Give a relay that may carry it the labels that ${which} ${rules.length > 1 ? 'ask' : 'asks'} for, or change relayPolicy of the Network.`
}

function closing(residency: Residency, isReached: boolean, answers: (relay: string) => boolean): readonly string[] {
  if (isReached || residency.allowed.some(answers)) return []
  const { allowed, forbidden } = residency
  if (allowed.length > 0) {
    const others =
      forbidden.length === 0 ? '' : ', and only forbidden ones are left: no path is better than a forbidden one'
    return [`No relay that may carry it answers${others}. See to ${allowed.join(', ')}.`]
  }
  if (forbidden.length === 0)
    return [`No relay is known to this network. Add one with the labels that the rules ask for.`]
  return [
    `There is no path through a relay, because only forbidden relays are left: no path is better than a forbidden one.`,
    remedy(residency),
  ]
}

/** `answers`: as far as the one who is asked can tell. A pair that is reached needs no excuse, so `isReached` ends it. */
export function residencyLines(
  residency: Residency,
  { answers, isReached }: { readonly isReached: boolean; readonly answers: (relay: string) => boolean },
): readonly string[] {
  const { allowed, forbidden, rules } = residency
  const denied = forbidden.map(({ by, relay }) => `${relay} (${by.map(ruleName).join(', ')})`)
  return [
    'Relays for this pair are kept by the network’s relayPolicy:',
    ...rules.map(ruleLine),
    `  allowed: ${allowed.join(', ') || 'none of those that are known'}`,
    `  forbidden: ${denied.join(', ') || 'none of those that are known'}`,
    ...closing(residency, isReached, answers),
  ]
}
