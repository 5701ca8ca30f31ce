// What people are told of the membership lock: whom it leaves out, and that the hub shows another one.

import type { Name } from '../../shared/ids.ts'
import { isLocked } from '../../shared/record/lock.ts'
import type { LockedHolding } from '../trust/locked.ts'
import type { Health } from './health.ts'

export interface LockStatus {
  readonly serial: number
  /** How many of so many keys must sign for a member. */
  readonly threshold: number
  readonly keys: number
  /** Members that the hub names and this node leaves out. */
  readonly leftOut: readonly Name[]
}

/** Names in a condition. */
const NAMED_MAX = 5

export function lockStatus(holding: Pick<LockedHolding, 'leftOut' | 'pin'>): LockStatus | undefined {
  const lock = holding.pin.lock()
  if (!isLocked(lock)) return undefined
  const { revoked, unsigned } = holding.leftOut()
  return { serial: lock.serial, threshold: lock.threshold, keys: lock.keys.length, leftOut: [...unsigned, ...revoked] }
}

function some(names: readonly string[]): string {
  const more = names.length - NAMED_MAX
  return more > 0 ? `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more` : names.join(', ')
}

export function tellLock(
  health: Pick<Health, 'raise' | 'clear'>,
  holding: Pick<LockedHolding, 'leftOut' | 'pin'>,
): void {
  const { revoked, unsigned } = holding.leftOut()
  const parts = [
    ...(unsigned.length === 0 ? [] : [`without enough signatures: ${some(unsigned)}`]),
    ...(revoked.length === 0 ? [] : [`revoked by the lock: ${some(revoked)}`]),
  ]
  if (parts.length === 0) health.clear('members-unsigned')
  else health.raise('members-unsigned', parts.join('; '))
  const refused = holding.pin.refused()
  if (refused === undefined) health.clear('lock-refused')
  else health.raise('lock-refused', refused)
}
