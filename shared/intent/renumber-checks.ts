// What the other blocks of a network that is renumbered must be. Pure.

import { familyOf } from '../address/cidr.ts'
import type { NetworkSpec } from './network.ts'

const LENGTH_MAX = { 4: 29, 6: 120 } as const

/** `fault`: told of each, with the field of the spec. */
export function checkRenumberPlan(
  { cidr6, renumber }: NetworkSpec,
  fault: (message: string, field: string, remedy: string) => void,
): void {
  if (renumber === undefined) return
  if (renumber.cidr === undefined && renumber.cidr6 === undefined) {
    fault('renumber names no block', 'renumber', 'Name the other block: cidr, cidr6 or both.')
  }
  for (const [key, family] of [
    ['cidr', 4],
    ['cidr6', 6],
  ] as const) {
    const block = renumber[key]
    if (block === undefined) continue
    const field = `renumber.${key}`
    if (familyOf(block) !== family) fault(`${block} is not an IPv${family} block`, field, 'Name it in the other field.')
    else if (family === 6 && cidr6 === undefined) {
      fault(
        `there is no cidr6 that ${block} could take the place of`,
        field,
        'Set cidr6 itself: every node gets an address.',
      )
    } else if (family === 6 && !/^f[cd]/.test(block)) {
      fault(`${block} is not a unique local IPv6 block (RFC 4193)`, field, 'Use one in fc00::/7.')
    } else if (Number(block.split('/')[1]) > LENGTH_MAX[family]) {
      fault(`${block} is too small`, field, `Use /${LENGTH_MAX[family]} or wider.`)
    }
  }
}
