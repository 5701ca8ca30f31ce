// How far a renumbering is, for people.

import type { Name } from '../../shared/ids.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import type { RenumberStep } from '../../shared/intent/renumber.ts'
import type { Understood } from '../../shared/wire/understands.ts'
import type { ResourceCondition } from '../resource-condition.ts'
import { names } from './names.ts'
import { isOnTrial, type Member, type Progress } from './progress.ts'

type Trying = Pick<Member, 'name' | 'applied' | 'lastGood'>

/**
 * Whom the next step waits for, whatever the reason; by name. What follows a switch lets the old block go: one that has the
 * switch on trial may still go back to where it knew no other.
 */
export function missingIn(
  { offline, pending, takenBack, version, waiting }: Progress,
  members: readonly Trying[],
  step: RenumberStep | undefined,
): readonly Name[] {
  const trying = step === 'Switch' ? members.filter((one) => isOnTrial(one, version)) : []
  return [...new Set([...pending, ...offline, ...waiting, ...[...takenBack, ...trying].map(({ name }) => name)])].sort()
}

/** What an agent has to understand to take part in a renumbering of the network. */
export function wordFor({ membershipLock }: Pick<NetworkSpec, 'membershipLock'>): Understood {
  return membershipLock === undefined ? 'renumber-step' : 'renumber-locked'
}

/** An older agent refuses to hear of a renumbering; of one that never reported, nothing is known. */
export function understandsRenumbering({ report }: Pick<Member, 'report'>, word: Understood): boolean | undefined {
  return report === undefined ? undefined : report.understands?.includes(word) === true
}

const STEPS = {
  Prepare: ['every node gets an address in', 'holdfast-hub renumber switch'],
  Switch: ['nodes still hold their old address in', 'holdfast-hub renumber finish'],
  Return: ['it goes back; nodes still hold the address in', 'holdfast-hub renumber finish'],
} as const

/** Undefined where the network is not being renumbered. `members`: of that network. */
export function renumberingOf(
  { membershipLock, renumber }: NetworkSpec,
  progress: Progress | 'unsigned' | undefined,
  members: readonly (Trying & Pick<Member, 'report'>)[],
): Pick<ResourceCondition, 'type' | 'status' | 'reason' | 'message'> | undefined {
  if (renumber === undefined) return undefined
  const { step } = renumber
  const [what, next] = STEPS[step]
  const blocks = [renumber.cidr, renumber.cidr6].flatMap((block) => block ?? []).join(' and ')
  const parts = [`${step}: ${what} ${blocks}`]
  if (progress === undefined || progress === 'unsigned') parts.push('not signed and published yet')
  else {
    const missing = missingIn(progress, members, step)
    parts.push(`${progress.acknowledged} of ${progress.members} have it`)
    parts.push(missing.length === 0 ? `next: ${next}` : `missing: ${names(missing)}`)
  }
  const word = wordFor({ membershipLock })
  const tooOld = members.filter((one) => understandsRenumbering(one, word) === false).map(({ name }) => name)
  if (tooOld.length > 0) parts.push(`update the agents of ${names(tooOld.sort())}: they are too old to take part`)
  if (renumber.without !== undefined) parts.push(`left behind if need be: ${names(renumber.without)}`)
  return { type: 'Renumbering', status: 'True', reason: step, message: parts.join('; ') }
}
