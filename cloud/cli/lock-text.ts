// The membership lock for people: its keys, and who is signed for.

import { fromBase64 } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { isLocked } from '../../shared/record/lock.ts'
import type { LockMember, LockView } from '../hub.ts'
import { type Context, printTable } from './context.ts'

const words = { admitted: 'member', unsigned: 'waits', revoked: 'revoked' } as const

/** At which step of a renumbering it has the addresses that stand beside. */
const STEPS = { Before: 'the way back', Prepare: 'the start', Switch: 'the switch', After: 'the end' } as const

/** A device that asks for another key is a member all the while, by its present one. */
function stateOf({ at, isNext, verdict }: LockMember): string {
  if (at !== undefined && verdict !== 'revoked') {
    return `${verdict === 'admitted' ? 'signed' : 'waits'} for ${STEPS[at]}${isNext === true ? ', another key' : ''}`
  }
  if (isNext !== true) return words[verdict]
  return verdict === 'admitted' ? 'may change its key' : 'waits for another key'
}

export function printMembers(context: Context, { lock }: LockView, members: readonly LockMember[]): void {
  const keys = new Set(lock?.lock.keys.map((key) => keyIdOf(fromBase64(key), sha256)))
  const rows = members.map((one) => {
    const { asksDeviceKey, disabled, member, signatures, verdict } = one
    const signers = signatures.map(({ key }) => key).filter((key) => keys.has(key))
    const tone = verdict === 'admitted' ? 'good' : 'warn'
    return [
      member.name,
      member.nodeId,
      member.addresses.join(' '),
      { text: `${stateOf(one)}${disabled ? ', disabled' : ''}`, tone } as const,
      `${signers.length} of ${lock?.lock.threshold ?? 0}`,
      signers.join(' ') || '-',
      asksDeviceKey ? `device key ${member.deviceKey}` : member.wgKey,
    ]
  })
  const headings = ['node', 'id', 'addresses', 'state', 'signatures', 'signed by', 'WireGuard key']
  printTable(context, { headings, rows }, 'Nobody waits for signatures.')
}

export function printLock(context: Context, view: LockView): void {
  const { lock, members, network } = view
  if (lock === undefined || !isLocked(lock.lock)) {
    context.out(`Network ${network.name} has no membership lock: the hub alone says who is a member.\n`)
    return
  }
  const { keys, revoked, serial, threshold } = lock.lock
  context.out(`Network ${network.name}: ${threshold} of ${keys.length} keys sign for a member, lock ${serial}\n`)
  for (const key of keys) context.out(`  ${keyIdOf(fromBase64(key), sha256)}  ${key}\n`)
  if (revoked.length > 0) context.out(`Revoked for good: ${revoked.join(', ')}\n`)
  context.out('\n')
  printMembers(context, view, members)
}
